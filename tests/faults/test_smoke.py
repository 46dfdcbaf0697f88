"""The fault harness, its smallest part: the product in its distributed form, with one fault of each family.

It starts servers and processes of its own whatever database the other tests use, so one lane is enough for it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
ITS_OWN = ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE", "FLIGHTDECK_VAR", "FAULTS_DIR")
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the run reported. Its own words are shown where it did not come that far."""
    kept = tmp_path_factory.mktemp("faults")
    environment = {name: value for name, value in os.environ.items() if name not in ITS_OWN}
    ran = subprocess.run(
        [sys.executable, "-m", "tests.faults", "smoke", "--keep", str(kept)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=580,
    )
    report = kept / "smoke.json"
    assert report.exists(), ran.stdout[-3000:] + ran.stderr[-3000:]
    return json.loads(report.read_text()) | {"code": ran.returncode, "said": ran.stdout}


def test_no_invariant_is_broken_by_any_fault(suite: dict[str, Any]) -> None:
    assert suite["findings"]["broken"] == []
    assert suite["findings"]["duplicates"] == 0
    assert suite["problems"] == []
    assert suite["code"] == 0


def test_every_fault_really_took_place(suite: dict[str, Any]) -> None:
    missed = {row["fault"]: row["missed"] for row in suite["rows"] if row["hit"] < row["injected"]}
    assert missed == {}
    assert sum(row["hit"] for row in suite["rows"]) >= 40


def test_work_was_really_done(suite: dict[str, Any]) -> None:
    found = suite["findings"]
    assert found["campaigns"] >= 15
    assert found["booked"] == found["campaigns"]
    assert found["effects"] >= 3 * found["campaigns"]
