"""State and journal outlive the seller, in a thread and as a killed process."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from simulator.__main__ import parser
from simulator.identity import Buyer, parse_key
from simulator.journal import Journal
from simulator.testing import ProcessSeller, RunningSeller, running_seller
from tests.simulator.flights import FLIGHT
from tests.simulator.test_seller_agent import CTV, book, quote

ROOT = Path(__file__).parents[2]


def test_a_restart_keeps_quotes_deals_keys_prices_and_clock(
    agent: RunningSeller, agent_client: httpx.Client
) -> None:
    idle, booked = (quote(agent_client, key)["quote_id"] for key in "ab")
    deal = book(agent_client, booked).json()["deal"]
    agent.raise_price(CTV, 1.2)
    agent.set_clock(100)
    effects = agent.journal.effects()
    agent.restart()
    assert agent_client.get(f"/api/v1/deals/{deal['deal_id']}").json()["deal"] == deal
    assert book(agent_client, booked).json()["deal"] == deal
    assert quote(agent_client, "a")["quote_id"] == idle
    assert quote(agent_client, "c")["pricing"]["base_cpm"]["amount_micros"] == 42_000_000
    assert agent.control("POST", "/options", {"rtt": 0.0})["rtt"] == 0.0
    assert agent.journal.effects()[: len(effects)] == effects


def test_a_killed_process_loses_no_booked_line(tmp_path: Path) -> None:
    with (
        running_seller("opendirect", tmp_path, process=True) as seller,
        httpx.Client(base_url=seller.url, headers={"AccessToken": seller.client_key}) as client,
    ):
        assert isinstance(seller, ProcessSeller)
        order = client.post("/accounts/acc-demo/orders", json=FLIGHT.order("A")).json()
        lines = f"/accounts/acc-demo/orders/{order['id']}/lines"
        line = client.post(lines, json=FLIGHT.line()).json()
        assert client.patch(f"{lines}/{line['id']}?book").json()["bookingstatus"] == "Booked"
        seller.kill()
        seller.start()
        assert client.get(f"{lines}/{line['id']}").json()["bookingstatus"] == "Booked"
        assert [e.type for e in seller.journal.effects()] == [
            "order.created",
            "line.created",
            "line.booked",
            "order.approved",
        ]


def test_every_request_is_journaled_with_key_and_digest(
    agent: RunningSeller, agent_client: httpx.Client
) -> None:
    agent_client.get("/products", params={"limit": 5})
    quote(agent_client, "key-1")
    agent_client.post("/api/v1/quotes", content=b"{bad", headers={"Content-Type": "application/json"})
    read, write, bad = agent.journal.requests()
    assert (read.data["method"], read.data["path"], read.data["query"]) == ("GET", "/products", "limit=5")
    assert write.data["idempotency_key"] == "key-1"
    assert len(write.data["digest"]) == 64
    assert json.loads(write.data["body"])["product_id"] == CTV
    assert bad.data["idempotency_key"] == ""
    (effect,) = agent.journal.effects("quote.created")
    assert effect.request == write.seq
    assert agent.client_key not in str([e.data for e in agent.journal.entries()])


def test_the_journal_over_http_equals_the_file(agent: RunningSeller, agent_client: httpx.Client) -> None:
    quote(agent_client)
    over_http = agent_client.get("/_sim/journal", params={"kind": "effect"}).json()["entries"]
    assert over_http == [e.as_json() for e in agent.journal.effects()]
    assert len(over_http) == 1
    later = agent_client.get("/_sim/journal", params={"after": over_http[-1]["seq"]}).json()["entries"]
    assert later == []


def test_the_journal_cannot_be_rewritten(agent: RunningSeller, agent_client: httpx.Client) -> None:
    agent_client.get("/health")
    db = sqlite3.connect(agent.options.state)
    for statement in ("update journal set type = 'x'", "delete from journal"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            db.execute(statement)
    db.close()
    assert len(agent.journal.requests()) == 1


def test_the_journal_reads_without_a_seller(tmp_path: Path) -> None:
    with (
        running_seller("seller-agent", tmp_path) as seller,
        httpx.Client(base_url=seller.url, headers={"X-Api-Key": seller.client_key}) as client,
    ):
        quote(client)
        state = seller.options.state
    journal = Journal(state)
    assert [e.type for e in journal.effects()] == ["quote.created"]
    journal.close()


def test_the_control_port_can_be_off(tmp_path: Path) -> None:
    with running_seller("seller-agent", tmp_path, control=False) as seller:
        assert httpx.get(seller.url + "/_sim/journal").status_code == 404
        assert httpx.post(seller.url + "/_sim/faults", json=[]).status_code == 404


def test_the_seller_listens_on_loopback_only(agent: RunningSeller) -> None:
    sockets = agent._server.servers[0].sockets  # type: ignore[attr-defined]
    assert [sock.getsockname()[0] for sock in sockets] == ["127.0.0.1"]


def test_start_is_fast(tmp_path: Path) -> None:
    began = time.monotonic()
    with running_seller("opendirect", tmp_path):
        assert time.monotonic() - began < 0.5


def test_a_seller_goes_when_its_parent_does(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys\n"
        "p = subprocess.Popen([sys.executable, '-m', 'simulator', '--dialect', 'seller-agent', '--port', '0',"
        " '--state', sys.argv[1], '--exit-with-parent'], stdout=subprocess.PIPE, text=True)\n"
        "print(p.stdout.readline().split()[-1], flush=True)\n"
    )
    parent = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "s.sqlite3")],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    url = parent.stdout.strip()
    limit = time.monotonic() + 5
    while time.monotonic() < limit:
        try:
            httpx.get(url + "/health", timeout=1)
        except httpx.TransportError:
            return
        time.sleep(0.1)
    pytest.fail("the seller outlived its parent")


@pytest.mark.parametrize(
    ("text", "buyer"),
    [
        ("k=public", Buyer()),
        ("k=seat", Buyer(seat="seat-demo")),
        ("k=advertiser:agency=a,advertiser=v,account=acc", Buyer(agency="a", advertiser="v", account="acc")),
        ("k=agency:seat=s", Buyer(seat="s", agency="agency-demo")),
    ],
)
def test_key_on_the_command_line(text: str, buyer: Buyer) -> None:
    assert parse_key(text) == ("k", buyer)


@pytest.mark.parametrize("text", ["", "k", "=seat", "k=gold", "k=seat:colour=red"])
def test_a_wrong_key_is_named(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--dialect", "opendirect", "--port", "0", "--state", "x", "--key", text]
    with pytest.raises(SystemExit):
        parser().parse_args(arguments)
    assert "--key" in capsys.readouterr().err
