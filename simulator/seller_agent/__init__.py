"""A seller that speaks like the IAB Tech Lab seller agent 2.4.2 (observed behaviour, not a specification).

`reference_catalogue.json` is that agent's default catalogue: Apache-2.0, IAB Technology Laboratory.
"""
