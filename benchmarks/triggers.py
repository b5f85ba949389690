"""When alarms come, on six simulated drifts; ``triggers_on_tables.py`` has the real tables.

20,000 rows a day of a click with six features, of which three tell something, and a level that wanders a little from day
to day (3 % in odds). A model trained on four weeks serves for half a year; from day 91 on

- none: nothing changes;
- seasonal: the mean of the strongest feature goes up and down every four weeks, as it did in training;
- covariate: the three features that tell nothing move by 1.5 standard deviations;
- abrupt: the strongest feature's effect moves to one that told nothing, so that the log loss rises by 5 %;
- gradual: the same, over 60 days;
- recurring: the same, on for 30 days and off for 30.

In the first three no retraining helps. Rules look once a day: the alarm of a fall with an allowed drop of 1 % of the
log loss; Evidently's default, half of the columns with a normed Wasserstein distance above .1 (2,000 rows each); and
ADWIN of river on the losses of every tenth row, where river is installed (`pip install --no-deps river`). A retrain helps
where a model of the 14 days before it is better by 0.5 % on the 14 days after it; of each rule five alarms are tried.

Beside them a schedule that is tuned: of retrains every 7, 14, 28, 56 or 91 days, or none, the one that costs least on
another half-year of the same drift, where a retrain costs what a gain of 0.5 % over 14 days is worth. Its retrains are
judged on the first three half-years.

The bound: of harmless half-years one in 20 has an alarm at most, and every abrupt change is told within two days.

Run: ``python -m benchmarks.triggers [runs]``.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from benchmarks.alarm_rules import (
    ADWIN,
    DRIFTED,
    EVIDENTLY,
    HAS_RIVER,
    OURS,
    RULES,
    Adwin,
    drift_share,
    log_losses,
)
from benchmarks.place import write
from retrain_assets.arrays import FloatArray
from retrain_assets.comparison.block_series import BlockSeries
from retrain_assets.comparison.change_detector import detect_rise

RUNS, TUNING_RUN, SCHEDULED_RUNS, TRIED = 20, 1_000, 3, 5
ROWS, TRAINING_ROWS, LIVED_ROWS = 20_000, 2_000, 5_000
DAYS, CHANGE, SETTLED, TRAINED = 182, 90, 7, 28
WEIGHTS = np.array([1.0, -0.7, 0.5, 0.0, 0.0, 0.0])
LEVEL = -1.0
ANGLE = 0.556
"""By so much the effects turn; the log loss of the model from before is then 5 % higher (it is printed)."""
DRIFTS = ("none", "seasonal", "covariate", "abrupt", "gradual", "recurring")
HARMLESS = DRIFTS[:3]
DROP = 0.01
SEASON = 28
FORTNIGHT, WORTHWHILE = 14, 0.005
PERIODS = (7, 14, 28, 56, 91, DAYS + 1)
SCHEDULE = "tuned schedule"
Model = Callable[[FloatArray], FloatArray]


def turned(drift: str, day: int) -> float:
    """How far the effects have turned on a day, in radians."""
    since = day - CHANGE
    if drift in HARMLESS or since < 0:
        return 0.0
    if drift == "gradual":
        return ANGLE * min((since + 1) / 60, 1.0)
    return ANGLE if drift == "abrupt" or since // 30 % 2 == 0 else 0.0


def draw(drift: str, run: int, day: int, rows: int = ROWS) -> tuple[FloatArray, FloatArray]:
    """Draw the rows of one day, or the first of them: features, shape (rows, 6), and clicks."""
    rng = np.random.default_rng([run, day + 1000, DRIFTS.index(drift)])
    level = LEVEL + 0.03 * rng.standard_normal()
    x = rng.standard_normal((rows, 6))
    if drift == "seasonal":
        x[:, 0] += 0.6 * math.sin(2 * math.pi * day / SEASON)
    if drift == "covariate" and day >= CHANGE:
        x[:, 3:] += 1.5
    angle = turned(drift, day)
    weights = WEIGHTS.copy()
    weights[0], weights[3] = math.cos(angle), math.sin(angle)
    return x, (rng.random(rows) < 1 / (1 + np.exp(-level - x @ weights))).astype(np.float64)


@lru_cache(maxsize=64)
def fitted(drift: str, run: int, first: int, last: int) -> Model:
    """Train a logistic regression on 2,000 rows of each of some days."""
    from sklearn.linear_model import LogisticRegression

    drawn = [draw(drift, run, day, TRAINING_ROWS) for day in range(first, last)]
    x, y = (np.concatenate(part) for part in zip(*drawn, strict=True))
    model = LogisticRegression(C=100).fit(x, y)
    effects, level = model.coef_[0], float(model.intercept_[0])
    return lambda rows: 1 / (1 + np.exp(-level - rows @ effects))


def first_alarms(drift: str, run: int) -> tuple[dict[str, int | None], FloatArray]:
    """Day of each rule's first alarm in a half-year, and the mean loss of each day."""
    score = fitted(drift, run, -TRAINED, 0)
    reference = draw(drift, run, -1)[0][:2000]
    if drift == "seasonal":
        reference = np.concatenate([draw(drift, run, -day, 80)[0] for day in range(1, 26)])
    adwin = Adwin() if HAS_RIVER else None
    found: dict[str, int | None] = dict.fromkeys(RULES)
    means: list[float] = []
    for day in range(DAYS):
        x, y = draw(drift, run, day)
        losses = log_losses(y, score(x))
        means.append(float(losses.mean()))
        if found[OURS] is None and day + 1 >= SETTLED + 2:
            allowed = DROP * float(np.mean(means[:SETTLED]))
            rise = detect_rise(BlockSeries(means), SETTLED, allowed)
            found[OURS] = day if rise is not None and rise.certain else None
        if found[EVIDENTLY] is None and drift_share(reference, x[:2000]) >= DRIFTED:
            found[EVIDENTLY] = day
        if adwin is not None and found[ADWIN] is None and adwin.rose(losses[::10]):
            found[ADWIN] = day
        if day >= CHANGE + 30 and None not in found.values():
            break
    return found, np.array(means)


