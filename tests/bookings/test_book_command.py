"""The main job from a terminal: progress, a table, and exit codes that scripts can rely on."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from bookings.management.commands import book as command
from bookings.models import Campaign
from config.celery import app
from config.embedded import EmbeddedWorker
from flows.clock import now
from flows.models import HEARTBEAT, Heartbeat, Step
from tests.briefs import brief
from tests.driving import Desk, drive

Book = Callable[..., tuple[int, str, str]]


@pytest.fixture
def worker(desk: Desk, tmp_path: Path, settings: Any) -> Iterator[None]:
    """With no server around the command is its own worker; with a broker it relies on one that is there."""
    settings.VAR_DIR = tmp_path
    app.control.purge()  # the bells of earlier tests, which nobody has answered
    if not settings.REDIS_URL:
        yield
        return
    running = EmbeddedWorker()
    assert running.start()
    yield
    running.stop()


@pytest.fixture
def book(worker: None, tmp_path: Path) -> Book:
    """Run the command on a brief."""

    def run(*arguments: str, data: Any = None) -> tuple[int, str, str]:
        path = tmp_path / "brief.json"
        path.write_text(data if isinstance(data, str) else json.dumps(data or brief(channels=["ctv"])))
        out, err = StringIO(), StringIO()
        with pytest.raises(SystemExit) as ended:
            call_command("book", str(path), "--as", "manager", *arguments, stdout=out, stderr=err)
        return int(ended.value.code or 0), out.getvalue(), err.getvalue()

    return run


def test_a_plan_waits_for_a_decision(book: Book) -> None:
    code, out, _ = book()
    assert code == 3
    assert "Waiting for a decision." in out
    for row in Campaign.objects.get().recommendations.all():
        assert str(row.pk) in out


def test_approving_all_books_everything(book: Book, desk: Desk) -> None:
    code, out, err = book("--approve", "all", "--approve-as", "approver", "--wait")
    assert (code, err) == (0, "")
    assert "Completed." in out
    campaign = Campaign.objects.get()
    assert {line.status for line in campaign.lines.all()} == {"booked"}
    assert campaign.lines.first().decision.actor_label == "approver"


def test_json_for_scripts(book: Book) -> None:
    code, out, _ = book("--json", "--approve", "all", "--wait")
    assert code == 0
    detail = json.loads(out)
    assert detail["status"] == "completed"
    assert all(line["booked"] for line in detail["booked_lines"])


def test_an_invalid_brief_names_every_field(book: Book) -> None:
    code, _, err = book(data=brief(name="", budget=-1, end_date="2027-02-30"))
    assert code == 2
    assert {"name", "budget", "end_date"} <= {line.split(":")[0] for line in err.splitlines()}
    assert not Campaign.objects.exists()


def test_what_cannot_be_booked_fails(book: Book, desk: Desk) -> None:
    for seller in (desk.agent, desk.direct):
        seller.faults(kind="status", status=503, body="down")
    code, _, err = book()
    assert code == 4
    assert "No seller was heard" in err


def test_a_refused_decision_is_not_a_booking(book: Book, desk: Desk) -> None:
    code, _, err = book("--approve", "6f1d7c9e-0000-4000-8000-000000000000")
    assert code == 2
    assert "not part of this plan" in err
    assert Campaign.objects.get().status == "awaiting_approval"


@pytest.mark.parametrize("text", ["{", "[1]"])
def test_what_is_not_a_brief(desk: Desk, tmp_path: Path, text: str) -> None:
    path = tmp_path / "brief.json"
    path.write_text(text)
    with pytest.raises(CommandError) as refused:
        call_command("book", str(path), "--as", "manager")
    assert refused.value.returncode == 2


@pytest.mark.parametrize("who", ["nobody", "finance"])
def test_who_may_not(desk: Desk, tmp_path: Path, who: str) -> None:
    path = tmp_path / "brief.json"
    path.write_text(json.dumps(brief()))
    with pytest.raises(CommandError) as refused:
        call_command("book", str(path), "--as", who)
    assert refused.value.returncode == 2


# --- no worker -----------------------------------------------------------------------------------------------------


@pytest.fixture
def alone(desk: Desk, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Book:
    """The distributed set-up without any worker: the command waits for somebody else to do the work."""
    settings.REDIS_URL = settings.REDIS_URL or "redis://127.0.0.1:1/0"
    monkeypatch.setattr(command, "QUIET_SECONDS", 0.3)

    def run(*arguments: str) -> tuple[int, str, str]:
        path = tmp_path / "brief.json"
        path.write_text(json.dumps(brief(channels=["ctv"])))
        out, err = StringIO(), StringIO()
        with pytest.raises(SystemExit) as ended:
            call_command("book", str(path), "--as", "manager", *arguments, stdout=out, stderr=err)
        return int(ended.value.code or 0), out.getvalue(), err.getvalue()

    return run


def test_without_a_worker_it_says_so_and_gives_up_in_the_end(alone: Book) -> None:
    code, _, err = alone("--patience", "0.5")
    campaign = Campaign.objects.get()
    assert code == 5
    assert err.count("No worker seems to be running: none has ever written a heartbeat.") == 1
    assert "make up" in err
    assert "celery -A config worker" in err
    assert f"Given up: still no worker. Campaign {campaign.pk} is kept in the database" in err
    assert Step.objects.get(flow_id=campaign.pk).state == "pending"
    assert drive(campaign).status == "awaiting_approval"  # a worker takes it up


def test_an_old_heartbeat_is_no_worker(alone: Book) -> None:
    Heartbeat.objects.create(name=str(HEARTBEAT), at=now() - dt.timedelta(minutes=2))
    code, _, err = alone("--patience", "0")
    assert code == 5
    assert re.search(r"the last heartbeat is 12\d s old", err)


def test_a_worker_that_lives_is_waited_for(alone: Book) -> None:
    Heartbeat.objects.create(name=str(HEARTBEAT), at=now() + dt.timedelta(minutes=1))
    code, _, err = alone("--patience", "0", "--timeout", "1")
    assert (code, err) == (3, "")


def test_a_worker_that_comes_late_is_not_given_up(alone: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    def lives() -> bool:
        asked.append(True)
        return len(asked) > 1

    monkeypatch.setattr(command, "_worker_lives", lives)
    code, _, err = alone("--patience", "0.2", "--timeout", "1.5")
    assert code == 3
    assert "No worker seems to be running" in err
    assert "Given up" not in err


@pytest.mark.parametrize("option", ["--patience", "--timeout"])
@pytest.mark.parametrize("given", ["soon", "-1", "nan", "inf"])
def test_seconds_are_a_number_from_0(desk: Desk, tmp_path: Path, option: str, given: str) -> None:
    with pytest.raises(CommandError, match=f"{option}: give a number of seconds from 0"):
        call_command("book", str(tmp_path / "brief.json"), f"{option}={given}")
    assert not Campaign.objects.exists()
