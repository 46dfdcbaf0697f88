"""The simulator is a stranger to the product: it imports none of its rooms, and no Django."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_simulator_imports_nothing_of_the_product() -> None:
    code = (
        "import json, pkgutil, sys, importlib, simulator\n"
        "for module in pkgutil.walk_packages(simulator.__path__, 'simulator.'):\n"
        "    importlib.import_module(module.name)\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout))
    rooms = {path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()} - {"simulator"}
    assert "simulator" in loaded
    assert {"planning", "sellers"} <= rooms
    assert loaded & (rooms | {"django", "celery", "httpx"}) == set()
