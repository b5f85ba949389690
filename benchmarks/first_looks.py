"""One look at two models, by how alike days are: what the estimators promise, and what they find.

Daily loss differences are a stationary Gaussian AR(1) of standard deviation 1, or a wave that neighbours hardly tell of:
a slow AR(1) beside independent noise. The past is 112 days. Rules:

- CR1: block sums with one degree of freedom less than days, whatever the past says;
- cosines above .2: cosines where the past's lag-1 correlation exceeds .2, and CR1 below;
- the decision: below .2 CR1, its variance multiplied by what the past's correlation says; above, cosines, or CR1 where
  its interval is the wider one;
- widened only: CR1, its variance multiplied by what the past's correlation says, however great.

The second table is of a first look under a yearly budget, at alpha 1/104 and 7 days: where no past is known the error is
widened by what the seven days say of their own correlation.

The third one is of the decision where the past is not one champion's: sixteen versions served for a week each, so that
the past's correlation is known about sixteen levels.

The fourth one is of levels far below that of an interval, as a correction for twenty slices asks for: how often seven
days of equal models have a p-value that small where cosines decide, by the p-value of the error whose 95 % interval is
the wider one, and by the greater of both errors' p-values, as a share of the level.

Run: ``python -m benchmarks.first_looks [repetitions]``; prints a Markdown table.
"""

from __future__ import annotations

import math
import sys
import time
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import stdtr, stdtrit

from benchmarks.place import write
from benchmarks.repeated_looks import ALPHA, PROMISED, day_series
from retrain_assets.arrays import FloatArray
from retrain_assets.comparison.block_series import BlockSeries, spread_of
from retrain_assets.comparison.estimator_choice import EstimatorChoice, choose_estimator
from retrain_assets.comparison.standard_errors import (
    cluster_robust_error,
    correlated_errors,
    equal_weighted_cosine_error,
)
from retrain_assets.comparison.unequal_blocks import BlockShares

REPETITIONS = 4_000
PAST, LENGTHS = 112, (7, 14, 28)
GAINS = (0.0, 1.0)
"""In standard deviations of a day."""
SEED = 20_260_129
BUDGET_ALPHA, BUDGET_GAINS = 1 / 104, (0.0, 1.0, 1.5, 2.0)
WEEKLY = 16
VERSIONED_CORRELATIONS = (0.0, 0.1, 0.2, 0.3, 0.45)
SLICES = 20
SMALL_LEVELS_CORRELATIONS, SMALL_LEVELS_RUNS = (0.3, 0.5, 0.7), 400_000
RULES = ("CR1", "cosines above .2", "the decision", "widened only")
DAYS: dict[str, tuple[float, float]] = {
    **{f"correlation {value:g}": (value, 1.0) for value in (0.0, 0.1, 0.2, 0.3, 0.45, 0.6)},
    "a wave of correlation 0.8, 30 % of the variance": (0.8, 0.3),
    "a wave of correlation 0.9, 40 % of the variance": (0.9, 0.4),
}
"""Correlation, and the share of the variance that is correlated."""


def draw(correlation: float, share: float, days: int, runs: int) -> FloatArray:
    """Draw series of days, shape (runs, days)."""
    rng = np.random.default_rng(SEED)
    series = math.sqrt(share) * day_series(rng, runs, days, correlation)
    return series + math.sqrt(1 - share) * rng.standard_normal(series.shape)


def half_widths(new: FloatArray, choice: EstimatorChoice, alpha: float = ALPHA) -> list[float]:
    """Half of each rule's interval."""
    days = new.size
    contributions = (new - new.mean()) / days
    plain = cluster_robust_error(contributions), days - 1.0
    shares = BlockShares(np.full(days, 1 / days))
    widened = replace(choice, estimator="cluster_robust").inflation(days)
    of_sums = plain[0] * math.sqrt(widened), plain[1]
    alike = choice.estimator == "equal_weighted_cosine"
    found = (
        plain,
        equal_weighted_cosine_error(contributions) if alike else plain,
        of_sums,
    )
    halves = [float(stdtrit(degrees, 1 - alpha)) * error for error, degrees in found]
    both = [error.half_width(2 * alpha) for error in correlated_errors(contributions, shares)]
    return [*halves[:2], max(both) if alike else halves[2], halves[2]]


def promoted(correlation: float, share: float, days: int, runs: int, versions: int = 1) -> FloatArray:
    """Share of pairs that each rule promotes, shape (gains, rules), where so many versions served in the past."""
    series = draw(correlation, share, PAST + days, runs)
    serves = np.arange(PAST) * versions // PAST == np.arange(versions)[:, np.newaxis]
    counts = np.zeros((len(GAINS), len(RULES)))
    for past, new in zip(series[:, :PAST], series[:, PAST:], strict=True):
        choice = choose_estimator(np.where(serves, past, np.nan))
        halves = np.array(half_widths(new, choice))
        counts += np.array([new.mean() + gain > halves for gain in GAINS])
    return counts / runs


def under_a_budget(correlation: float, runs: int) -> FloatArray:
    """Share promoted at a first look at seven days, shape (gains, rules): without a past, and with one."""
    series = draw(correlation, 1.0, PAST + 7, runs)
    counts = np.zeros((len(BUDGET_GAINS), 2))
    quantile = float(stdtrit(6, 1 - BUDGET_ALPHA))
    for past, new in zip(series[:, :PAST], series[:, PAST:], strict=True):
        own = quantile * spread_of(BlockSeries(new)).error()
        by_past = half_widths(new, choose_estimator(past), BUDGET_ALPHA)[RULES.index("the decision")]
        counts += np.array([new.mean() + gain > [own, by_past] for gain in BUDGET_GAINS])
    return counts / runs


