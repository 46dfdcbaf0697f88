"""The Celery application: a doorbell for steps that live in the database, and the end of a worker in order."""

from __future__ import annotations

import logging
import os
import threading
from typing import Any

from celery import Celery, bootsteps
from celery.app.amqp import AMQP
from celery.signals import beat_init, worker_init, worker_shutting_down
from kombu import Connection

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

logger = logging.getLogger(__name__)
LONGEST_PAUSE = 2.0  # seconds between a worker's attempts to reach a broker that was away; Celery's own is 30


class EagerConnection(Connection):
    """A worker whose broker went away lives on, and does not sleep on once it is back."""

    def maybe_close_channel(self, channel: Any) -> None:
        """kombu gives unacknowledged messages back through a client that is gone by then, and a worker that was
        busy when Redis died would end with an AttributeError. The rows are the queue: nothing is lost here."""
        try:
            super().maybe_close_channel(channel)
        except AttributeError:
            logger.warning("a channel of the lost broker could not be closed in order", exc_info=True)

    def ensure_connection(self, *args: Any, **kwargs: Any) -> Any:
        return super().ensure_connection(
            *args, **{"interval_start": 0.5, "interval_step": 0.5, "interval_max": LONGEST_PAUSE} | kwargs
        )


class EagerAMQP(AMQP):
    Connection = EagerConnection


class WatchmanStep(bootsteps.StartStopStep):
    """The watchman lives as long as the worker, whether or not its broker can be reached."""

    requires = {"celery.worker.components:Pool"}

    def __init__(self, parent: Any, **kwargs: Any) -> None:
        self.watchman: Any = None
        super().__init__(parent, **kwargs)

    def start(self, parent: Any) -> None:
        from flows.watchman import Watchman

        self.watchman = Watchman()
        parent.watchman = self.watchman
        self.watchman.start()

    def stop(self, parent: Any) -> None:
        if self.watchman is not None:
            self.watchman.stop()

    terminate = stop


app = Celery("flightdeck", amqp=EagerAMQP)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["flows", "accounts", "bookings", "sellers", "notifications"])
app.steps["worker"].add(WatchmanStep)


@worker_shutting_down.connect
def end_within_the_limit(**_: Any) -> None:
    """Running steps may end; what takes too long is given back and cut off, its claims are there to be reconciled."""
    from django.conf import settings

    timer = threading.Timer(settings.FLIGHTDECK_STOP_SECONDS, _give_back_and_go)
    timer.daemon = True
    timer.start()


def _give_back_and_go() -> None:
    from flows import leases

    try:
        given = leases.give_all_back()
        logger.warning("%d steps did not end in time and were given back", given)
    finally:
        os._exit(0)


@worker_init.connect
@beat_init.connect
def end_with_the_parent(**_: Any) -> None:
    """For the worker and beat that `manage.py demo` starts: they must not outlive it, however it ends."""
    parent = int(os.environ.get("FLIGHTDECK_ENDS_WITH", "0"))
    if parent:
        threading.Thread(target=_watch_parent, args=(parent,), name="parent", daemon=True).start()


def _watch_parent(parent: int) -> None:
    pause = threading.Event()
    while os.getppid() == parent:
        pause.wait(0.2)
    os._exit(1)
