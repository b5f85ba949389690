"""How often two equally good models are ever promoted when they are compared again every day.

The data-generating process: the daily improvement of one model over another is a stationary Gaussian AR(1) of
unit variance and mean zero. The pair is looked at on twenty days in a row, the first time after 7 days or after
14. A promotion at any of the looks is an error, and one in forty histories may have one. Besides: days whose
numbers of rows differ (log-normal), a stricter alpha, the gains that are found, and figures for looks on every
day up to the 60th, without allowance for correlation.

Run: ``python -m benchmarks.repeated_looks [repetitions]``.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable

import numpy as np
from scipy.special import stdtrit

from benchmarks.place import write
from retrain_assets.arrays import FloatArray
from retrain_assets.comparison.block_series import BlockSeries
from retrain_assets.comparison.mixtures import sequence_critical, t_critical
from retrain_assets.comparison.sequential import always_valid

REPETITIONS = 4_000
LOOKS = 20
ALPHA = 0.025
CORRELATIONS = (0.0, 0.1, 0.3, 0.6)
PROMISED = 0.3
"""Beyond this correlation between days the rates are reported, and promised no more."""
SEED = 20_260_112
TESTS = {7: "t-mixture from 7 days", 14: "confidence sequence from 14 days"}
Rates = dict[str, dict[str, float | None]]
"""Shares, by case and rule; a median that was not reached is None."""


def day_series(rng: np.random.Generator, runs: int, days: int, correlation: float) -> FloatArray:
    """Simulate daily improvements of a pair of equal models; shape (runs, days)."""
    shocks = rng.standard_normal((runs, days))
    series = np.empty_like(shocks)
    series[:, 0] = shocks[:, 0]
    for day in range(1, days):
        series[:, day] = correlation * series[:, day - 1] + math.sqrt(1 - correlation**2) * shocks[:, day]
    return series


def first_promotions(series: FloatArray, sizes: FloatArray, first: int, alpha: float) -> FloatArray:
    """Look of each history that first promotes, from 1; infinite where none does."""
    found = np.full(len(series), math.inf)
    for run, (values, rows) in enumerate(zip(series, sizes, strict=True)):
        for look in range(1, LOOKS + 1):
            days = first + look - 1
            blocks = BlockSeries(values[:days], rows[:days])
            if always_valid(blocks, alpha=alpha, first_look=first).lower > 0:
                found[run] = look
                break
    return found


def ever_beyond(series: FloatArray, critical: Callable[[int], float], first: int, last: int) -> float:
    """Share of histories whose t statistic lies beyond a critical value at some look, correlation disregarded."""
    crossed = np.zeros(len(series), dtype=bool)
    for days in range(first, last + 1):
        seen = series[:, :days]
        crossed |= seen.mean(axis=1) > critical(days) * seen.std(axis=1, ddof=1) / math.sqrt(days)
    return float(crossed.mean())


def fixed(days: int) -> float:
    """Student's critical value for a single look."""
    return float(stdtrit(days - 1, 1 - ALPHA))


def promoted_equals(repetitions: int) -> Rates:
    """Share of histories of equal models that each rule ever promotes, by the correlation between days."""
    rates: Rates = {}
    for correlation in CORRELATIONS:
        rng = np.random.default_rng(SEED)
        series = day_series(rng, repetitions, 13 + LOOKS, correlation)
        equal = np.ones_like(series)
        cell: dict[str, float | None] = {
            "the bigger number is better, from 7 days": ever_beyond(series, lambda _: 0.0, 7, 26),
            "t-test at every look, from 7 days": ever_beyond(series, fixed, 7, 26),
            "t-test at every look, from 14 days": ever_beyond(series, fixed, 14, 33),
            "t-mixture, correlation disregarded": ever_beyond(series, lambda n: t_critical(n, ALPHA), 7, 26),
            "confidence sequence, correlation disregarded": ever_beyond(
                series, lambda n: sequence_critical(n, ALPHA), 14, 33
            ),
        }
        for first, name in TESTS.items():
            cell[name] = _share(first_promotions(series, equal, first, ALPHA))
        rates[f"correlation {correlation:g}"] = cell
    return rates


