"""The circuit breaker's rules, without any wire."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sellers import circuit as circuits
from sellers.circuit import CLEAN, FAILURES_TO_OPEN, LONGEST_PAUSE, LONGEST_WISH, RUN_SECONDS, Circuit, Gate

T0 = 1_800_000_000.0


def opened(at: float = T0) -> Circuit:
    circuit = CLEAN
    for _ in range(FAILURES_TO_OPEN):
        circuit = circuits.failed(circuit, at, "call", "deadline")
    return circuit


def test_a_run_of_failures_opens_it() -> None:
    circuit = opened()
    assert circuit.is_open
    assert circuit.spell is not None
    assert (circuit.spell.began, circuit.spell.reason, circuit.spell.failed) == (T0, "deadline", 5)
    assert circuits.ask(circuit, T0 + 0.1, "x", 10)[1] is Gate.OPEN


def test_one_answer_ends_the_run() -> None:
    circuit = CLEAN
    for _ in range(FAILURES_TO_OPEN * 3):
        circuit = circuits.failed(circuit, T0, "call", "reset")
        circuit = circuits.succeeded(circuit, T0)
    assert circuit == CLEAN


def test_failures_far_apart_are_not_a_run() -> None:
    circuit = CLEAN
    for number in range(20):
        circuit = circuits.failed(circuit, T0 + number * RUN_SECONDS / 3, "call", "http_500")
    assert not circuit.is_open


def test_after_the_pause_one_call_tries_and_the_others_wait() -> None:
    circuit = opened()
    due = circuit.retry_at + 0.01
    circuit, first = circuits.ask(circuit, due, "first", 10)
    circuit, second = circuits.ask(circuit, due, "second", 10)
    assert (first, second) == (Gate.PROBE, Gate.WAIT)


def test_the_pause_grows_up_to_a_minute() -> None:
    circuit, pauses = opened(), []
    for _ in range(12):
        at = circuit.retry_at
        circuit, gate = circuits.ask(circuit, at, "probe", 10)
        assert gate is Gate.PROBE
        circuit = circuits.failed(circuit, at, "probe", "connect")
        pauses.append(circuit.retry_at - at)
    assert pauses[0] < pauses[2] < pauses[4]
    assert max(pauses) <= LONGEST_PAUSE * 1.2
    assert min(pauses[6:]) >= LONGEST_PAUSE * 0.8


def test_a_probe_that_answers_closes_it() -> None:
    circuit, _ = circuits.ask(opened(), T0 + 10, "probe", 10)
    circuit = circuits.succeeded(circuit, T0 + 11)
    assert not circuit.is_open
    assert circuit.spell is not None
    assert circuit.spell.ended == T0 + 11
    assert circuit.is_clean


def test_a_probe_that_vanished_is_replaced() -> None:
    circuit, _ = circuits.ask(opened(), T0 + 10, "killed", 10)
    assert circuits.ask(circuit, T0 + 19, "next", 10)[1] is Gate.WAIT
    assert circuits.ask(circuit, T0 + 21, "next", 10)[1] is Gate.PROBE


def test_a_probe_that_was_given_up_frees_the_way() -> None:
    circuit, _ = circuits.ask(opened(), T0 + 10, "cancelled", 10)
    circuit = circuits.abandoned(circuit, "cancelled")
    assert circuits.ask(circuit, T0 + 10, "next", 10)[1] is Gate.PROBE


def test_a_late_failure_from_before_does_not_lengthen_the_pause() -> None:
    circuit = opened()
    later = circuits.failed(circuit, T0 + 1, "old call", "deadline")
    assert later.retry_at == circuit.retry_at
    assert later.spell is not None
    assert later.spell.failed == FAILURES_TO_OPEN + 1


@pytest.mark.parametrize("jump", [-600.0, -86_400.0])
def test_a_clock_that_jumps_back_does_not_keep_it_shut(jump: float) -> None:
    circuit = circuits.asked_to_wait(opened(), T0, 100)
    assert circuits.ask(circuit, T0 + jump, "x", 10)[1] is Gate.PROBE
    assert circuits.silence(circuit, T0 + jump) == 0


def test_a_sellers_wish_is_kept_and_bounded() -> None:
    circuit = circuits.asked_to_wait(CLEAN, T0, 30)
    assert circuits.silence(circuit, T0 + 10) == 20
    assert circuits.silence(circuits.asked_to_wait(circuit, T0, 5), T0) == 30
    assert circuits.silence(circuits.asked_to_wait(CLEAN, T0, 86_400), T0) == LONGEST_WISH
    assert not circuit.is_clean
    assert circuits.succeeded(circuit, T0 + 31).is_clean


moments = st.floats(min_value=0, max_value=300, allow_nan=False)
moves = st.lists(
    st.tuples(st.sampled_from(["ask", "fail", "succeed", "abandon", "wish"]), moments), max_size=40
)


@given(moves)
def test_it_never_stays_shut_for_ever_and_survives_being_stored(moves: list[tuple[str, float]]) -> None:
    circuit, at = CLEAN, T0
    for number, (move, step) in enumerate(moves):
        at += step
        call = f"call-{number % 3}"
        match move:
            case "ask":
                circuit, _ = circuits.ask(circuit, at, call, 10)
            case "fail":
                circuit = circuits.failed(circuit, at, call, "connect")
            case "succeed":
                circuit = circuits.succeeded(circuit, at)
            case "abandon":
                circuit = circuits.abandoned(circuit, call)
            case "wish":
                circuit = circuits.asked_to_wait(circuit, at, step)
        assert circuits.loads(circuits.dumps(circuit)) == circuit
    much_later = at + LONGEST_PAUSE * 1.2 + 10
    assert circuits.ask(circuit, much_later, "new", 10)[1] in (Gate.GO, Gate.PROBE)
    assert circuits.silence(circuit, at + LONGEST_WISH) == 0


@pytest.mark.parametrize("text", ["", "{", "null", "[]", "{}", '{"spell": 5, "failures": []}', '{"x": 1}'])
def test_what_is_not_a_circuit_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        circuits.loads(text)
