"""How often the detector of a rise alarms in quiet half-years, and how soon after a rise: what its threshold rests on.

Daily losses are a stationary AR(1) whose shocks are normal, skewed (a gamma distribution), or heavy-tailed (Student's t);
the detector looks on every day of 182, against seven settled days or more, with no rise allowed. A skewness of 1,
tails of three degrees of freedom, and shocks that are not normal on days that correlate, are reported and not promised.

Then, after 90 quiet days, the loss rises by 5 %, of which 1 % is allowed, and the detector looks on the second and the
third day. Days differ by 0.7 % (20,000 rows by chance alone), 1 % (as those of ``triggers.py``) or 1.2 % of the loss.
Beside the evidence asked for stands what Doob's inequality would ask for: 182 days over .05.

All series are judged at once; that this is what ``detect_rise`` does is asserted on some.

Run: ``python -m benchmarks.false_alarms [repetitions]``; prints Markdown tables.
"""

from __future__ import annotations

import math
import sys
import time
from dataclasses import asdict, dataclass

import numpy as np

from benchmarks.place import write
from benchmarks.repeated_looks import day_series
from retrain_assets.arrays import FloatArray
from retrain_assets.comparison.block_series import BlockSeries, variance_inflations
from retrain_assets.comparison.change_detector import (
    DAYS_WATCHED,
    EVIDENCE_ASKED,
    FALSE_ALARMS,
    LONE_DAY,
    detect_rise,
    two_sample_log_evidence,
)

REPETITIONS = 1_000
SETTLED = 7
BURNT = 30
"""Days that are drawn first and thrown away, after which a correlated series is stationary."""
QUIET, RISE, ALLOWED = 90, 0.05, 0.01
SPREADS = (0.0072, 0.0097, 0.012)
THRESHOLDS = (EVIDENCE_ASKED, DAYS_WATCHED / FALSE_ALARMS)
SEED = 20_260_130
SQUARES = "ij,ij->i"


@dataclass(frozen=True)
class Kind:
    """Days of a half-year: their distribution, how neighbours correlate, and whether the error rate is promised.

    Parameters
    ----------
    correlation
        Of neighbouring days.
    skewness
        Of the days' shocks, which have a gamma distribution; 0 for none.
    degrees
        Degrees of freedom of Student's t for the days' shocks; None for normal ones.
    promised
        Whether one of 20 has an alarm at most.
    """

    correlation: float = 0.0
    skewness: float = 0.0
    degrees: float | None = None
    promised: bool = True

    def __str__(self) -> str:
        shocks = f"t with {self.degrees:g} degrees" if self.degrees else "normal"
        return f"skewness {self.skewness:g}" if self.skewness else shocks


KINDS = (
    Kind(),
    Kind(0.1),
    Kind(0.3),
    Kind(skewness=0.5),
    Kind(skewness=1, promised=False),
    Kind(degrees=5),
    Kind(degrees=3, promised=False),
    Kind(0.3, skewness=0.5, promised=False),
    Kind(0.3, skewness=1, promised=False),
    Kind(0.3, degrees=5, promised=False),
)


def evidence(series: FloatArray, allowed: float) -> FloatArray:
    """Evidence of a rise in each of several series of equal days, shape (series,)."""
    count = series.shape[1]
    residual = np.empty_like(series)
    each = []
    first, second = series[:, -1], np.full(len(series), -np.inf)
    for split in range(count - 2, SETTLED - 1, -1):
        day = series[:, split]
        first, second = np.maximum(first, day), np.maximum(second, np.minimum(first, day))
        before, after = residual[:, :split], residual[:, split:]
        level = series[:, :split].mean(axis=1)
        np.subtract(series[:, :split], level[:, np.newaxis], out=before)
        highest = second + LONE_DAY * np.sqrt(np.einsum(SQUARES, before, before) / split)
        np.minimum(series[:, split:], highest[:, np.newaxis], out=after)
        later = after.mean(axis=1)
        after -= later[:, np.newaxis]
        above = np.maximum(before, 0.0)
        own = 2 * np.einsum(SQUARES, above, above) / (split - 1)
        pooled = np.einsum(SQUARES, residual, residual) / (count - 2)
        rise, variance = later - level, np.maximum(pooled, own) * variance_inflations(residual)
        size = 1 / (1 / split + 1 / (count - split))
        statistic = (rise - allowed) / np.sqrt(variance / size)
        each.append(two_sample_log_evidence(statistic, count - 2.0, size))
    found: FloatArray = np.exp(np.minimum(np.array(each), 700.0)).sum(axis=0)
    return found


