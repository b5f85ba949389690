"""How often equally good models are promoted: the declared comparison beside simpler rules.

The data-generating process: two models are equally good in the long run, and the difference of their losses
is a stationary Gaussian AR(1) over hours with autocorrelation .9 (one hour's weather is much like the next
hour's), unit variance, over seven days. Either one row an hour, or fifty rows an hour that share the hour's
difference and add independent noise of unit variance each. Every rule sees the same 2,000 histories; a
promotion is an error.

Run: ``python benchmarks/false_promotions.py [repetitions]``.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
from scipy.special import ndtri

from benchmarks.place import write
from retrain_assets.arrays import FloatArray
from retrain_assets.comparison import METRICS, Comparison, compare
from retrain_assets.evaluation_report.verdict import decide_verdict
from retrain_assets.evaluation_report.verdict_evidence import Evidence
from retrain_assets.spec import PromotionSpec

REPETITIONS = 2_000
AUTOCORRELATION = 0.9
DAYS, HOURS = 7, 24
SEED = 20_260_105
METRIC = METRICS["mean_absolute_error"]


def loss_differences(rng: np.random.Generator, rows_per_hour: int) -> FloatArray:
    """Simulate one week of loss differences, hour by hour; shape (168 * rows_per_hour,), mean zero."""
    shocks = rng.standard_normal(DAYS * HOURS)
    hourly = np.empty(DAYS * HOURS)
    hourly[0] = shocks[0]
    for hour in range(1, hourly.size):
        hourly[hour] = AUTOCORRELATION * hourly[hour - 1] + math.sqrt(1 - AUTOCORRELATION**2) * shocks[hour]
    if rows_per_hour == 1:
        return hourly
    return np.repeat(hourly, rows_per_hour) + rng.standard_normal(hourly.size * rows_per_hour)


def compare_series(difference: FloatArray, rows_per_block: int, alpha: float = 0.05) -> Comparison:
    """Compare two models whose absolute errors differ, row by row, by ``difference``."""
    labels = np.zeros(difference.size)
    level = np.full(difference.size, 50.0)
    blocks = np.arange(difference.size) // rows_per_block
    return compare(METRIC, labels, level - difference, level, blocks, alpha=alpha)


def is_promoted(comparison: Comparison) -> bool:
    """Ask the verdict, with the default rule, against a champion that beats the baseline by far."""
    # A sure gain over the baseline leaves the decision to the comparison with the champion.
    baseline = replace(comparison, improvement=100.0, lower=99.0, upper=101.0)
    evidence = Evidence(
        metric=METRIC,
        rows=comparison.rows,
        blocks=comparison.blocks,
        noun="days",
        as_of=datetime(2026, 1, 12, tzinfo=UTC),
        holdout=timedelta(days=DAYS),
        partition=timedelta(days=1),
        vs_champion=comparison,
        vs_baseline=baseline,
    )
    return decide_verdict(evidence, PromotionSpec()).verdict == "blessed"


def decisions(difference: FloatArray, rows_per_hour: int) -> Iterator[tuple[str, bool]]:
    """Decide by every rule on one history."""
    day_length = HOURS * rows_per_hour
    days = compare_series(difference, day_length)
    yield "day blocks, CR1, t: 95 % interval (the verdict)", is_promoted(days)
    yield "day blocks, CR1, z: 95 % interval", days.improvement > ndtri(0.975) * days.standard_error
    yield "hour blocks: 95 % interval", compare_series(difference, rows_per_hour).lower > 0
    yield "independent rows: 95 % interval", compare_series(difference, 1).lower > 0
    yield (
        "day blocks, CR1, t: 90 % interval",
        compare_series(difference, HOURS * rows_per_hour, 0.1).lower > 0,
    )
    yield "day blocks, CR1, z: 90 % interval", days.improvement > ndtri(0.95) * days.standard_error
    yield "hour blocks: 90 % interval", compare_series(difference, rows_per_hour, 0.1).lower > 0
    yield "independent rows: 90 % interval", compare_series(difference, 1, 0.1).lower > 0
    yield "the bigger number is better", days.improvement > 0


def false_promotion_rates(repetitions: int, rows_per_hour: int, seed: int = SEED) -> dict[str, float]:
    """Share of histories on which each rule promotes."""
    rng = np.random.default_rng(seed)
    promoted: dict[str, int] = {}
    for _ in range(repetitions):
        for rule, promotes in decisions(loss_differences(rng, rows_per_hour), rows_per_hour):
            promoted[rule] = promoted.get(rule, 0) + bool(promotes)
    return {rule: count / repetitions for rule, count in promoted.items()}


def main() -> None:
    """Simulate, print a table and write it as JSON."""
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else REPETITIONS
    rates = {rows: false_promotion_rates(repetitions, rows) for rows in (1, 50)}
    print(f"Promotions of equally good models, {repetitions:,} simulated weeks each\n")
    print(f"{'rule':<50}{'1 row an hour':>16}{'50 rows an hour':>18}")
    for rule in rates[1]:
        print(f"{rule:<50}{rates[1][rule]:>16.1%}{rates[50][rule]:>18.1%}")
    document = {
        "repetitions": repetitions,
        "autocorrelation": AUTOCORRELATION,
        "days": DAYS,
        "promoted": {f"{rows} rows an hour": rate for rows, rate in rates.items()},
        "bound": 0.07,
        "within_bound": all(next(iter(rate.values())) <= 0.07 for rate in rates.values()),
    }
    write("false_promotions", document)


if __name__ == "__main__":
    main()
