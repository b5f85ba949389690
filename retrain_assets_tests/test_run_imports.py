"""Packages that a run imports for good are no garbage collector's business."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
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


def test_what_is_imported_for_good_is_frozen() -> None:
    """Objects of the imported packages are in no generation that the collector searches, and it goes on collecting."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("True\n", "")
