"""How often equally good models are promoted, by every metric, and how often better ones are.

The data-generating process: both models see each row's truth through noise, half of which they share. How much noise
a model has on a day is log-normal, ``exp(u / 2)`` with u a stationary Gaussian AR(1) over days of the given correlation,
drawn for each model by itself. The two may be exchanged, so that by any metric neither is better, and every promotion is
an error. Forty rows a day, on 7 days for one look, and on 14 to 33 days for twenty looks at the same pair. The past
that the estimator is chosen by is 112 earlier days of the same two models' loss differences.

Power: 5,000 rows a day, ``exp(u / 50)``, and a candidate whose noise is smaller, so that its loss is less by 0.5, 1 or
2 %.

Run: ``python -m benchmarks.equal_models [repetitions]``; prints Markdown tables.
"""

from __future__ import annotations

import json
import math
import platform
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.repeated_looks import ALPHA, CORRELATIONS, LOOKS, PROMISED, FloatArray, day_series
from retrain_assets.comparison import METRICS, Metric, Task, compare, declared_metrics
from retrain_assets.comparison.block_improvements import block_improvements
from retrain_assets.comparison.sequential import always_valid
from retrain_assets.spec.metrics import CLASSIFICATION_METRICS, REGRESSION_METRICS, MetricSpec

