"""``python -m examples.report``: live through the three histories, and print what retraining was worth."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

from examples.history import STOPS, TABLES, lived
from retrain_assets.comparison import METRICS, Comparison
from retrain_assets.pages.text import fixed, number


def main() -> None:
    """Print a table in Markdown, and the verdicts below it; what the runs write is thrown away."""
    if not Path(os.environ.get(TABLES, "")).is_dir() or TABLES not in os.environ:
        sys.exit(f"Set {TABLES} to the folder that holds the three tables; examples/README.md says which.")
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    print("| Example | Never retrained | Retrained | Gain, 95 % interval | Days | Rows | Quarantined |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    verdicts = {}
    with TemporaryDirectory() as home:
        os.environ["RETRAIN_ASSETS_HOME"] = home
        for name in STOPS:
            with lived(name) as history:
                print(table_row(name, history.gain(), sum(history.quarantined()["len"])), flush=True)
                verdicts[name] = history.verdicts()
    for name, told in verdicts.items():
        print(f"\n`{name}`: {', '.join(told)}")


def table_row(name: str, gain: Comparison, quarantined: int) -> str:
    """Write an example's line of the table."""
    metric = METRICS[gain.metric]
    decimals = 1 if metric.tasks == ("regression",) else 3
    never, retrained = (fixed(value, decimals) for value in (gain.reference, gain.candidate))
    interval = f"{number(gain.improvement)} [{number(gain.lower)}, {number(gain.upper)}]"
    cells = (f"`{name}`, {metric.title}", never, retrained, interval)
    counts = (f"{count:,}" for count in (gain.blocks, gain.rows, quarantined))
    return f"| {' | '.join((*cells, *counts))} |"


if __name__ == "__main__":
    main()
