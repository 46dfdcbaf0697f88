"""Helpers: look at what happened, and run the deliveries that are due, as beat and a worker would."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from django.db import connection

from flows import runner, sweeping
from flows.models import Step
from notifications import looking
from notifications.models import Delivery, Notice
from tests.pages.conftest import browse, text_of

__all__ = ["browse", "text_of"]

# On SQLite writing transactions follow each other: what is tested there cannot happen.
collect_ignore = [] if connection.vendor == "postgresql" else ["test_late_commits.py"]


def told(name: str = "", **filters: Any) -> list[str]:
    """The kinds of the notices of this person, oldest first."""
    rows = Notice.objects.filter(**filters).order_by("created_at", "key")
    rows = rows.filter(recipient__username=name) if name else rows
    return list(rows.values_list("kind", flat=True))


def who(kind: str) -> set[str]:
    """Who was told of this kind."""
    return set(Notice.objects.filter(kind=kind).values_list("recipient__username", flat=True))


def look() -> int:
    return looking.look()


def deliver() -> int:
    """Every delivery that is due now, in this thread; returns how many steps ran."""
    mine = set(Step.objects.filter(flow_name="delivery").values_list("pk", flat=True))
    found = [step_id for step_id in sweeping.due() if step_id in mine]
    for step_id in found:
        runner.run(step_id)
    return len(found)


def states() -> list[tuple[str, str]]:
    return sorted(Delivery.objects.values_list("channel", "status"))


class Hook:
    """A real HTTP server on loopback that keeps what it gets and answers as told."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        self.headers: dict[str, str] = {}
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                head = {name.lower(): value for name, value in self.headers.items()}
                hook.got.append((head | {":path": self.path}, body))
                self.send_response(hook.answers.pop(0) if hook.answers else 204)
                for name, value in hook.headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def origin(self) -> str:
        return f"127.0.0.1:{self.server.server_port}"

    @property
    def url(self) -> str:
        return f"http://{self.origin}/in/flightdeck/"


@contextmanager
def _serving() -> Iterator[Hook]:
    hook = Hook()
    thread = Thread(target=hook.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield hook
    finally:
        hook.server.shutdown()
        hook.server.server_close()
        thread.join()


@pytest.fixture
def hook(settings: Any) -> Iterator[Hook]:
    """An allowed private webhook."""
    with _serving() as found:
        settings.FLIGHTDECK_ALLOWED_PRIVATE_HOOKS = [found.origin]
        yield found
