"""How often the detector of a rise alarms in quiet half-years, and how soon after a rise: what its threshold rests on.

Daily losses are a stationary Gaussian AR(1); the detector looks on every day of 182, against seven settled days or more,
with no rise allowed. Then, after 90 quiet days, the loss rises by 5 %, of which 1 % is allowed, and the detector looks
on the second and the third day. Days differ by 0.7 % (20,000 rows by chance alone), 1 % (as those of ``triggers.py``) or
1.2 % of the loss. Beside the evidence asked for stands what Doob's inequality would ask for: 182 days over .05.

All series are judged at once; that this is what ``detect_rise`` does is asserted on some.

Run: ``python -m benchmarks.false_alarms [repetitions]``; prints Markdown tables.
"""

from __future__ import annotations

import json
import math
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.repeated_looks import FloatArray, day_series
from retrain_assets.comparison.block_series import BlockSeries, variance_inflations
from retrain_assets.comparison.change_detector import (
    DAYS_WATCHED,
    EVIDENCE_ASKED,
    FALSE_ALARMS,
    detect_rise,
    two_sample_log_evidence,
)

REPETITIONS = 1_000
CORRELATIONS = (0.0, 0.1, 0.3)
SETTLED = 7
QUIET, RISE, ALLOWED = 90, 0.05, 0.01
SPREADS = (0.0072, 0.0097, 0.012)
THRESHOLDS = (EVIDENCE_ASKED, DAYS_WATCHED / FALSE_ALARMS)
SEED = 20_260_130


def evidence(series: FloatArray, allowed: float) -> FloatArray:
    """Evidence of a rise in each of several series of equal days, shape (series,)."""
    count = series.shape[1]
    each = []
    for split in range(SETTLED, count - 1):
        before, after = series[:, :split], series[:, split:]
        rise = after.mean(axis=1) - before.mean(axis=1)
        residual = np.concatenate(
            [part - part.mean(axis=1, keepdims=True) for part in (before, after)], axis=1
        )
        variance = (residual**2).sum(axis=1) / (count - 2) * variance_inflations(residual)
        size = 1 / (1 / split + 1 / (count - split))
        statistic = (rise - allowed) / np.sqrt(variance / size)
        each.append(two_sample_log_evidence(statistic, count - 2.0, size))
    found: FloatArray = np.exp(np.minimum(np.array(each), 700.0)).sum(axis=0)
    return found


def quiet_half_years(runs: int, correlation: float) -> FloatArray:
    """The most evidence of each quiet series on any of 182 days."""
    series = day_series(np.random.default_rng(SEED), runs, DAYS_WATCHED, correlation)
    most = np.zeros(runs)
    for day in range(SETTLED + 2, DAYS_WATCHED + 1):
        most = np.maximum(most, evidence(series[:, :day], 0.0))
    return most


def risen(runs: int, spread: float, days: int) -> FloatArray:
    """Evidence of each series some days after its rise."""
    series = spread * np.random.default_rng(SEED + 1).standard_normal((runs, QUIET + days))
    series[:, QUIET:] += RISE
    return evidence(series, ALLOWED)


def check() -> None:
    """Assert that all at once gives what the detector gives one by one."""
    series = day_series(np.random.default_rng(1), 5, 60, 0.2)
    series[:, 50:] += 1.5
    one_by_one = [rise.evidence for row in series if (rise := detect_rise(BlockSeries(row), SETTLED, 0.1))]
    np.testing.assert_allclose(evidence(series, 0.1), one_by_one, rtol=1e-6)


def main() -> None:
    """Simulate, print Markdown tables and write them as JSON."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else REPETITIONS
    begun = time.perf_counter()
    check()
    bound = FALSE_ALARMS + 2 * math.sqrt(FALSE_ALARMS * (1 - FALSE_ALARMS) / runs)
    print(f"{runs:,} quiet half-years each; promised {FALSE_ALARMS:.0%}, bound {bound:.1%}.\n")
    print("| correlation | with an alarm | evidence that one of 20 reaches |\n| --- | ---: | ---: |")
    quiet = []
    for correlation in CORRELATIONS:
        most = quiet_half_years(runs, correlation)
        share, reached = float((most >= EVIDENCE_ASKED).mean()), float(np.quantile(most, 1 - FALSE_ALARMS))
        quiet.append({"correlation": correlation, "alarms": share, "reached": reached})
        print(f"| {correlation:g} | {share:.1%} | {reached:,.0f} |", flush=True)
    print(
        "\n| evidence | days differ by | on the second day | on the third day |\n| --- | ---: | ---: | ---: |"
    )
    rises = []
    for asked in THRESHOLDS:
        for spread in SPREADS:
            two, three = (float((risen(runs, spread, days) >= asked).mean()) for days in (2, 3))
            rises.append({"evidence": asked, "spread": spread, "two days": two, "three days": three})
            print(f"| {asked:,.0f} | {spread:.2%} | {two:.1%} | {three:.1%} |", flush=True)
    document = {
        "repetitions": runs,
        "bound": bound,
        "quiet": quiet,
        "rises": rises,
        "seconds": time.perf_counter() - begun,
        "within_bound": all(row["alarms"] <= bound for row in quiet),
    }
    target = Path(__file__).parent / "results" / "false_alarms.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(document, indent=1) + "\n")
    print(f"\n{document['seconds']:.0f} seconds.")


if __name__ == "__main__":
    main()
