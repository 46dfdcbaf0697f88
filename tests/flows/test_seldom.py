"""A lasting trouble makes a few lines, from however many threads, and one when it is over."""

from __future__ import annotations

import logging
import threading

import pytest

from flows.seldom import Seldom

logger = logging.getLogger(__name__)


class HeldClock:
    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


@pytest.fixture
def seldom(clock: HeldClock, caplog: pytest.LogCaptureFixture) -> Seldom:
    caplog.set_level(logging.INFO)
    return Seldom(logger, every=60.0, clock=clock)


def test_the_first_is_told_and_then_one_a_minute_with_how_many(
    seldom: Seldom, clock: HeldClock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(150):
        seldom.warn("no way to %s", "x")
        clock.seconds += 1
    assert caplog.messages == [
        "no way to x",
        "no way to x (60 failures since the last line)",
        "no way to x (60 failures since the last line)",
    ]


def test_its_end_is_told_once_with_what_was_not_told_before(
    seldom: Seldom, caplog: pytest.LogCaptureFixture
) -> None:
    seldom.over("fine")
    for _ in range(5):
        seldom.warn("broken")
    seldom.count()
    for _ in range(3):
        seldom.over("fine")
    assert caplog.messages == ["broken", "fine (5 failures since the last line)"]
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_a_single_failure_ends_without_a_number(seldom: Seldom, caplog: pytest.LogCaptureFixture) -> None:
    seldom.warn("broken")
    seldom.over("fine")
    assert caplog.messages == ["broken", "fine"]


def test_what_comes_and_goes_is_no_louder(
    seldom: Seldom, clock: HeldClock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(61):
        seldom.warn("broken")
        seldom.over("fine")
        clock.seconds += 1
    assert caplog.messages == ["broken", "fine", "broken (60 failures since the last line)", "fine"]


def test_threads_at_once_tell_it_once_and_lose_no_count(
    seldom: Seldom, clock: HeldClock, caplog: pytest.LogCaptureFixture
) -> None:
    start = threading.Barrier(8)

    def fail() -> None:
        start.wait()
        for _ in range(500):
            seldom.warn("broken")

    threads = [threading.Thread(target=fail) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert caplog.messages == ["broken"]
    clock.seconds += 60
    seldom.warn("broken")
    assert caplog.messages[1:] == ["broken (4000 failures since the last line)"]


def test_a_line_names_the_place_that_tells_of_it(seldom: Seldom, caplog: pytest.LogCaptureFixture) -> None:
    seldom.warn("broken")
    seldom.over("fine")
    assert {record.filename for record in caplog.records} == {"test_seldom.py"}
