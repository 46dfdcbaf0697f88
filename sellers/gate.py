"""May this call go out now? Concurrency, the seller's own wish for silence, and the circuit, for all conversations.

State is kept per seller: in this process, and where `FLIGHTDECK_SELLER_STATE_URL` names a Redis, in common with every
other process. Redis going away costs precision, never a call: each process then keeps its own limits.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import functools
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from django.conf import settings

from flows.clock import now
from flows.ids import jitter, new_id
from sellers import circuit as circuits
from sellers.calls import Call, CallFailed
from sellers.circuit import CLEAN, Circuit
from sellers.circuit import Gate as Word
from sellers.dialects.base import Connection
from sellers.retrying import RetryBudget
from sellers.shared import Away, SharedState
from sellers.slots import Slots

T = TypeVar("T")

MOST_CONCURRENT = 100
LEASE_MARGIN = (
    2.0  # seconds that a slot and a probe outlive the deadline of their call, for a process that was killed
)
POLL_SECONDS = 0.03  # between two questions whether a slot or a verdict is there
PROBE_PATIENCE = 2.0  # seconds that other calls wait for the verdict of the one that tries
CLEAN_FOR = 0.2  # seconds for which "nothing is wrong with this seller" is not asked of Redis again


@dataclass
class _Local:
    """What this process knows of one seller."""

    slots: Slots = field(default_factory=Slots)
    budget: RetryBudget = field(default_factory=RetryBudget)
    circuit: Circuit = CLEAN
    lock: threading.Lock = field(default_factory=threading.Lock)
    clean_until: float = 0.0


_known: dict[str, _Local] = {}
_known_lock = threading.Lock()


def key_of(slug: str, base_url: str) -> str:
    """Another address is another server, with a history of its own."""
    return f"{slug}@{base_url}"


def concurrency_of(connection: Connection) -> int:
    """Calls at once: what operators set for this seller, else the setting."""
    stated = connection.options.get("concurrency")
    if isinstance(stated, int) and not isinstance(stated, bool) and 1 <= stated <= MOST_CONCURRENT:
        return stated
    return max(1, min(int(settings.FLIGHTDECK_SELLER_CONCURRENCY), MOST_CONCURRENT))


def circuit_of(key: str) -> Circuit:
    """The seller's circuit as all processes see it, or as this one does while Redis is away."""
    shared = _shared()
    if shared is not None:
        try:
            return shared.circuit(key)
        except Away:
            pass
    return _local(key).circuit


def forget_all() -> None:
    """As after a restart of everything. For tests, which share one process."""
    with _known_lock:
        _known.clear()
    shared = _shared()
    if shared is not None:
        shared.forget()


