"""Putting a seller behind a socket."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import socket
import threading
import time
from collections.abc import Callable

import uvicorn
from starlette.applications import Starlette

from simulator import control
from simulator.connection import CuttableProtocol
from simulator.options import SellerOptions
from simulator.seller import Seller
from simulator.wire import Wire

_PARENT_POLL = 0.5
_GRACE = 1


def build_app(seller: Seller) -> Wire:
    """The dialect's routes behind the wire layer, with the control port beside them if it is on."""
    package = "simulator." + seller.options.dialect.replace("-", "_")
    dialect = importlib.import_module(f"{package}.app")
    app: Starlette = dialect.build()
    app.state.seller = seller
    port: Starlette | None = None
    if seller.options.control:
        port = Starlette(
            routes=control.routes(),
            exception_handlers=dict.fromkeys((ValueError, KeyError, TypeError), control.bad_request),
        )
        port.state.seller = seller
        port.state.decide = dialect.decide
    return Wire(app, seller, port)


def listen(port: int = 0) -> socket.socket:
    """A listening socket on loopback, never anywhere else. Port 0 = any free one."""
    # With the protocol named, asyncio turns Nagle off on accepted sockets; without, each answer waits 40 ms.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    sock.listen(128)
    return sock


class SellerServer(uvicorn.Server):
    """Notices within 10 ms that it shall stop; uvicorn looks ten times a second, which tests feel."""

    async def main_loop(self) -> None:
        while not self.should_exit:  # noqa: ASYNC110 - set by signal handlers and other threads
            await asyncio.sleep(0.01)


def make_server(options: SellerOptions) -> tuple[SellerServer, Seller]:
    seller = Seller.open(options)
    config = uvicorn.Config(
        build_app(seller),
        http=CuttableProtocol,
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,  # the seller's own clock writes it
        timeout_graceful_shutdown=_GRACE,
        timeout_keep_alive=30,
    )
    return SellerServer(config), seller


def serve(options: SellerOptions, port: int, *, exit_with_parent: bool = False) -> None:
    """Serves until a signal comes, or the parent process is gone."""
    sock = listen(port)
    server, seller = make_server(options)
    if exit_with_parent:
        _watch_parent(lambda: setattr(server, "should_exit", True))
    print(f"{options.name} ({options.dialect}) on http://127.0.0.1:{sock.getsockname()[1]}", flush=True)
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn hands the signal on once it has stopped
        server.run(sockets=[sock])
    seller.close()


def _watch_parent(on_orphaned: Callable[[], None]) -> None:
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_PARENT_POLL)
        on_orphaned()
        time.sleep(_GRACE)
        os._exit(0)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
