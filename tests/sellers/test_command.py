"""`manage.py seller` from a terminal."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from flows import events
from sellers.models import Seller
from simulator.testing import running_seller
from tests.sellers.conftest import KEY

pytestmark = pytest.mark.django_db

URL = "http://127.0.0.1:8001"


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("seller", *arguments, stdout=out)
    return out.getvalue()


def fails(*arguments: str) -> CommandError:
    with pytest.raises(CommandError) as failed:
        run(*arguments)
    return failed.value


def test_add_and_list() -> None:
    said = run(
        "add", URL, "--dialect", "seller-agent", "--key", KEY, "--seat", "s", "--agency", "a", "--advertiser", "b",
        "--name", "Harbor", "--slug", "harbor-tv",
    )  # fmt: skip
    seller = Seller.objects.get()
    assert said == "harbor-tv registered: Harbor, IAB seller agent\n"
    assert (seller.seat_id, seller.agency_id, seller.advertiser_id, seller.api_key) == ("s", "a", "b", KEY)
    assert events.since("seller", seller.pk)[0].actor_id.startswith("terminal:")
    table = run("list")
    assert "harbor-tv" in table
    assert "unprobed" in table
    listed = run("list", "--json")
    assert json.loads(listed)[0]["slug"] == "harbor-tv"
    assert KEY not in table + listed


def test_an_empty_list_says_what_to_do() -> None:
    assert "seller add" in run("list")
    assert json.loads(run("list", "--json")) == []


def test_the_key_can_come_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("token-from-a-pipe\n"))
    run("add", URL + "/v2", "--dialect", "opendirect", "--key", "-", "--account", "acc-1")
    seller = Seller.objects.get()
    assert (seller.api_key, seller.account_id) == ("token-from-a-pipe", "acc-1")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["ftp://x", "--dialect", "seller-agent"], "URL: "),
        (["http://10.0.0.1", "--dialect", "seller-agent"], "URL: "),
        ([URL, "--dialect", "opendirect"], "URL: "),
        ([URL, "--dialect", "seller-agent", "--advertiser", "b"], "--agency: "),
        ([URL, "--dialect", "seller-agent", "--slug", "A B"], "--slug: "),
        ([URL, "--dialect", "seller-agent", "--key", "a b\n"], "--key: "),
    ],
)
def test_what_is_wrong_names_the_argument(arguments: list[str], named: str) -> None:
    failed = fails("add", *arguments)
    assert failed.returncode == 2
    assert named in str(failed)
    assert not Seller.objects.exists()


@pytest.mark.parametrize("arguments", [["add"], ["add", URL], ["add", URL, "--dialect", "adcp"], ["zap"], []])
def test_a_wrong_command_line_is_refused(arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        run(*arguments)


@pytest.mark.parametrize("verb", ["disable", "enable", "probe"])
def test_an_unknown_seller_names_those_known(verb: str) -> None:
    run("add", URL, "--dialect", "seller-agent", "--name", "Harbor")
    failed = fails(verb, "habor")
    assert failed.returncode == 2
    assert "SLUG" in str(failed)
    assert "harbor" in str(failed)


def test_disable_and_enable() -> None:
    run("add", URL, "--dialect", "seller-agent", "--name", "Harbor")
    assert run("disable", "harbor") == "harbor is disabled.\n"
    assert not Seller.objects.get().enabled
    assert run("enable", "harbor") == "harbor is enabled.\n"
    assert Seller.objects.get().enabled


def test_probe_says_what_the_seller_answers(tmp_path: Path) -> None:
    with running_seller("seller-agent", tmp_path, malformed=1) as running:
        run("add", running.url, "--dialect", "seller-agent", "--name", "Harbor", "--key", KEY)
        said = run("probe", "harbor")
    assert "harbor answers in" in said
    assert "skipped" in said


def test_a_probe_that_fails_has_an_exit_code() -> None:
    run("add", "http://127.0.0.1:1", "--dialect", "seller-agent", "--name", "Dead")
    failed = fails("probe", "dead")
    assert (failed.returncode, "cannot be reached" in str(failed)) == (1, True)


def test_the_help_names_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    from sellers.management.commands.seller import Command

    parser: Any = Command().create_parser("manage.py", "seller")
    parser.print_help()
    shown = capsys.readouterr().out
    assert all(verb in shown for verb in ("add", "list", "disable", "enable", "probe"))