class Gate:
    """The gate of one conversation."""

    def __init__(self, connection: Connection, call_seconds: float) -> None:
        self.limit = concurrency_of(connection)
        self._name = connection.name or connection.slug
        self._key = key_of(connection.slug, connection.base_url)
        self._call_seconds = call_seconds
        self._local = _local(self._key)

    def begins(self) -> None:
        """A call begins: it earns its share of a retry."""
        self._local.budget.call()

    def may_retry(self, call: Call) -> bool:
        return not call.probe and self._local.budget.take()

    async def admit(self, call: Call, until: float) -> None:
        """Wait while that makes sense, at most until the monotonic time `until`. Raises `CallFailed`, never sent."""
        patience = min(until, time.monotonic() + PROBE_PATIENCE)
        while True:
            word, silent, circuit = self._look(call)
            if silent:
                await self._keep_silence(silent, until)
            elif word in (Word.GO, Word.PROBE):
                call.probe = word is Word.PROBE
                return
            elif word is Word.OPEN or time.monotonic() >= patience:
                raise self._open(circuit)
            else:
                await asyncio.sleep(jitter(POLL_SECONDS))

    @asynccontextmanager
    async def slot(self, call: Call, until: float) -> AsyncIterator[None]:
        """One of the seller's slots. While the call waits for it, `call.queued` is set."""
        slots = self._local.slots
        if not slots.take_now(self.limit):
            call.queued = True
            await slots.take(self.limit)
        try:
            holder = await self._lease(call, until)
            call.queued = False
            try:
                yield
            finally:
                self._end_lease(holder)
        finally:
            slots.give_back(self.limit)

    def succeeded(self, call: Call) -> None:
        """A complete answer came."""
        if not self._known_clean():
            self._change(lambda circuit: (circuits.succeeded(circuit, _at()), None))

    def failed(self, call: Call, reason: str) -> None:
        """The call ended in a way that means that the seller is ill."""
        self._change(lambda circuit: (circuits.failed(circuit, _at(), str(call.id), reason), None))

    def abandoned(self, call: Call) -> None:
        """The call ended in a way that says nothing about the seller."""
        if call.probe:
            self._change(lambda circuit: (circuits.abandoned(circuit, str(call.id)), None))

    def asked_to_wait(self, seconds: float) -> None:
        """The seller sent Retry-After: nobody calls it before."""
        self._change(lambda circuit: (circuits.asked_to_wait(circuit, _at(), seconds), None))

    def _look(self, call: Call) -> tuple[Word, float, Circuit]:
        if self._known_clean():
            return Word.GO, 0.0, CLEAN

        def look(circuit: Circuit) -> tuple[Circuit, tuple[Word, float]]:
            moment = _at()
            if silent := circuits.silence(circuit, moment):
                return circuit, (Word.WAIT, silent)
            after, word = circuits.ask(circuit, moment, str(call.id), self._call_seconds + LEASE_MARGIN)
            return after, (word, 0.0)

        circuit, (word, silent) = self._change(look)
        return word, silent, circuit

    async def _keep_silence(self, seconds: float, until: float) -> None:
        if time.monotonic() + seconds >= until:
            again = _clock(_at() + seconds)
            raise CallFailed(
                "seller_busy",
                f"{self._name} has asked us not to call before {again}.",
                sent=False,
                retry_after=seconds,
            )
        await asyncio.sleep(seconds + jitter(0.1, 1.0))  # those who wait do not come back in step

    def _open(self, circuit: Circuit) -> CallFailed:
        spell = circuit.spell
        began, reason = (spell.began, spell.reason) if spell else (_at(), "")
        wait = max(0.0, circuit.retry_at - _at())
        then = f"is tried again at {_clock(circuit.retry_at)}" if wait else "is being tried at this moment"
        sentence = f"{self._name} has not answered properly since {_clock(began)} ({reason}) and {then}."
        return CallFailed("circuit_open", sentence, sent=False, retry_after=wait or None)

    async def _lease(self, call: Call, until: float) -> str | None:
        """The same slot among all processes; None where there is no Redis or it is away."""
        shared = _shared()
        if shared is None:
            return None
        holder = str(new_id())
        try:
            while not shared.take_slot(self._key, holder, self.limit, self._lease_seconds(until)):
                call.queued = True
                await asyncio.sleep(jitter(POLL_SECONDS))
        except Away:
            return None
        except BaseException:
            shared.leave_queue(self._key, holder)
            raise
        return holder

    def _lease_seconds(self, until: float) -> float:
        return max(0.0, until - time.monotonic()) + LEASE_MARGIN

    def _end_lease(self, holder: str | None) -> None:
        shared = _shared()
        if holder is not None and shared is not None:
            shared.give_slot_back(self._key, holder)

    def _known_clean(self) -> bool:
        if _shared() is None:
            return self._local.circuit.is_clean
        return time.monotonic() < self._local.clean_until

    def _change(self, change: Callable[[Circuit], tuple[Circuit, T]]) -> tuple[Circuit, T]:
        shared = _shared()
        if shared is not None:
            try:
                after, result = shared.change(self._key, change)
            except Away:
                pass
            else:
                self._local.clean_until = time.monotonic() + CLEAN_FOR if after.is_clean else 0.0
                return after, result
        with self._local.lock:
            self._local.circuit, result = change(self._local.circuit)
            return self._local.circuit, result


def _local(key: str) -> _Local:
    with _known_lock:
        return _known.setdefault(key, _Local())


def _shared() -> SharedState | None:
    url = settings.FLIGHTDECK_SELLER_STATE_URL
    return _connected(url) if url else None


@functools.lru_cache(maxsize=4)
def _connected(url: str) -> SharedState:
    return SharedState(url)


def _at() -> float:
    return now().timestamp()


def _clock(moment: float) -> str:
    return f"{dt.datetime.fromtimestamp(moment, dt.UTC):%H:%M:%S} UTC"
