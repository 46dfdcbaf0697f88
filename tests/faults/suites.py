"""Which suite needs which fleet, and what it runs."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

from tests.faults import cells, founding, kills, matrix, race, smoke, soak
from tests.faults.fleet import Fleet, Sizes
from tests.faults.report import Suite
from tests.faults.stage import Say, Stage
from tests.faults.suite_end import close


def run(name: str, asked: argparse.Namespace, say: Say) -> Suite:
    sizes, runner = SUITES[name]
    with founding.running(sizes) as servers:
        say("the fleet is up")
        began = time.monotonic()
        suite = runner(servers, asked, say)
        suite.seconds = time.monotonic() - began
        return suite


def _matrix(servers: Fleet, asked: argparse.Namespace, say: Say) -> Suite:
    return matrix.run(servers, asked.seed, say, most=asked.points)


def _cells(servers: Fleet, asked: argparse.Namespace, say: Say) -> Suite:
    suite = Suite("cells", asked.seed, "The cells of reliability.md 7.3 that need a test of their own.")
    stage = Stage.set(servers, suite, say)
    cells.run(stage, asked.cell, asked.trials)
    suite.facts = {f"Not here: {name}": why for name, why in cells.NOT_HERE.items()}
    close(stage)
    return suite


def _smoke(servers: Fleet, asked: argparse.Namespace, say: Say) -> Suite:
    return smoke.run(servers, asked.seed, say)


def _kills(servers: Fleet, asked: argparse.Namespace, say: Say) -> Suite:
    return kills.run(servers, asked.seed, say, asked.kills)


def _soak(servers: Fleet, asked: argparse.Namespace, say: Say) -> Suite:
    return soak.run(servers, asked.seed, say, asked.minutes)


def _race(servers: Fleet, asked: argparse.Namespace, say: Say) -> Suite:
    return race.run(servers, asked.seed, say, asked.rows)


IN_EARNEST = {"lease": 10.0, "call_deadline": 10.0, "seller_deadline": 20.0}
SUITES: dict[str, tuple[Sizes, Callable[[Fleet, argparse.Namespace, Say], Suite]]] = {
    "matrix": (Sizes(), _matrix),
    "cells": (Sizes(), _cells),
    "kills": (Sizes(workers=3, **IN_EARNEST), _kills),
    "soak": (Sizes(workers=3, **IN_EARNEST), _soak),
    "race": (Sizes(), _race),
    "smoke": (Sizes(), _smoke),
}
