"""The alarms name metrics that exist, and the page for operators names every metric and every alarm."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

from config.watching import metrics
from config.watching.exposition import database_gauges

ROOT = Path(__file__).resolve().parent.parent.parent
NAME = re.compile(r"\bflightdeck_[a-z_]+\b")
LABELLED = re.compile(r"\b(flightdeck_[a-z_]+)\{([^}]*)\}")
PAGE = (ROOT / "docs" / "observability.md").read_text()


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((ROOT / "deploy" / "prometheus-rules.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def counted_by_processes() -> dict[str, Any]:
    return {
        name: family
        for name, family in REGISTRY._names_to_collectors.items()
        if name.startswith("flightdeck_")
    }


@pytest.fixture
def known(transactional_db: None) -> set[str]:
    database_gauges.forget()
    return {family.name for family in database_gauges.collect()} | set(counted_by_processes())


def test_every_alarm_asks_for_metrics_that_exist(known):
    asked = {name for rule in rules() for name in NAME.findall(rule["expr"])}
    assert asked
    assert asked <= known


def test_every_outcome_that_an_alarm_names_can_happen():
    source = Path(metrics.__file__).read_text() + (ROOT / "flows" / "watch.py").read_text()
    for rule in rules():
        for _name, labels in LABELLED.findall(rule["expr"]):
            for value in re.findall(r'outcome=~?"([^"]+)"', labels):
                assert all(f'"{one}"' in source for one in value.split("|")), value


def test_the_page_explains_every_metric(known):
    explained = set(NAME.findall(PAGE))
    endings = ("_bucket", "_count", "_sum", "_created")
    families = {name for name in known if not name.endswith(endings)}
    counters = {name for name in families if f"{name}_total" in families}
    assert sorted(families - counters - explained) == []
    assert sorted(explained - known) == []


def test_the_page_says_what_to_do_for_every_alarm():
    alarms = {rule["alert"]: rule["labels"]["severity"] for rule in rules()}
    rows = dict(re.findall(r"^\| (Flightdeck\w+) \((page|ticket)\) \|", PAGE, re.MULTILINE))
    assert rows == alarms
