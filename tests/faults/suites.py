"""Which suite needs which fleet."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from tests.faults import fleet, matrix
from tests.faults.fleet import Sizes
from tests.faults.report import Suite


def run(name: str, asked: argparse.Namespace, say: Callable[[str], None]) -> Suite:
    with fleet.running(SIZES[name]) as servers:
        say("the fleet is up")
        return SUITES[name](servers, asked, say)


def _matrix(servers: fleet.Fleet, asked: argparse.Namespace, say: Callable[[str], None]) -> Suite:
    return matrix.run(servers, asked.seed, say, most=asked.points)


SUITES: dict[str, Callable[[fleet.Fleet, argparse.Namespace, Callable[[str], None]], Suite]] = {
    "matrix": _matrix,
}
SIZES = {"matrix": Sizes()}
