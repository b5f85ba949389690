"""How often equally good models are promoted, by every metric.

The data-generating process: both models see each row's truth through noise, half of which they share. How much noise
a model has on a day is log-normal, ``exp(u / 2)`` with u a stationary Gaussian AR(1) over days of the given correlation,
drawn for each model by itself. The two may be exchanged, so that by any metric neither is better, and every promotion is
an error. Forty rows a day, on 7 days for one look, and on 14 to 33 days for twenty looks at the same pair. The past
that the estimator is chosen by is 112 earlier days of the same two models' loss differences. How often better models are
promoted is in ``better_models.py``.

Run: ``python -m benchmarks.equal_models [repetitions [task ...]]``; prints a Markdown table. Forty rows a day are few so
that a thousand pairs for each metric and correlation take minutes of one core; what a day says varies the more for it.
Days of a mean of row losses do not change with the days after them, and are taken once for all looks at a pair.
"""

from __future__ import annotations

import math
import platform
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.place import write
from benchmarks.repeated_looks import ALPHA, CORRELATIONS, LOOKS, PROMISED, day_series
from retrain_assets.arrays import FloatArray
from retrain_assets.comparison import METRICS, Metric, Task, compare, declared_metrics
from retrain_assets.comparison.block_improvements import block_improvements
from retrain_assets.comparison.block_series import BlockSeries
from retrain_assets.comparison.sequential import always_valid
from retrain_assets.spec.metrics import (
    CLASSIFICATION_METRICS,
    MULTICLASS_METRICS,
    REGRESSION_METRICS,
    MetricSpec,
)

REPETITIONS = 1_000
ROWS_A_DAY, FIRST, PAST = 40, 14, 112
CLASSES = 3
MEANS = frozenset(
    {
        "log_loss",
        "brier_score",
        "accuracy",
        "mean_absolute_error",
        "mean_squared_error",
        "mean_pinball_loss",
        "cost",
    }
)
"""Metrics that are means of row losses."""
SEED = 20_260_126
KINDS: dict[Task, tuple[str, ...]] = {
    "classification": CLASSIFICATION_METRICS,
    "multiclass": MULTICLASS_METRICS,
    "regression": REGRESSION_METRICS,
}
OWN = MetricSpec(function="benchmarks.equal_models:cost", greater_is_better=False, unit="EUR")
Rates = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Pair:
    """Labels, both models' scores, and the day of each row, days numbered from 0."""

    y: FloatArray
    candidate: FloatArray
    champion: FloatArray
    day: NDArray[np.int64]

    def until(self, days: int) -> Pair:
        """The rows of the first days."""
        rows = int(np.searchsorted(self.day, days))
        return Pair(self.y[:rows], self.candidate[:rows], self.champion[:rows], self.day[:rows])

    def since(self, days: int) -> Pair:
        """The rows from a day on, which becomes day 0."""
        rows = int(np.searchsorted(self.day, days))
        return Pair(self.y[rows:], self.candidate[rows:], self.champion[rows:], self.day[rows:] - days)


def cost(y: FloatArray, scores: FloatArray, weight: FloatArray | None) -> float:
    """Cost of a forecast, as a user might declare it: what is missing costs twice what is too much."""
    short = y - scores
    return float(np.average(np.where(short > 0, 2 * short, -short), weights=weight))


def scores_of(task: Task, truth: FloatArray, noise: FloatArray) -> FloatArray:
    """Scores of a model that sees the truth through noise; of several classes, shape (n, 3)."""
    seen = truth + noise
    if task == "regression":
        return seen
    odds: FloatArray = np.exp(seen)
    shares: FloatArray = odds / (odds.sum(axis=1, keepdims=True) if task == "multiclass" else 1 + odds)
    return shares


def draw_labels(rng: np.random.Generator, task: Task, truth: FloatArray) -> FloatArray:
    """Draw labels by the truth."""
    if task == "multiclass":
        classes: NDArray[np.int64] = (truth + rng.gumbel(size=truth.shape)).argmax(axis=1)
        return classes.astype(np.float64)
    if task == "classification":
        return (rng.uniform(size=truth.size) < 1 / (1 + np.exp(-truth))).astype(np.float64)
    return truth + rng.standard_normal(truth.size)


def draw_pair(
    rng: np.random.Generator,
    task: Task,
    days: int,
    rows: int,
    correlation: float,
    scale: float = 1.0,
    unrest: float = 0.5,
) -> Pair:
    """Draw rows of two models; ``scale`` is the candidate's noise in units of the champion's.

    Half of the noise is common to both; ``unrest`` is how much its level differs from day to day, in logarithms.
    """
    day = np.repeat(np.arange(days, dtype=np.int64), rows)
    shape = (day.size, CLASSES) if task == "multiclass" else (day.size,)
    truth = rng.standard_normal(shape)
    noise = (rng.standard_normal((2, *shape)) + rng.standard_normal(shape)) / math.sqrt(2)
    levels = np.exp(unrest * day_series(rng, 2, days, correlation))[:, day].reshape(
        2, -1, *[1] * (truth.ndim - 1)
    )
    noise *= levels
    noise[0] *= scale
    own, other = (scores_of(task, truth, seen) for seen in noise)
    return Pair(draw_labels(rng, task, truth), own, other, day)


