"""Time to compare two models on a million rows, by metric, blocks included.

Run: ``python benchmarks/comparison_speed.py [rows]``.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from retrain_assets.comparison import METRICS, assign_blocks, compare
from retrain_assets.comparison.metrics import FloatArray

ROWS = 1_000_000
TIMES = 5
BOUND = 1.0
START = datetime(2026, 1, 5, tzinfo=UTC)
DAYS = 28


def make_rows(rows: int) -> tuple[pl.DataFrame, FloatArray, FloatArray, FloatArray]:
    """Generate rows over four weeks, with labels and the scores of two models that differ a little."""
    rng = np.random.default_rng(7)
    seconds = np.sort(rng.uniform(0, DAYS * 86_400, rows))
    frame = pl.DataFrame({"at": seconds * 1e6}).select(
        (pl.lit(START) + pl.duration(microseconds=pl.col("at"))).alias("at")
    )
    signal = rng.normal(-2, 1, rows)
    labels = (rng.uniform(size=rows) < 1 / (1 + np.exp(-signal))).astype(float)
    one, other = (1 / (1 + np.exp(-(signal + rng.normal(0, noise, rows)))) for noise in (0.3, 0.5))
    return frame, labels, one, other


def main() -> None:
    """Measure, print a table and write it as JSON."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    frame, labels, one, other = make_rows(rows)
    seconds = {}
    for name, metric in METRICS.items():
        times = []
        for _ in range(TIMES):
            begun = time.perf_counter()
            blocks = assign_blocks(frame, "1d", "at", START, START + timedelta(days=DAYS))
            compare(metric, labels, one, other, blocks.ids)
            times.append(time.perf_counter() - begun)
        seconds[name] = statistics.median(times)
    print(f"Comparing two models on {rows:,} rows, median of {TIMES}, bound {BOUND} s\n")
    for name, value in seconds.items():
        print(f"{name:<24}{value:>8.3f} s")
    target = Path(__file__).parent / "results" / "comparison_speed.json"
    target.parent.mkdir(exist_ok=True)
    document = {
        "rows": rows,
        "seconds": seconds,
        "bound": BOUND,
        "within_bound": all(value < BOUND for value in seconds.values()),
    }
    target.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
