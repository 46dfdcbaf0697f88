"""Many slow conversations at once from one step, with their results in the order in which they finish.

The conversations run on an event loop in a thread of their own; the step's thread takes each result as it comes and
may commit it, so that what one partner said is kept even if the next one hangs.
"""

from __future__ import annotations

import asyncio
import contextvars
import queue
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Finished(Generic[T]):
    """`value` or `error`, never both. `index` is the position of the conversation in the list given."""

    index: int
    value: T | None = None
    error: BaseException | None = None


def as_they_finish(
    conversations: Sequence[Callable[[], Awaitable[T]]], *, deadline: float
) -> Iterator[Finished[T]]:
    """Run all, each within `deadline` seconds in total; yield each outcome as it comes. Raises nothing of theirs."""
    if not conversations:
        return
    outcomes: queue.SimpleQueue[Finished[T]] = queue.SimpleQueue()

    def run() -> None:
        try:
            asyncio.run(_run_all(conversations, deadline, outcomes))
        except BaseException as error:  # no loop could be had: whoever waits must hear it
            for index in range(len(conversations)):
                outcomes.put(Finished(index, error=error))

    # With the context of the step, so that what is logged and measured in there is known to be its own.
    threading.Thread(target=contextvars.copy_context().run, args=(run,), name="fan-out", daemon=True).start()
    for _ in conversations:
        yield outcomes.get()
    # Not joined: a name look-up that hangs in a thread of the loop outlives its conversation's deadline.


async def _run_all(
    conversations: Sequence[Callable[[], Awaitable[T]]],
    deadline: float,
    outcomes: queue.SimpleQueue[Finished[T]],
) -> None:
    async def one(index: int, conversation: Callable[[], Awaitable[T]]) -> None:
        try:
            async with asyncio.timeout(deadline):
                outcomes.put(Finished(index, value=await conversation()))
        except BaseException as error:
            outcomes.put(Finished(index, error=error))

    await asyncio.gather(*(one(index, conversation) for index, conversation in enumerate(conversations)))
