"""Fixtures that every room uses: people of one agency, two running sellers, a way to drive a flow by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine
from rest_framework.test import APIClient

from accounts.models import User
from accounts.permissions import scopes_of
from accounts.roles import Role
from accounts.services import issue_key
from flows.actors import SYSTEM_ACTOR
from sellers import gate
from tests import fresh_tables
from tests.agency import PASSWORD, Agency, make_agency
from tests.driving import Desk

SLOWEST = (
    "tests/browser/",
    "tests/faults/",
    "tests/bookings/test_restart",
    "tests/config/test_up",
    "tests/bench/",
)

fresh_tables.install()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--forbid-skips", action="store_true", help="a skipped test fails the run")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What starts servers and browsers goes first: it takes longest, and nobody shall wait for it at the end."""
    items.sort(key=lambda item: not item.nodeid.startswith(SLOWEST))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    if skipped and config.getoption("--forbid-skips"):
        terminalreporter.write_line(f"{len(skipped)} tests were skipped, which is forbidden here.", red=True)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if not session.config.getoption("--forbid-skips") or exitstatus:
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(autouse=True)
def _the_clock_is_given_back() -> Iterator[None]:
    """A test that leaves the clock held would hang the ones after it, far from where the fault is."""
    yield
    assert not time_machine.escape_hatch.is_travelling(), "this test left the clock held"


@pytest.fixture(autouse=True)
def _quick_passwords(settings: Any) -> None:
    """A real hash takes half a second on purpose; what is tested here is not the hash."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _what_is_approved_goes_out_at_once(settings: Any) -> None:
    """Tests of the time to undo set one."""
    settings.FLIGHTDECK_UNDO_SECONDS = 0


@pytest.fixture(autouse=True)
def _no_seller_is_known() -> None:
    """Circuits and retry budgets live as long as the process; the next test's sellers are others."""
    gate.forget_all()


@pytest.fixture
def agency(transactional_db: None) -> Agency:
    """Maya prepares, Ana approves, and one more client exists that neither of them works for."""
    return make_agency()


@pytest.fixture
def desk(agency: Agency, tmp_path: Path, settings: Any) -> Iterator[Desk]:
    """The agency with two real sellers on loopback."""
    with Desk.open(agency, tmp_path, settings) as desk:
        yield desk


@pytest.fixture
def api(agency: Agency) -> Callable[[str], APIClient]:
    """A REST client that holds the demo-like key of the person: `api("manager")`."""

    def client_for(name: str) -> APIClient:
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {agency.keys[name]}")
        return client

    return client_for


@pytest.fixture
def make_user(db: None) -> Callable[..., User]:
    def make(username: str = "mara", role: str = Role.MANAGER, **fields: Any) -> User:
        return User.objects.create_user(username, f"{username}@agency.example", PASSWORD, role=role, **fields)

    return make


@pytest.fixture
def token_for(db: None) -> Callable[..., str]:
    def make(user: User, scopes: list[str] | None = None, **fields: Any) -> str:
        wanted = scopes_of(user.role) if scopes is None else scopes
        return issue_key(user=user, name="desk", scopes=wanted, actor=SYSTEM_ACTOR, **fields)[1]

    return make