def helped(drift: str, run: int, day: int) -> bool:
    """Whether a model of the fortnight up to a day beats the first one in the fortnight after it."""
    old, new = fitted(drift, run, -TRAINED, 0), fitted(drift, run, day - FORTNIGHT + 1, day + 1)
    return better(drift, run, day, old, new)


def better(drift: str, run: int, day: int, old: Model, new: Model) -> bool:
    """Whether a model is better by 0.5 % than another in the fortnight after a day."""
    after = range(day + 1, day + 1 + FORTNIGHT)
    losses = [[lived(drift, run, one, model) for model in (old, new)] for one in after]
    before, now = np.mean(losses, axis=0)
    return bool(now < before * (1 - WORTHWHILE))


@lru_cache(maxsize=4096)
def lived(drift: str, run: int, day: int, model: Model) -> float:
    """Mean loss of a model on 5,000 rows of a day."""
    x, y = draw(drift, run, day, LIVED_ROWS)
    return float(log_losses(y, model(x)).mean())


def scheduled(drift: str, run: int, period: int) -> tuple[float, int, int]:
    """Live through a half-year with a retrain every so many days: cost, retrains, and how many helped.

    The cost is the mean daily loss, and for each retrain what a gain of 0.5 % over 14 days is worth.
    """
    model = fitted(drift, run, -TRAINED, 0)
    losses: list[float] = []
    useful: list[bool] = []
    for day in range(DAYS):
        losses.append(lived(drift, run, day, model))
        if (day + 1) % period == 0 and day + 1 < DAYS:
            new = fitted(drift, run, day - FORTNIGHT + 1, day + 1)
            useful.append(better(drift, run, day, model, new))
            model = new
    level = float(np.mean(losses))
    return level * (1 + WORTHWHILE * FORTNIGHT * len(useful) / DAYS), len(useful), sum(useful)


def tuned(drift: str) -> dict[str, Any]:
    """The period that costs least on another half-year, and what its retrains are worth on the first three."""
    period = min(PERIODS, key=lambda days: scheduled(drift, TUNING_RUN, days)[0])
    found = [scheduled(drift, run, period)[1:] for run in range(SCHEDULED_RUNS)]
    retrains, useful = (sum(part) for part in zip(*found, strict=True))
    chosen = f"{period} days" if period <= DAYS else "none"
    return {"period": chosen, "half-years": len(found), "retrains": retrains, "helped": useful}


