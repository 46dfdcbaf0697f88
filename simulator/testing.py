"""Starting sellers from tests: in a thread (fast) or as a process of their own (can be killed)."""

from __future__ import annotations

import http.client
import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from simulator.identity import Buyer
from simulator.journal import Journal
from simulator.options import SellerOptions
from simulator.seller import Seller
from simulator.server import SellerServer, listen, make_server

CLIENT_KEY = "ask_live_demo_advertiser"
DEFAULT_BUYER = Buyer(agency="agency-demo", advertiser="advertiser-demo", account="acc-demo")
_START_LIMIT = 10.0


class RunningSeller:
    """A seller that is up. `url` includes the base path of the dialect (`/v2` for OpenDirect)."""

    def __init__(self, options: SellerOptions, client_key: str) -> None:
        self.options = options
        self.client_key = client_key
        self.port = 0
        self.journal = Journal(options.state)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return self.origin + ("/v2" if self.options.dialect == "opendirect" else "")

    def start(self) -> None:
        raise NotImplementedError

    def stop(self) -> None:
        raise NotImplementedError

    def restart(self) -> None:
        """Down and up again on the same port with the same state."""
        self.stop()
        self.start()

    def faults(self, *rules: dict[str, Any], **rule: Any) -> list[str]:
        """Adds faults: dicts, or one written as keyword arguments (`kind="cut", when="after"`)."""
        ids: list[str] = self.control("POST", "/faults", [*rules, *([rule] if rule else [])])["ids"]
        return ids

    def clear_faults(self) -> None:
        self.control("DELETE", "/faults")

    def raise_price(self, product_id: str, factor: float) -> None:
        self.control("POST", "/prices", {"product_id": product_id, "factor": factor})

    def set_gone(self, product_id: str, gone: bool = True) -> None:
        self.control("POST", "/products", {"product_id": product_id, "gone": gone})

    def set_clock(self, offset: float) -> None:
        self.control("POST", "/clock", {"offset": offset})

    def set_options(self, **changes: Any) -> None:
        self.control("POST", "/options", changes)

    def decide(self, id: str, status: str, reason: str = "") -> dict[str, Any]:
        """Acts as the seller's people on a deal (its status) or a line (approve, decline, a line status)."""
        answer: dict[str, Any] = self.control(
            "POST", "/decisions", {"id": id, "status": status, "reason": reason}
        )
        return answer

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """One call of the control port. Raises RuntimeError when it is refused."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            payload = None if body is None else json.dumps(body)
            connection.request(method, "/_sim" + path, payload, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise RuntimeError(f"{method} /_sim{path}: {answer.status} {text.decode()}")
        return json.loads(text)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self.journal.close()


class ThreadSeller(RunningSeller):
    _thread: threading.Thread
    _server: SellerServer
    _seller: Seller

    def start(self) -> None:
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # cut connections are meant
        sock = listen(self.port)
        self.port = sock.getsockname()[1]
        self._server, self._seller = make_server(self.options)
        self._thread = threading.Thread(target=self._server.run, args=([sock],), daemon=True)
        self._thread.start()
        _wait_for(lambda: self._server.started)

    def stop(self) -> None:
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(timeout=5)
        self._seller.close()


class ProcessSeller(RunningSeller):
    _process: subprocess.Popen[str]

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "simulator", *self._arguments()],
            cwd=Path(__file__).parent.parent,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the seller did not start, exit code {self._process.wait()}")
        self.port = urlsplit(line.split()[-1]).port or 0

    def _arguments(self) -> list[str]:
        options = self.options
        arguments = ["--dialect", options.dialect, "--port", str(self.port), "--state", str(options.state)]
        arguments += ["--name", options.name, "--exit-with-parent", "--rtt", str(options.rtt * 1000)]
        arguments += ["--quote-ttl", str(options.quote_ttl), "--catalogue", options.catalogue]
        arguments += ["--malformed", str(options.malformed), "--stale", str(options.stale)]
        for name, seconds in (
            ("--confirm-after", options.confirm_after),
            ("--async-after", options.async_after),
        ):
            arguments += [name, "never" if seconds is None else str(seconds)]
        for key, buyer in options.keys.items():
            ids = ",".join(f"{name}={value}" for name, value in buyer.__dict__.items())
            arguments += ["--key", f"{key}={buyer.tier}:{ids}"]
        return arguments

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.kill()
        assert self._process.stdout
        self._process.stdout.close()


@contextmanager
def running_seller(
    dialect: str,
    tmp_path: Path,
    *,
    process: bool = False,
    client_key: str = CLIENT_KEY,
    buyer: Buyer = DEFAULT_BUYER,
    state: str = "",
    **options: Any,
) -> Iterator[RunningSeller]:
    """A seller on a free port with one known key. `options` are the fields of SellerOptions."""
    keys = {client_key: buyer, **options.pop("keys", {})}
    file = tmp_path / (state or f"{dialect}.sqlite3")
    made = SellerOptions(dialect=dialect, state=file, keys=keys, **options)
    with (ProcessSeller if process else ThreadSeller)(made, client_key) as seller:
        yield seller


def _wait_for(condition: Any) -> None:
    limit = time.monotonic() + _START_LIMIT
    while not condition():
        if time.monotonic() > limit:
            raise RuntimeError("the seller did not start")
        time.sleep(0.005)