def past_of(pair: Pair, task: Task) -> FloatArray:
    """Daily differences of the models' losses: log loss, or absolute error."""
    metric = METRICS["mean_absolute_error" if task == "regression" else "log_loss"]
    _, one = metric.measure(pair.y, pair.candidate, None)
    _, other = metric.measure(pair.y, pair.champion, None)
    if one is None or other is None:
        raise TypeError(f"{metric.name} has no influence values")
    return np.bincount(pair.day, weights=one - other) / np.bincount(pair.day)


def one_look(metric: Metric, pair: Pair, past: FloatArray | None) -> tuple[bool, bool]:
    """Whether the comparison promotes, and whether the bigger number does."""
    found = compare(metric, pair.y, pair.candidate, pair.champion, pair.day, alpha=2 * ALPHA, past=past)
    return found.lower > 0, found.improvement > 0


def improvements(metric: Metric, pair: Pair) -> BlockSeries:
    """Improvement of the candidate on each day."""
    return block_improvements(
        metric, y=pair.y, candidate=pair.candidate, reference=pair.champion, blocks=pair.day
    )


def some_look(metric: Metric, pair: Pair, first: int, looks: int) -> tuple[bool, bool]:
    """Whether the always-valid test promotes at any of some looks, and whether the bigger number ever does."""
    bigger = False
    whole = improvements(metric, pair.until(first + looks - 1)) if metric.name in MEANS else None
    for days in range(first, first + looks):
        series = improvements(metric, pair.until(days)) if whole is None else BlockSeries(whole.values[:days])
        bigger |= series.mean > 0
        if always_valid(series, alpha=ALPHA, first_look=first).lower > 0:
            return True, True
    return False, bigger


def metrics_of(task: Task) -> tuple[Metric, ...]:
    """Every metric of a kind of model, and for regressions a function without influence values."""
    declared = [MetricSpec(metric=name) for name in KINDS[task]]
    return declared_metrics([*declared, OWN] if task == "regression" else declared, task)


def equal_models(
    repetitions: int, tasks: Sequence[Task] = tuple(KINDS)
) -> Iterator[tuple[str, str, dict[str, float]]]:
    """Shares of promotions of equal models: by metric and correlation, for each rule."""
    for task in tasks:
        metrics = metrics_of(task)
        for correlation in CORRELATIONS:
            rng = np.random.default_rng(SEED)
            counts = {metric.name: np.zeros(4) for metric in metrics}
            for _ in range(repetitions):
                whole = draw_pair(rng, task, PAST + FIRST + LOOKS - 1, ROWS_A_DAY, correlation)
                past = past_of(whole.until(PAST), task)
                new = whole.since(PAST)
                for metric in metrics:
                    once = one_look(metric, new.until(7), past)
                    counts[metric.name] += [*once, *some_look(metric, new, FIRST, LOOKS)]
            suffix = f", {CLASSES} classes" if task == "multiclass" else ""
            for name, count in counts.items():
                rules = ("one look", "one look, bigger", "20 looks", "20 looks, bigger")
                shares = (float(value) for value in count / repetitions)
                yield name + suffix, f"{correlation:g}", dict(zip(rules, shares, strict=True))


def main() -> None:
    """Simulate, print a Markdown table and write it as JSON."""
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else REPETITIONS
    tasks = [task for task in KINDS if task in sys.argv[2:]] or list(KINDS)
    begun = time.perf_counter()
    bound = ALPHA + 2 * math.sqrt(ALPHA * (1 - ALPHA) / repetitions)
    rules = ("one look", "one look, bigger", "20 looks", "20 looks, bigger")
    print(f"Equal models promoted, {repetitions:,} pairs a metric; nominal {ALPHA:.1%}, bound {bound:.2%}.\n")
    print(f"| metric | correlation | {' | '.join(rules)} |\n| --- | --- |{' ---: |' * len(rules)}")
    rows = []
    for name, correlation, cell in equal_models(repetitions, tasks):
        rows.append((name, correlation, cell))
        print(f"| {name} | {correlation} | {' | '.join(f'{cell[rule]:.1%}' for rule in rules)} |", flush=True)
    took = time.perf_counter() - begun
    print(f"\n{took:.0f} seconds, {platform.machine()}, Python {platform.python_version()}.")
    promised = [cell for _, correlation, cell in rows if float(correlation) <= PROMISED]
    document = {
        "repetitions": repetitions,
        "bound": bound,
        "equal_models": [{"metric": name, "correlation": value, **cell} for name, value, cell in rows],
        "seconds": took,
        "within_bound": all(cell[rule] <= bound for cell in promised for rule in ("one look", "20 looks")),
    }
    write("equal_models", document)


if __name__ == "__main__":
    main()
