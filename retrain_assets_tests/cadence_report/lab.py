"""Run the lab on a folder of loans, as a process that can be killed: ``python -m ... FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path

import retrain_assets.cadence_report.run as lab
from retrain_assets_tests.cadence_report.pasts import replayed
from retrain_assets_tests.pipelines import declare

if __name__ == "__main__":
    # Every cell is written at once, and told.
    lab.KEEP_EVERY = lab.TELL_EVERY = 0.0
    declaration = declare(
        Path(sys.argv[1]), expectations=[], training__minimum_rows=200, training__params={"max_iter": 10}
    )
    replayed(declaration, tell=lambda said: print(said, flush=True))
