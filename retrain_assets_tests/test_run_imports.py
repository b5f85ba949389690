"""Packages that a run imports for good are no garbage collector's business."""

from __future__ import annotations

import subprocess
import sys

FROZEN = """
import gc
from retrain_assets.run_imports import import_for_good
before = gc.get_freeze_count()
import_for_good("gc", "sys")
assert gc.get_freeze_count() == before
import_for_good("sqlite3.dbapi2", "skops.io")
assert gc.isenabled()
import skops.io, sqlite3.dbapi2
assert not any(kept is skops.io.__dict__ for kept in gc.get_objects())
print(gc.get_freeze_count() - before > 100_000)
"""
MOVED = """
import sys
import retrain_assets.pipeline
before = dict(sys.modules)
from retrain_assets.run_imports import import_skops
import_skops()
order = list(sys.modules)
import_skops()
assert list(sys.modules) == order
assert all(sys.modules[name] is module for name, module in before.items())
print(max(map(order.index, ("numpy", "scipy.special"))) < order.index("dagster") < order.index("skops.io"))
"""
TRUSTED = """
import skops.io
from skops.io import _trusted_types as trusted
print([list(names) for name, names in vars(trusted).items() if name.endswith("_TYPE_NAMES")])
"""


def _said(script: str) -> str:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.stdout


def test_what_is_imported_for_good_is_frozen() -> None:
    """Objects of the imported packages are in no generation that the collector searches, and it goes on collecting."""
    assert _said(FROZEN) == "True\n"


def test_skops_finds_numpy_and_scipy_first() -> None:
    """Their modules precede Dagster's, no module is lost, and skops trusts the types that it trusts without Dagster."""
    first, _, rest = _said(MOVED + TRUSTED).partition("\n")
    assert first == "True"
    assert rest == _said(TRUSTED)
