"""How many false promotions a year of weekly challengers brings, each as good as the champion and no better.

Every Monday a new challenger is compared with the champion on its first seven days; while it is inconclusive it
is looked at again after 14 and 21 days, always-valid, unless something was promoted meanwhile. All share one
yearly budget of one false promotion. The daily improvement of one model over another is a stationary Gaussian
AR(1) of mean zero. Every promotion is false. The first year of each history only fills the trailing year and is
not counted.

The first look goes by the paired comparison: without a past, whose days count as independent; with 112 past days of the
pair, which tell their correlation; and without a past, but with the error widened as for later looks.

Run: ``python -m benchmarks.yearly_budget [years]``.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
from scipy.special import stdtrit

from benchmarks.place import write
from benchmarks.repeated_looks import day_series
from retrain_assets.arrays import FloatArray
from retrain_assets.comparison import METRICS, compare
from retrain_assets.comparison.block_series import BlockSeries, spread_of
from retrain_assets.comparison.sequential import always_valid
from retrain_assets.evaluation_report.error_budget import (
    YEAR,
    ErrorBudget,
    Look,
    PlannedLook,
    error_budget_of,
    plan_look,
    spent_in_year,
)
from retrain_assets.spec import load_spec

YEARS = 1_000
YEARS_A_HISTORY = 10
PAST, LOOKED_AT = 112, 21
SEED = 20_260_119
START = datetime(2026, 1, 5, tzinfo=UTC)
WEEK = timedelta(days=7)
FirstLook = Callable[[FloatArray, float, FloatArray], bool]
"""Takes the days, the one-sided alpha, and past days."""
METRIC = METRICS["mean_absolute_error"]
DECLARATION = {
    "name": "weekly",
    "source": {"path": "rows.parquet", "timestamp": "at"},
    "label": {"column": "label", "delay": "1d"},
    "promotion": {"false_promotions_per_year": 1},
    "retrain_when": {"schedule": "0 2 * * 1"},
}


@dataclass
class Tally:
    """What happened in the years that count."""

    years: int = 0
    promotions: int = 0
    bigger: int = 0
    declared_alpha: int = 0
    most_spent: float = 0.0
    refused: int = 0
    looks: int = 0


@dataclass
class Challenger:
    """A candidate and the days on which it may be compared with the champion."""

    name: str
    born: int
    past: FloatArray
    days: FloatArray


@dataclass
class History:
    """A pipeline's challengers and the looks on record."""

    budget: ErrorBudget
    first_look: FirstLook
    pending: list[Challenger] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)

    def week(self, number: int, newcomer: Challenger) -> Iterator[tuple[PlannedLook, bool]]:
        """Look at the newcomer and at those still pending; each look, and whether it promotes."""
        at = START + number * WEEK
        self.looks = [look for look in self.looks if look.at > at - YEAR]
        self.pending = [one for one in self.pending if number - one.born < 3]
        self.pending.append(newcomer)
        for challenger in list(self.pending):
            planned = plan_look(self.budget, self.looks, challenger.name, at)
            promotes = False
            if not planned.spent:
                days = challenger.days[: 7 * (number - challenger.born + 1)]
                self.looks.append(planned_look(planned, days.size))
                promotes = self.is_promoted(planned, days, challenger.past)
            yield planned, promotes
            if promotes:
                self.pending = []
                return

    def is_promoted(self, planned: PlannedLook, days: FloatArray, past: FloatArray) -> bool:
        """Judge the days by the test that the look is entitled to."""
        if planned.kind == "first":
            return self.first_look(days, planned.alpha, past)
        look = always_valid(BlockSeries(days), alpha=planned.alpha, first_look=planned.begun_with)
        return look.lower > 0


def planned_look(planned: PlannedLook, blocks: int) -> Look:
    """The look as it stands on record."""
    begun_with = planned.begun_with or blocks
    return Look(planned.pair, planned.kind, planned.at, planned.alpha, planned.cost, begun_with)


def days_before(days: FloatArray, rng: np.random.Generator, correlation: float) -> FloatArray:
    """Draw the past of series of days: a Gaussian AR(1) runs backwards as it runs forwards."""
    past = rng.standard_normal((len(days), PAST))
    following = days[:, 0]
    for day in reversed(range(PAST)):
        past[:, day] = correlation * following + math.sqrt(1 - correlation**2) * past[:, day]
        following = past[:, day]
    return past


