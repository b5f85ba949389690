"""Time to compare two models on a million rows, by metric and task, blocks included.

Several classes are five. A function of the user's own is resampled 500 times, which has no bound: it is measured
on a hundredth of the rows.

Run: ``python -m benchmarks.comparison_speed [rows]``.
"""

from __future__ import annotations

import statistics
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from benchmarks.place import write
from retrain_assets.arrays import FloatArray
from retrain_assets.comparison import METRICS, Metric, Task, assign_blocks, compare
from retrain_assets.comparison.own_metric import own_metric

ROWS = 1_000_000
CLASSES = 5
TIMES = 5
BOUND = 1.0
START = datetime(2026, 1, 5, tzinfo=UTC)
DAYS = 28


@dataclass(frozen=True)
class Scored:
    """Labels and the scores of two models that differ a little, shape (rows,), or (rows, 5) for classes."""

    labels: FloatArray
    one: FloatArray
    other: FloatArray


def mean_cost(y: FloatArray, score: FloatArray, weight: FloatArray | None) -> float:
    """Cost as a user writes it: the weighted mean of the absolute errors."""
    return float(np.average(np.abs(y - score), weights=weight))


def make_times(rows: int) -> pl.DataFrame:
    """Generate the times of rows over four weeks."""
    seconds = np.sort(np.random.default_rng(7).uniform(0, DAYS * 86_400, rows))
    return pl.DataFrame({"at": seconds * 1e6}).select(
        (pl.lit(START) + pl.duration(microseconds=pl.col("at"))).alias("at")
    )


def make_scores(rows: int, task: Task) -> Scored:
    """Generate labels from a signal, and what two models see of it."""
    rng = np.random.default_rng(7)
    signal = rng.normal(-2, 1, (rows, CLASSES) if task == "multiclass" else rows)
    one, other = (signal + rng.normal(0, noise, signal.shape) for noise in (0.3, 0.5))
    if task == "regression":
        return Scored(signal + rng.normal(size=rows), one, other)
    if task == "classification":
        labels = (rng.uniform(size=rows) < 1 / (1 + np.exp(-signal))).astype(float)
        return Scored(labels, 1 / (1 + np.exp(-one)), 1 / (1 + np.exp(-other)))
    labels = (signal + rng.gumbel(size=signal.shape)).argmax(axis=1).astype(float)
    shares = [np.exp(seen) / np.exp(seen).sum(axis=1, keepdims=True) for seen in (one, other)]
    return Scored(labels, shares[0], shares[1])


def time_comparison(metric: Metric, frame: pl.DataFrame, scored: Scored) -> float:
    """Median seconds of a comparison, the assignment of blocks included."""
    times = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        blocks = assign_blocks(frame, "1d", "at", START, START + timedelta(days=DAYS))
        compare(metric, scored.labels, scored.one, scored.other, blocks.ids)
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def main() -> None:
    """Measure, print a table and write it as JSON."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    frame = make_times(rows)
    seconds: dict[str, float] = {}
    print(f"Comparing two models on {rows:,} rows, median of {TIMES}, bound {BOUND} s\n")
    titles: dict[Task, str] = {"classification": "two", "multiclass": str(CLASSES), "regression": "numbers"}
    for task, title in titles.items():
        scored = make_scores(rows, task)
        for metric in METRICS.values():
            if task in metric.tasks:
                name = f"{metric.name} ({title}{'' if title == 'numbers' else ' classes'})"
                seconds[name] = time_comparison(metric, frame, scored)
                print(f"{name:<40}{seconds[name]:>8.3f} s", flush=True)
    few = max(rows // 100, 100)
    own = own_metric("benchmarks.comparison_speed:mean_cost", greater_is_better=False, unit="EUR")
    resampled = time_comparison(own, make_times(few), make_scores(few, "regression"))
    print(f"{f'own function, resampled, {few:,} rows':<40}{resampled:>8.3f} s")
    document = {
        "rows": rows,
        "seconds": seconds,
        "resampled": {"rows": few, "seconds": resampled},
        "bound": BOUND,
        "within_bound": all(value < BOUND for value in seconds.values()),
    }
    write("comparison_speed", document)


if __name__ == "__main__":
    main()