def promoted_otherwise(repetitions: int) -> Rates:
    """The same for days of unequal size, heavy tails, and a stricter alpha."""
    rates: Rates = {}
    for name, unequal, tails, alpha in (
        ("sizes of days log-normal, sigma 0.5", 0.5, False, ALPHA),
        ("sizes of days log-normal, sigma 1.5", 1.5, False, ALPHA),
        ("improvements of Student's t with 3 degrees", 0.0, True, ALPHA),
        ("alpha 0.005", 0.0, False, 0.005),
    ):
        rng = np.random.default_rng(SEED + 1)
        shape = repetitions, 13 + LOOKS
        series = rng.standard_t(3, shape) if tails else day_series(rng, *shape, 0.1)
        sizes = np.exp(unequal * rng.standard_normal(shape))
        rates[name] = {
            test: _share(first_promotions(series, sizes, first, alpha)) for first, test in TESTS.items()
        }
    return rates


def found_gains(repetitions: int) -> Rates:
    """Share of better models that are promoted within twenty looks, and the median look at which."""
    rates: Rates = {}
    for correlation in (0.0, 0.3):
        for gain in (0.5, 1.0, 1.5):
            rng = np.random.default_rng(SEED + 2)
            series = day_series(rng, repetitions, 13 + LOOKS, correlation) + gain
            cell: dict[str, float | None] = {}
            for first, test in TESTS.items():
                looks = first_promotions(series, np.ones_like(series), first, ALPHA)
                cell[test] = _share(looks)
                median = float(np.median(looks)) + first - 1
                cell[f"{test}: median day"] = median if math.isfinite(median) else None
                once = ever_beyond(series, fixed, first + LOOKS - 1, first + LOOKS - 1)
                cell[f"one t-test at the last look, day {first + LOOKS - 1}"] = once
            rates[f"gain of {gain:g} standard deviations a day, correlation {correlation:g}"] = cell
    return rates


def daily_until_sixty(repetitions: int) -> dict[str, float | None]:
    """Looks on every day up to the 60th at independent days: the plain forms of the rules."""
    series = day_series(np.random.default_rng(SEED + 3), 5 * repetitions, 60, 0.0)
    return {
        "t-test at every look, from 7 days": ever_beyond(series, fixed, 7, 60),
        "confidence sequence, from 7 days": ever_beyond(series, lambda n: sequence_critical(n, ALPHA), 7, 60),
        "confidence sequence, from 14 days": ever_beyond(
            series, lambda n: sequence_critical(n, ALPHA), 14, 60
        ),
        "t-mixture, from 7 days": ever_beyond(series, lambda n: t_critical(n, ALPHA), 7, 60),
    }


def main() -> None:
    """Simulate, print tables and write them as JSON."""
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else REPETITIONS
    equals = promoted_equals(repetitions)
    bound = ALPHA + 2 * math.sqrt(ALPHA * (1 - ALPHA) / repetitions)
    print(f"Equal models ever promoted over {LOOKS} looks, {repetitions:,} histories, bound {bound:.2%}\n")
    print(f"{'rule':<48}" + "".join(f"{name.removeprefix('correlation '):>9}" for name in equals))
    for rule in next(iter(equals.values())):
        print(f"{rule:<48}" + "".join(f"{cell[rule]:>9.2%}" for cell in equals.values()))
    otherwise = promoted_otherwise(repetitions // 2)
    _print("Equal models, other days (correlation .1)", otherwise)
    gains = found_gains(repetitions // 8)
    _print("Better models promoted", gains)
    sixty = daily_until_sixty(repetitions)
    _print("Looks on every day up to the 60th, correlation disregarded", {"independent days": sixty})
    promised = [f"correlation {value:g}" for value in CORRELATIONS if value <= PROMISED]
    document = {
        "repetitions": repetitions,
        "looks": LOOKS,
        "alpha": ALPHA,
        "bound": bound,
        "equal_models": equals,
        "other_days": otherwise,
        "better_models": gains,
        "daily_until_60": sixty,
        "within_bound": all(
            rate is not None and rate <= bound
            for name in promised
            for rate in map(equals[name].get, TESTS.values())
        ),
    }
    write("repeated_looks", document)


def _share(looks: FloatArray) -> float:
    return float(np.isfinite(looks).mean())


def _print(title: str, rates: Rates) -> None:
    print(f"\n{title}")
    for name, cell in rates.items():
        print(f"  {name}")
        for rule, figure in cell.items():
            text = "-" if figure is None else f"{figure:.1f}" if "median" in rule else f"{figure:.2%}"
            print(f"    {rule:<52}{text:>9}")


if __name__ == "__main__":
    main()
