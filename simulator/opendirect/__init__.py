"""A seller that speaks OpenDirect 2.1 (IAB Technology Laboratory) under `/v2/`, strictly.

A request that the text does not allow is refused with 400 and journaled as a `violation`.
"""