def simulated(runs: int) -> dict[str, dict[str, dict[str, Any]]]:
    """By drift and rule: alarms before the change, after it, median delay in days, and retrains that helped."""
    table: dict[str, dict[str, dict[str, Any]]] = {}
    for drift in DRIFTS:
        begun = time.perf_counter()
        alarms = [first_alarms(drift, run) for run in range(runs)]
        rises = [means[CHANGE : CHANGE + 30].mean() / means[:CHANGE].mean() - 1 for _, means in alarms]
        cells = {rule: _cell(drift, [found[rule] for found, _ in alarms]) for rule in RULES}
        cells[SCHEDULE] = tuned(drift)
        table[drift] = cells
        print(
            f"\n{drift}: log loss {np.mean(rises):+.1%} after the change ({time.perf_counter() - begun:.0f} s)"
        )
        for rule, cell in cells.items():
            print(
                f"  {rule:<18}" + ", ".join(f"{name} {_shown(value)}" for name, value in cell.items()),
                flush=True,
            )
    return table


def _cell(drift: str, days: list[int | None]) -> dict[str, Any]:
    early = [day for day in days if day is not None and (drift in HARMLESS or day < CHANGE)]
    late = [day - CHANGE + 1 for day in days if day is not None and drift not in HARMLESS and day >= CHANGE]
    tried = [(run, day) for run, day in enumerate(days) if day is not None and day >= FORTNIGHT - 1][:TRIED]
    return {
        "runs": len(days),
        "alarms without harm": len(early),
        "alarms of the harm": len(late),
        "median delay": float(np.median(late)) if late else None,
        "longest delay": max(late) if late else None,
        "within two days": sum(delay <= 2 for delay in late),
        "helped": f"{sum(helped(drift, run, day) for run, day in tried)} of {len(tried)}",
    }


def rows_needed() -> dict[str, Any]:
    """The fewest rows a day of which two days suffice in nine of ten runs for a rise by 5 %, or by 2 %."""
    x, y = draw("none", 0, 0)
    losses = log_losses(y, 1 / (1 + np.exp(-(LEVEL + x @ WEIGHTS))))
    level, spread = float(losses.mean()), float(losses.std())
    found: dict[str, Any] = {}
    for rise, allowed in ((0.05, 0.01), (0.02, 0.005)):
        for wander in (0.0, 0.003, 0.0065):
            name = f"{rise:.0%} with {allowed:.1%} allowed, days differ by {wander:.2%}"
            found[name] = next(
                (
                    rows
                    for rows in (10_000, 15_000, 20_000, 30_000, 50_000, 70_000, 100_000, 150_000, 400_000)
                    if _seen_in_two(rows, level, spread, rise, allowed, wander) >= 0.9
                ),
                None,
            )
            print(f"  {name:<52} {found[name] or 'more than 400,000'} rows a day", flush=True)
    return found


def _seen_in_two(rows: int, level: float, spread: float, rise: float, allowed: float, wander: float) -> float:
    seen = 0
    for run in range(100):
        rng = np.random.default_rng([run, rows])
        sigma = math.hypot(spread / math.sqrt(rows), wander * level)
        means = level + sigma * rng.standard_normal(62)
        means[60:] += rise * level
        found = detect_rise(BlockSeries(means), SETTLED, allowed * level)
        seen += found is not None and found.certain
    return seen / 100


def _shown(value: object) -> str:
    return "-" if value is None else f"{value:.1f}" if isinstance(value, float) else str(value)


def main() -> None:
    """Simulate, print and write as JSON."""
    begun = time.perf_counter()
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    if not HAS_RIVER:
        print("river is not installed: no figures of ADWIN (`pip install --no-deps river`)")
    print("Rows a day of which two days suffice, after two quiet months:")
    needed = rows_needed()
    drifts = simulated(runs)
    quiet = [drifts[drift][OURS]["alarms without harm"] for drift in HARMLESS]
    document = {
        "runs": runs,
        "rows_a_day": ROWS,
        "simulated": drifts,
        "rows_needed": needed,
        "seconds": time.perf_counter() - begun,
        "within_bound": max(quiet) <= runs / 20 and drifts["abrupt"][OURS]["within two days"] == runs,
    }
    write("triggers", document)
    print(f"\n{document['seconds']:.0f} seconds.")


if __name__ == "__main__":
    main()
