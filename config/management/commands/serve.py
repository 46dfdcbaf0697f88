"""Serve pages, API and sockets from one process, with the worker in it too unless REDIS_URL is set."""

from __future__ import annotations

import contextlib
from typing import Any

import uvicorn
from django.core.management.base import BaseCommand, CommandParser


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *args: Any, **options: Any) -> None:
        serve(options["host"], options["port"])


def serve(host: str, port: int) -> None:
    """Until Ctrl-C. One process: the in-memory broker and live feed do not cross processes."""
    config = uvicorn.Config(
        "config.asgi:application",
        host=host,
        port=port,
        lifespan="on",
        log_level="warning",
        access_log=False,
        ws_max_size=65_536,
        timeout_graceful_shutdown=5,
    )
    # uvicorn raises Ctrl-C again once everything has been stopped
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run()
