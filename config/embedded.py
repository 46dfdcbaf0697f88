"""The worker of embedded mode: Celery threads and beat inside the server process, started by ASGI lifespan.

Exactly one process may be the worker of one SQLite database; a file lock decides, and whoever holds it may free the
leases of its dead predecessors at once instead of waiting for them to run out.
"""

from __future__ import annotations

import asyncio
import fcntl
import importlib
import logging
import threading
from typing import IO, Any

from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.conf import settings

from config.celery import app
from flows import steps, sweeping
from flows.layer import LoopBoundInMemoryLayer

logger = logging.getLogger(__name__)


class EmbeddedWorker:
    """Celery's worker and beat as threads of this process."""

    def __init__(self) -> None:
        self._lock: IO[str] | None = None
        self._worker: Any = None
        self._beat: Any = None

    def start(self) -> bool:
        """False when another process is this database's worker already."""
        if not self._take_lock():
            return False
        freed = steps.release_abandoned()
        if freed:
            logger.warning("taking up %d steps that the last process left behind", freed)
        self._worker = app.WorkController(
            pool="threads",
            concurrency=settings.FLIGHTDECK_WORKER_THREADS,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
            loglevel="WARNING",
        )
        threading.Thread(target=self._worker.start, name="worker", daemon=True).start()
        from celery.beat import EmbeddedService, Scheduler

        self._beat = EmbeddedService(app, thread=True, scheduler_cls=Scheduler)
        self._beat.start()
        # The optimiser takes 0.4 s to import: better now than while somebody waits for a plan.
        threading.Thread(target=importlib.import_module, args=("highspy",), daemon=True).start()
        sweeping.sweep()
        return True

    def stop(self) -> None:
        """Let running steps end, then go."""
        if self._beat is not None:
            self._beat.stop()
        if self._worker is not None:
            self._worker.stop()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _take_lock(self) -> bool:
        settings.VAR_DIR.mkdir(parents=True, exist_ok=True)
        lock = open(settings.VAR_DIR / "worker.lock", "w")  # noqa: SIM115  held as long as the worker lives
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            return False
        self._lock = lock
        return True


class Lifespan:
    """ASGI lifespan: bind the live feed to this loop; in embedded mode start and stop the worker."""

    def __init__(self) -> None:
        self._worker = EmbeddedWorker()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self._startup()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await asyncio.to_thread(self._worker.stop)
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _startup(self) -> None:
        layer = get_channel_layer()
        if isinstance(layer, LoopBoundInMemoryLayer):
            layer.bind(asyncio.get_running_loop())
        if settings.REDIS_URL:
            return
        if not await sync_to_async(self._worker.start, thread_sensitive=False)():
            logger.warning("another process is the worker of this database; this one only serves pages")
