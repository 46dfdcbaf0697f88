"""The main job from a terminal: progress, a table, and exit codes that scripts can rely on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from bookings.models import Campaign
from config.celery import app
from config.embedded import EmbeddedWorker
from tests.briefs import brief
from tests.driving import Desk

Book = Callable[..., tuple[int, str, str]]


@pytest.fixture
def worker(desk: Desk, tmp_path: Path, settings: Any) -> Iterator[None]:
    """With no server around the command is its own worker; with a broker it relies on one that is there."""
    settings.VAR_DIR = tmp_path
    if not settings.REDIS_URL:
        yield
        return
    app.control.purge()  # the bells of earlier tests, which nobody has answered
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
    assert "No seller offers anything" in err


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
