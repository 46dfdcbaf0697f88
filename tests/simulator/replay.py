"""Replaying captured exchanges against the simulated seller agent.

The recording knows ids that only the recorded seller had. They are bound to live ids as answers come in, and
quotes that the recording presupposes are asked for first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from simulator.identity import Buyer

SAMPLES = Path(__file__).parent / "samples"
KEYS = {
    "ask_live_seat": Buyer(seat="s1"),
    "ask_live_agency": Buyer(seat="s1", agency="a1"),
    "ask_live_advertiser": Buyer(seat="s1", agency="a1", advertiser="v1"),
}
CTV, PRE_ROLL = "prod-53e78a97", "prod-15ba2543"

_ID = re.compile(r"(?:qt-[0-9a-f]{12}|DEMO-[0-9A-F]{12}|neg-[0-9a-f]{8})")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z?")


def exchanges(sample: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((SAMPLES / f"{sample}.json").read_text("utf-8"))["exchanges"]
    return found


class Replay:
    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self.live_ids: dict[str, str] = {}

    def send(self, exchange: dict[str, Any], tier: str | None) -> httpx.Response:
        """Sends the recorded request with live ids and the key of the tier (None = anonymous)."""
        request = exchange["request"]
        content: str | None = request.get("raw_body")
        headers = {name: _real_key(value, tier) for name, value in (request.get("headers") or {}).items()}
        if "body" in request:
            content = json.dumps(self.with_live_ids(request["body"]))
            headers.setdefault("Content-Type", "application/json")
        answer = self.client.request(
            request["method"],
            self.with_live_ids(request["path"]),
            params=request.get("query"),
            content=content,
            headers=headers,
        )
        if answer.headers.get("content-type") == "application/json" and answer.content:
            self._bind(exchange["response"]["body"], answer.json())
        return answer

    def need_quote(self, recorded_id: str, tier: str | None, **ask: Any) -> None:
        """Asks for a quote to stand for one that the recording presupposes, once."""
        if recorded_id in self.live_ids or recorded_id == "qt-none":
            return
        body = {
            "idempotency_key": f"for-{recorded_id}",
            "flight_start": "2027-01-01",
            "flight_end": "2027-01-31",
        }
        headers = {"X-Api-Key": f"ask_live_{tier}"} if tier else {}
        answer = self.client.post("/api/v1/quotes", json=body | ask, headers=headers)
        self.live_ids[recorded_id] = answer.json()["quote"]["quote_id"]

    def with_live_ids(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self.with_live_ids(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.with_live_ids(item) for item in value]
        return _ID.sub(lambda m: self.live_ids.get(m[0], m[0]), value) if isinstance(value, str) else value

    def _bind(self, recorded: Any, live: Any) -> None:
        for old, new in _pairs(recorded, live):
            if isinstance(old, str) and isinstance(new, str) and _ID.fullmatch(old) and _ID.fullmatch(new):
                assert self.live_ids.setdefault(old, new) == new, f"{old} is {self.live_ids[old]}, got {new}"

    def expected(self, recorded: Any) -> Any:
        """The recorded body with live ids, times masked and floats made approximate."""
        return _comparable(self.with_live_ids(recorded), approximate=True)

    def check(self, exchange: dict[str, Any], answer: httpx.Response) -> None:
        """Status, the recorded headers, and the whole body."""
        recorded = exchange["response"]
        assert answer.status_code == recorded["status"], answer.text
        for name, value in recorded["headers"].items():
            assert answer.headers[name] == value
        if recorded["headers"]["content-type"] != "application/json":
            assert answer.text == recorded["body"]
        elif answer.content:
            assert seen(answer) == self.expected(recorded["body"]), exchange["name"]


def seen(answer: httpx.Response) -> Any:
    """The live body with times masked."""
    return _comparable(answer.json(), approximate=False)


def _comparable(body: Any, *, approximate: bool) -> Any:
    if isinstance(body, dict):
        return {key: _comparable(value, approximate=approximate) for key, value in body.items()}
    if isinstance(body, list):
        return [_comparable(value, approximate=approximate) for value in body]
    if isinstance(body, float) and approximate:
        return pytest.approx(body, abs=1e-9)
    return _TIME.sub("<time>", body) if isinstance(body, str) else body


def _pairs(left: Any, right: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(left, dict) and isinstance(right, dict):
        for key in left.keys() & right.keys():
            yield from _pairs(left[key], right[key])
    elif isinstance(left, list) and isinstance(right, list):
        for one, other in zip(left, right, strict=False):
            yield from _pairs(one, other)
    else:
        yield left, right


def _real_key(value: str, tier: str | None) -> str:
    return value.replace("ask_live_<masked>", f"ask_live_{tier}")