REPETITIONS = 1_000
ROWS_A_DAY, FIRST, PAST = 40, 14, 112
POWER_ROWS, POWER_DAYS, POWER_UNREST = 5_000, 14, 0.02
GAINS = (0.005, 0.01, 0.02)
SEED = 20_260_126
KINDS: dict[Task, tuple[str, ...]] = {
    "classification": CLASSIFICATION_METRICS,
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
    """Scores of a model that sees the truth through noise."""
    seen = truth + noise
    return 1 / (1 + np.exp(-seen)) if task == "classification" else seen


def draw_labels(rng: np.random.Generator, task: Task, truth: FloatArray) -> FloatArray:
    """Draw labels by the truth."""
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
    truth = rng.standard_normal(day.size)
    noise = (rng.standard_normal((2, day.size)) + rng.standard_normal(day.size)) / math.sqrt(2)
    levels = np.exp(unrest * day_series(rng, 2, days, correlation))[:, day] * noise
    levels[0] *= scale
    own, other = (scores_of(task, truth, noise) for noise in levels)
    return Pair(draw_labels(rng, task, truth), own, other, day)


def past_of(pair: Pair, task: Task) -> FloatArray:
    """Daily differences of the models' losses: log loss, or absolute error."""
    metric = METRICS["log_loss" if task == "classification" else "mean_absolute_error"]
    _, one = metric.measure(pair.y, pair.candidate, None)
    _, other = metric.measure(pair.y, pair.champion, None)
    if one is None or other is None:
        raise TypeError(f"{metric.name} has no influence values")
    return np.bincount(pair.day, weights=one - other) / np.bincount(pair.day)


def one_look(metric: Metric, pair: Pair, past: FloatArray | None) -> tuple[bool, bool]:
    """Whether the comparison promotes, and whether the bigger number does."""
    found = compare(metric, pair.y, pair.candidate, pair.champion, pair.day, alpha=2 * ALPHA, past=past)
    return found.lower > 0, found.improvement > 0


def some_look(metric: Metric, pair: Pair, first: int, looks: int) -> tuple[bool, bool]:
    """Whether the always-valid test promotes at any of some looks, and whether the bigger number ever does."""
    bigger = False
    for days in range(first, first + looks):
        seen = pair.until(days)
        series = block_improvements(
            metric, y=seen.y, candidate=seen.candidate, reference=seen.champion, blocks=seen.day
        )
        bigger |= series.mean > 0
        if always_valid(series, alpha=ALPHA, first_look=first).lower > 0:
            return True, True
    return False, bigger


def metrics_of(task: Task) -> tuple[Metric, ...]:
    """Every metric of a kind of model, and for regressions a function without influence values."""
    declared = [MetricSpec(metric=name) for name in KINDS[task]]
    return declared_metrics([*declared, OWN] if task == "regression" else declared, task)


def equal_models(repetitions: int) -> Iterator[tuple[str, str, dict[str, float]]]:
    """Shares of promotions of equal models: by metric and correlation, for each rule."""
    for task in KINDS:
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
            for name, count in counts.items():
                rules = ("one look", "one look, bigger", "20 looks", "20 looks, bigger")
                shares = (float(value) for value in count / repetitions)
                yield name, f"{correlation:g}", dict(zip(rules, shares, strict=True))


def scale_for(metric: Metric, task: Task, gain: float) -> float:
    """Noise of a candidate whose loss is less by a share, found on half a million rows."""
    rng = np.random.default_rng(SEED + 1)
    truth = rng.standard_normal(500_000)
    y = draw_labels(rng, task, truth)
    noise = rng.standard_normal(truth.size)

    def loss(scale: float) -> float:
        return metric.measure(y, scores_of(task, truth, scale * noise), None)[0]

    low, high, wanted = 0.5, 1.0, (1 - gain) * loss(1.0)
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (middle, high) if loss(middle) < wanted else (low, middle)
    return low


def power(repetitions: int) -> Iterator[tuple[str, str, str, dict[str, float]]]:
    """Share of better candidates that are promoted, by metric, gain and correlation."""
    cases: tuple[tuple[Task, str], ...] = (
        ("classification", "log_loss"),
        ("regression", "mean_absolute_error"),
    )
    for task, name in cases:
        for gain in GAINS:
            scale = scale_for(METRICS[name], task, gain)
            for correlation in (0.0, PROMISED):
                rng = np.random.default_rng(SEED + 2)
                counts = np.zeros(3)
                for _ in range(repetitions):
                    pair = draw_pair(rng, task, POWER_DAYS + 7, POWER_ROWS, correlation, scale, POWER_UNREST)
                    counts += [
                        one_look(METRICS[name], pair.until(7), None)[0],
                        one_look(METRICS[name], pair.until(POWER_DAYS), None)[0],
                        some_look(METRICS[name], pair, 7, POWER_DAYS + 1)[0],
                    ]
                rules = ("one look, 7 days", "one look, 14 days", "15 looks from 7 days")
                shares = (float(value) for value in counts / repetitions)
                yield name, f"{100 * gain:g} %", f"{correlation:g}", dict(zip(rules, shares, strict=True))


def main() -> None:
    """Simulate, print Markdown tables and write them as JSON."""
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else REPETITIONS
    begun = time.perf_counter()
    bound = ALPHA + 2 * math.sqrt(ALPHA * (1 - ALPHA) / repetitions)
    rows = list(equal_models(repetitions))
    rules = list(rows[0][2])
    print(f"Equal models promoted, {repetitions:,} pairs a metric; nominal {ALPHA:.1%}, bound {bound:.2%}.\n")
    print(f"| metric | correlation | {' | '.join(rules)} |\n| --- | --- |{' ---: |' * len(rules)}")
    for name, correlation, cell in rows:
        print(f"| {name} | {correlation} | {' | '.join(f'{cell[rule]:.1%}' for rule in rules)} |")
    better = list(power(max(repetitions // 10, 1)))
    print(
        f"\nBetter candidates promoted, {POWER_ROWS:,} rows a day, {max(repetitions // 10, 1)} pairs each.\n"
    )
    print(
        f"| metric | gain | correlation | {' | '.join(better[0][3])} |\n| --- | ---: | --- |{' ---: |' * 3}"
    )
    for name, gain, correlation, cell in better:
        print(
            f"| {name} | {gain} | {correlation} | {' | '.join(f'{share:.0%}' for share in cell.values())} |"
        )
    took = time.perf_counter() - begun
    print(f"\n{took:.0f} seconds, {platform.machine()}, Python {platform.python_version()}.")
    promised = [cell for _, correlation, cell in rows if float(correlation) <= PROMISED]
    document = {
        "repetitions": repetitions,
        "bound": bound,
        "equal_models": [{"metric": name, "correlation": value, **cell} for name, value, cell in rows],
        "better_models": [
            {"metric": name, "gain": gain, "correlation": value, **cell} for name, gain, value, cell in better
        ],
        "seconds": took,
        "within_bound": all(cell[rule] <= bound for cell in promised for rule in ("one look", "20 looks")),
    }
    target = Path(__file__).parent / "results" / "equal_models.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