def smaller_p_values(series: FloatArray) -> FloatArray:
    """One-sided p-values of a gain of each series of seven days where cosines decide, shape (2, runs).

    Of the error whose 95 % interval is the wider one, and the greater one of both errors.
    """
    days = series.shape[1]
    mean = series.mean(axis=1)
    cosine = math.sqrt(2 / days) * np.cos(np.pi * (np.arange(days) + 0.5) / days)
    errors = np.stack(
        [np.abs(series @ cosine) / math.sqrt(days), series.std(axis=1, ddof=1) / math.sqrt(days)]
    )
    degrees = np.array([[1.0], [days - 1.0]])
    tails = stdtr(degrees, -mean / errors)
    wider = np.argmax(stdtrit(degrees, 1 - ALPHA) * errors, axis=0)
    found: FloatArray = np.stack([tails[wider, np.arange(len(series))], tails.max(axis=0)])
    return found


def by_versions(runs: int) -> dict[str, list[list[float]]]:
    """Print what the decision promotes by the number of versions in the past, and return it, equal and better."""
    print(
        "\nThe decision, by the versions that served in 112 past days. Equal pairs promoted / better ones.\n"
    )
    print("| correlation | holdout | one version | sixteen of a week |\n| --- | ---: | ---: | ---: |")
    found = {}
    for correlation in VERSIONED_CORRELATIONS:
        for days in LENGTHS[:2]:
            shares = [
                promoted(correlation, 1.0, days, runs, versions)[:, RULES.index("the decision")].tolist()
                for versions in (1, WEEKLY)
            ]
            cells = " | ".join(f"{equal:.1%} / {better:.0%}" for equal, better in shares)
            print(f"| {correlation:g} | {days} days | {cells} |", flush=True)
            found[f"{correlation:g}, {days} days"] = shares
    return found


def at_small_levels(runs: int) -> dict[str, list[float]]:
    """Print how often p-values are as small as a twentieth of alpha, in units of that, and return it."""
    level = ALPHA / SLICES
    print(f"\nP-values of at most {level:.3%}, in units of that; seven days, cosines decide.\n")
    print("| correlation | error of the wider interval | the greater p-value |\n| --- | ---: | ---: |")
    found = {}
    for correlation in SMALL_LEVELS_CORRELATIONS:
        series = day_series(np.random.default_rng(SEED), runs, 7, correlation)
        shares = (smaller_p_values(series) <= level).mean(axis=1) / level
        found[f"{correlation:g}"] = shares.tolist()
        print(f"| {correlation:g} | {shares[0]:.2f} | {shares[1]:.2f} |", flush=True)
    return found


def main() -> None:
    """Simulate, print a Markdown table and write it as JSON."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else REPETITIONS
    begun = time.perf_counter()
    bound = ALPHA + 2 * math.sqrt(ALPHA * (1 - ALPHA) / runs)
    print(
        f"{runs:,} pairs each; nominal {ALPHA:.1%}, bound {bound:.2%}. Equal pairs promoted / better ones.\n"
    )
    print(f"| days | holdout | {' | '.join(RULES)} |\n| --- | ---: |{' ---: |' * len(RULES)}")
    rows: list[dict[str, Any]] = []
    for name, (correlation, share) in DAYS.items():
        for days in LENGTHS:
            equal, better = promoted(correlation, share, days, runs)
            cells = (f"{one:.1%} / {other:.0%}" for one, other in zip(equal, better, strict=True))
            print(f"| {name} | {days} days | {' | '.join(cells)} |", flush=True)
            rows.append(
                {
                    "days": name,
                    "holdout": days,
                    "equal": dict(zip(RULES, map(float, equal), strict=True)),
                    "better": dict(zip(RULES, map(float, better), strict=True)),
                    "promised": share == 1 and correlation <= PROMISED,
                }
            )
    print(
        f"\nUnder a budget, alpha {BUDGET_ALPHA:.2%}, 7 days: gains of {BUDGET_GAINS} deviations of a day.\n"
    )
    print("| correlation | past not known | past known |\n| --- | ---: | ---: |")
    budgeted = {}
    for correlation in (0.0, 0.1, PROMISED):
        found = under_a_budget(correlation, runs)
        budgeted[f"{correlation:g}"] = found.tolist()
        cells = (f"{rule[0]:.2%} / " + " / ".join(f"{share:.0%}" for share in rule[1:]) for rule in found.T)
        print(f"| {correlation:g} | {' | '.join(cells)} |", flush=True)
    versioned = by_versions(runs)
    small = at_small_levels(SMALL_LEVELS_RUNS)
    document = {
        "repetitions": runs,
        "bound": bound,
        "at_small_levels": small,
        "by_versions": versioned,
        "first_looks": rows,
        "under_a_budget": budgeted,
        "seconds": time.perf_counter() - begun,
        "within_bound": all(row["equal"]["the decision"] <= bound for row in rows if row["promised"])
        and all(equal <= bound for shares in versioned.values() for equal, _ in shares)
        and all(greater <= 1 for _, greater in small.values()),
    }
    write("first_looks", document)
    print(f"\n{document['seconds']:.0f} seconds.")


if __name__ == "__main__":
    main()