def quiet_days(kind: Kind, runs: int, days: int, seed: int = SEED) -> FloatArray:
    """Series of days of one kind without a rise, of mean zero, shape (runs, days)."""
    rng = np.random.default_rng(seed)
    if kind.skewness:
        shape = 4 / kind.skewness**2
        shocks = (rng.gamma(shape, size=(runs, BURNT + days)) - shape) / math.sqrt(shape)
    elif kind.degrees:
        shocks = rng.standard_t(kind.degrees, (runs, BURNT + days))
    else:
        return day_series(rng, runs, days, kind.correlation)
    for day in range(1, BURNT + days):
        shocks[:, day] += kind.correlation * shocks[:, day - 1]
    return shocks[:, BURNT:]


def most_evidence(series: FloatArray) -> FloatArray:
    """The most evidence of each series on any of its days, shape (series,)."""
    most = np.zeros(len(series))
    for day in range(SETTLED + 2, series.shape[1] + 1):
        most = np.maximum(most, evidence(series[:, :day], 0.0))
    return most


def risen(runs: int, spread: float, days: int) -> FloatArray:
    """Evidence of each series some days after its rise."""
    series = spread * np.random.default_rng(SEED + 1).standard_normal((runs, QUIET + days))
    series[:, QUIET:] += RISE
    return evidence(series, ALLOWED)


def check() -> None:
    """Assert that all at once gives what the detector gives one by one."""
    normal = day_series(np.random.default_rng(1), 5, 60, 0.2)
    normal[:, 50:] += 1.5
    others = [quiet_days(kind, 5, 60) for kind in (Kind(skewness=1), Kind(degrees=3))]
    series = np.concatenate([normal, *others])
    one_by_one = [rise.evidence for row in series if (rise := detect_rise(BlockSeries(row), SETTLED, 0.1))]
    np.testing.assert_allclose(evidence(series, 0.1), one_by_one, rtol=1e-6)


def main() -> None:
    """Simulate, print Markdown tables and write them as JSON."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else REPETITIONS
    begun = time.perf_counter()
    check()
    bound = FALSE_ALARMS + 2 * math.sqrt(FALSE_ALARMS * (1 - FALSE_ALARMS) / runs)
    print(f"{runs:,} quiet half-years each; promised {FALSE_ALARMS:.0%}, bound {bound:.1%}.\n")
    print("| days | correlation | with an alarm | evidence that one of 20 reaches |")
    print("| --- | ---: | ---: | ---: |")
    quiet = []
    for kind in KINDS:
        most = most_evidence(quiet_days(kind, runs, DAYS_WATCHED))
        share, reached = float((most >= EVIDENCE_ASKED).mean()), float(np.quantile(most, 1 - FALSE_ALARMS))
        quiet.append({**asdict(kind), "alarms": share, "reached": reached})
        print(f"| {kind} | {kind.correlation:g} | {share:.1%} | {reached:,.0f} |", flush=True)
    print(
        "\n| evidence | days differ by | on the second day | on the third day |\n| --- | ---: | ---: | ---: |"
    )
    rises = []
    for asked in THRESHOLDS:
        for spread in SPREADS:
            two, three = (float((risen(runs, spread, days) >= asked).mean()) for days in (2, 3))
            rises.append({"evidence": asked, "spread": spread, "two days": two, "three days": three})
            print(f"| {asked:,.0f} | {spread:.2%} | {two:.1%} | {three:.1%} |", flush=True)
    seconds = time.perf_counter() - begun
    write(
        "false_alarms",
        {
            "repetitions": runs,
            "bound": bound,
            "quiet": quiet,
            "rises": rises,
            "seconds": seconds,
            "within_bound": all(row["alarms"] <= bound for row in quiet if row["promised"]),
        },
    )
    print(f"\n{seconds:.0f} seconds.")


if __name__ == "__main__":
    main()
