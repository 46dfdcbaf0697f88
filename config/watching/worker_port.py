"""`/metrics` of a worker that serves no pages: a small server beside the steps, for a machine of workers only.

It tells what processes counted. What the database holds is told by the pages' `/metrics`, once for the whole product.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from http import HTTPStatus
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpResponse

from config.watching.exposition import counted

logger = logging.getLogger(__name__)


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Silent(WSGIRequestHandler):
    timeout = 5  # seconds for a client to say what it wants

    def log_message(self, format: str, *args: Any) -> None:
        """Scrapes are no news."""


def start(**_: Any) -> WSGIServer | None:
    """Where FLIGHTDECK_METRICS_ADDRESS (host:port) is set. A taken port is told and hurts no worker: the other
    process of this machine answers for all where they share PROMETHEUS_MULTIPROC_DIR."""
    if not settings.FLIGHTDECK_METRICS_ADDRESS:
        return None
    host, _colon, port = settings.FLIGHTDECK_METRICS_ADDRESS.rpartition(":")
    try:
        server = make_server(host, int(port), _answer, server_class=_Server, handler_class=_Silent)
    except (OSError, ValueError) as error:
        logger.warning("no metrics at %s: %s", settings.FLIGHTDECK_METRICS_ADDRESS, error)
        return None
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server


def _answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    response = _response_to(environ)
    status = HTTPStatus(response.status_code)
    start_response(f"{status.value} {status.phrase}", list(response.items()))
    return [response.content]


def _response_to(environ: dict[str, Any]) -> HttpResponse:
    if environ.get("PATH_INFO") != "/metrics" or environ.get("REQUEST_METHOD") != "GET":
        return HttpResponse(status=404)
    return counted(WSGIRequest(environ))
