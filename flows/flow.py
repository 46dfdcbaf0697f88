"""The kernel's own flow: a heartbeat that goes the way of every other step."""

from __future__ import annotations

from flows import heartbeat
from flows.registry import flow_kind
from flows.work import Done, Work

heartbeat_flow = flow_kind(heartbeat.FLOW_NAME, "flows.Heartbeat")


@heartbeat_flow.step()
def beat(work: Work) -> Done:
    """Nothing to do; that it is recorded is the point."""
    return Done(record=heartbeat.note)