def paired(days: FloatArray, alpha: float, past: FloatArray | None) -> bool:
    """Judge the days by the paired comparison at a one-sided alpha."""
    level = np.full(days.size, 50.0)
    blocks = np.arange(days.size)
    found = compare(METRIC, np.zeros(days.size), level - days, level, blocks, alpha=2 * alpha, past=past)
    return found.lower > 0


def independent(days: FloatArray, alpha: float, _: FloatArray) -> bool:
    """Judge the days by the paired comparison, as if nothing were known of the past."""
    return paired(days, alpha, None)


def widened(days: FloatArray, alpha: float, _: FloatArray) -> bool:
    """Judge the days by a t-test that allows for their correlation, at a one-sided alpha."""
    series = BlockSeries(days)
    below, _above = spread_of(series).bounds(float(stdtrit(days.size - 1, 1 - alpha)))
    return series.mean + below > 0


def false_promotions(
    years: int, correlation: float, first_look: FirstLook = independent, seed: int = SEED
) -> Tally:
    """Simulate so many years that count, in histories of ten."""
    rng, past_rng = np.random.default_rng(seed), np.random.default_rng(seed + 1)
    budget = error_budget_of(load_spec(DECLARATION, "benchmark"))
    tally = Tally()
    while tally.years < years:
        counted = min(YEARS_A_HISTORY, years - tally.years)
        weeks = 52 * (1 + counted)
        days = day_series(rng, weeks, LOOKED_AT, correlation)
        past = days_before(days, past_rng, correlation)
        history = History(budget, first_look)
        for number in range(weeks):
            challenger = Challenger(f"challenger {number}", number, past[number], days[number])
            counts = number >= 52
            for planned, promotes in history.week(number, challenger):
                tally.promotions += promotes and counts
                tally.refused += planned.spent and counts
                tally.looks += counts
            tally.most_spent = max(tally.most_spent, spent_in_year(history.looks, START + number * WEEK))
            first_week = challenger.days[:7]
            tally.bigger += bool(first_week.mean() > 0) and counts
            tally.declared_alpha += independent(first_week, 0.025, challenger.past) and counts
        tally.years += counted
    return tally


def main() -> None:
    """Simulate, print a table and write it as JSON."""
    years = int(sys.argv[1]) if len(sys.argv) > 1 else YEARS
    cases: dict[str, tuple[float, FirstLook, bool]] = {
        "correlation 0": (0.0, independent, True),
        "correlation 0.1": (0.1, independent, True),
        "correlation 0.3": (0.3, independent, False),
        "correlation 0.3, first look widened": (0.3, widened, True),
        "correlation 0.1, past known": (0.1, paired, True),
        "correlation 0.3, past known": (0.3, paired, True),
    }
    tallies = {name: false_promotions(years, case[0], case[1]) for name, case in cases.items()}
    print(f"False promotions a year, {years:,} simulated years of weekly challengers, budget 1\n")
    print(f"{'':<38}{'budget':>9}{'alpha .05':>11}{'bigger':>9}{'most spent':>13}{'refused':>10}")
    for name, tally in tallies.items():
        print(
            f"{name:<38}{tally.promotions / years:>9.3f}{tally.declared_alpha / years:>11.3f}"
            f"{tally.bigger / years:>9.2f}{tally.most_spent:>13.4f}{tally.refused / max(tally.looks, 1):>10.2%}"
        )
    bound = 1 + 2 / math.sqrt(years)
    document = {
        "years": years,
        "budget": 1,
        "bound": bound,
        "a_year": {
            name: {
                "budget": tally.promotions / years,
                "alpha .05, first looks alone": tally.declared_alpha / years,
                "bigger is better": tally.bigger / years,
                "most spent in a trailing year": tally.most_spent,
                "looks refused": tally.refused / max(tally.looks, 1),
            }
            for name, tally in tallies.items()
        },
        "within_bound": all(tally.most_spent <= 1 + 1e-9 for tally in tallies.values())
        and all(tallies[name].promotions / years <= bound for name, case in cases.items() if case[2]),
    }
    write("yearly_budget", document)


if __name__ == "__main__":
    main()
