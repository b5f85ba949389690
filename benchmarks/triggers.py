"""When alarms come: on six simulated drifts, and on the three real tables.

Simulated: 20,000 rows a day of a click with six features, of which three tell something, and a level that wanders a
little from day to day (3 % in odds). A model trained on four weeks serves for half a year; from day 90 on

- none: nothing changes;
- seasonal: the mean of the strongest feature goes up and down every four weeks, as it did in training;
- covariate: the three features that tell nothing move by 1.5 standard deviations;
- abrupt: the strongest feature's effect moves to one that told nothing, so that the log loss rises by 5 %;
- gradual: the same, over 60 days;
- recurring: the same, on for 30 days and off for 30.

In the first three no retraining helps. Rules look once a day: the alarm of a fall with an allowed drop of 1 % of the
log loss; Evidently's default, half of the columns with a normed Wasserstein distance above .1 (2,000 rows each);
ADWIN of river on the losses of every tenth row, where river is installed (`pip install --no-deps river`); and a retrain
every four weeks. An alarm's retrain helps where a model of the 14 days before it is better by 0.5 % on the 14 days
after it.

Real: each model is trained on the first quarter and watched by the same rules once a week, with an allowed drop of 2 %;
each alarm trains a new model on all rows so far, at most every four weeks. A retrain helped where its model is better by
1 % on the four weeks after it.

The bound: of harmless half-years one in 20 has an alarm at most, and the median delay of an abrupt change is two days.

Run: ``python -m benchmarks.triggers [runs]``.
"""

from __future__ import annotations

import importlib.util
import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.tables import Table, tables
from retrain_assets.comparison.block_series import BlockSeries
from retrain_assets.comparison.change_detector import detect_rise

FloatArray = NDArray[np.float64]
RUNS = 10
ROWS, DAYS, CHANGE, SETTLED, TRAINED = 20_000, 182, 90, 7, 28
WEIGHTS = np.array([1.0, -0.7, 0.5, 0.0, 0.0, 0.0])
LEVEL = -1.0
ANGLE = 0.556
"""By so much the effects turn; the log loss of the model from before is then 5 % higher (it is printed)."""
DRIFTS = ("none", "seasonal", "covariate", "abrupt", "gradual", "recurring")
HARMLESS = DRIFTS[:3]
DROP, REAL_DROP = 0.01, 0.02
PERIOD = 28
HAS_RIVER = importlib.util.find_spec("river") is not None
OURS, EVIDENTLY, ADWIN = "alarm of a fall", "drift share", "ADWIN"
SCHEDULE, QUARTERLY = "every four weeks", "every quarter"
SCHEDULES = {SCHEDULE: PERIOD, QUARTERLY: 91}


def turned(drift: str, day: int) -> float:
    """How far the effects have turned on a day, in radians."""
    since = day - CHANGE
    if drift in HARMLESS or since < 0:
        return 0.0
    if drift == "gradual":
        return ANGLE * min((since + 1) / 60, 1.0)
    return ANGLE if drift == "abrupt" or since // 30 % 2 == 0 else 0.0


def draw(drift: str, run: int, day: int) -> tuple[FloatArray, FloatArray]:
    """Draw the rows of one day: features, shape (rows, 6), and clicks."""
    rng = np.random.default_rng([run, day + 1000, DRIFTS.index(drift)])
    x = rng.standard_normal((ROWS, 6), dtype=np.float32).astype(np.float64)
    if drift == "seasonal":
        x[:, 0] += 0.6 * math.sin(2 * math.pi * day / PERIOD)
    if drift == "covariate" and day >= CHANGE:
        x[:, 3:] += 1.5
    angle = turned(drift, day)
    weights = WEIGHTS.copy()
    weights[0], weights[3] = math.cos(angle), math.sin(angle)
    logit = LEVEL + 0.03 * rng.standard_normal() + x @ weights
    return x, (rng.random(ROWS) < 1 / (1 + np.exp(-logit))).astype(np.float64)


def fitted(drift: str, run: int, first: int, last: int) -> Callable[[FloatArray], FloatArray]:
    """Train a logistic regression on 2,000 rows of each of some days."""
    from sklearn.linear_model import LogisticRegression

    drawn = [draw(drift, run, day) for day in range(first, last)]
    x = np.concatenate([part[:2000] for part, _ in drawn])
    y = np.concatenate([part[:2000] for _, part in drawn])
    model = LogisticRegression(C=100).fit(x, y)
    return lambda rows: np.asarray(model.predict_proba(rows)[:, 1])


def log_losses(y: FloatArray, score: FloatArray) -> FloatArray:
    """Log loss of every row."""
    likelihood: FloatArray = np.where(y == 1, score, 1 - score)
    losses: FloatArray = -np.log(likelihood.clip(1e-15))
    return losses


def drift_share(reference: FloatArray, current: FloatArray) -> float:
    """Share of the columns whose Wasserstein distance exceeds a tenth of the reference's standard deviation."""
    grid = np.linspace(0.005, 0.995, 100)
    distance = np.abs(np.quantile(current, grid, axis=0) - np.quantile(reference, grid, axis=0)).mean(axis=0)
    spread = reference.std(axis=0)
    return float((distance > 0.1 * np.where(spread > 0, spread, 1)).mean())


class Adwin:
    """River's ADWIN on losses; it tells whether they have risen."""

    def __init__(self) -> None:
        from river import drift  # type: ignore[import-not-found,unused-ignore]

        self._detector = drift.ADWIN()

    def rose(self, losses: FloatArray) -> bool:
        """Take losses in; whether a rise was found among them."""
        found = False
        for loss in losses:
            before = self._detector.estimation
            self._detector.update(float(loss))
            found |= bool(self._detector.drift_detected and self._detector.estimation > before)
        return found


def first_alarms(drift: str, run: int) -> tuple[dict[str, int | None], FloatArray]:
    """Day of each rule's first alarm in a half-year, and the mean loss of each day."""
    score = fitted(drift, run, -TRAINED, 0)
    reference = draw(drift, run, -1)[0][:2000]
    if drift == "seasonal":
        reference = np.concatenate([draw(drift, run, -day)[0][:80] for day in range(1, 26)])
    adwin = Adwin() if HAS_RIVER else None
    found: dict[str, int | None] = dict.fromkeys([OURS, EVIDENTLY, *([ADWIN] if adwin else [])])
    means: list[float] = []
    for day in range(DAYS):
        x, y = draw(drift, run, day)
        losses = log_losses(y, score(x))
        means.append(float(losses.mean()))
        if found[OURS] is None and day + 1 >= SETTLED + 2:
            allowed = DROP * float(np.mean(means[:SETTLED]))
            rise = detect_rise(BlockSeries(means), SETTLED, allowed)
            found[OURS] = day if rise is not None and rise.certain else None
        if found[EVIDENTLY] is None and drift_share(reference, x[:2000]) >= 0.5:
            found[EVIDENTLY] = day
        if adwin is not None and found[ADWIN] is None and adwin.rose(losses[::10]):
            found[ADWIN] = day
        if day >= CHANGE + 30 and None not in found.values():
            break
    return found, np.array(means)


def helped(drift: str, run: int, day: int) -> bool:
    """Whether a model of the fortnight up to a day beats the first one in the fortnight after it."""
    old, new = fitted(drift, run, -TRAINED, 0), fitted(drift, run, day - 13, day + 1)
    losses = []
    for after in range(day + 1, day + 15):
        x, y = draw(drift, run, after)
        losses.append([log_losses(y[:5000], model(x[:5000])).mean() for model in (old, new)])
    before, now = np.mean(losses, axis=0)
    return bool(now < before * 0.995)


def simulated(runs: int) -> dict[str, dict[str, dict[str, Any]]]:
    """By drift and rule: alarms before the change, after it, median delay in days, and retrains that helped."""
    table: dict[str, dict[str, dict[str, Any]]] = {}
    for drift in DRIFTS:
        begun = time.perf_counter()
        alarms = [first_alarms(drift, run) for run in range(runs)]
        rises = [means[CHANGE : CHANGE + 30].mean() / means[:CHANGE].mean() - 1 for _, means in alarms]
        cells: dict[str, dict[str, Any]] = {}
        for rule in alarms[0][0]:
            days = [found[rule] for found, _ in alarms]
            cells[rule] = _cell(drift, days)
        scheduled = range(PERIOD - 1, DAYS, PERIOD)
        useful = [helped(drift, 0, day) for day in scheduled]
        cells[SCHEDULE] = {"retrains": len(scheduled), "helped": sum(useful)}
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
    tried = [(run, day) for run, day in enumerate(days) if day is not None and day >= 13][:5]
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
    """The fewest rows a day of which two suffice for a rise by 2 %, in nine of ten runs, with 0.5 % allowed."""
    x, y = draw("none", 0, 0)
    losses = log_losses(y, 1 / (1 + np.exp(-(LEVEL + x @ WEIGHTS))))
    level, spread = float(losses.mean()), float(losses.std())
    found: dict[str, Any] = {}
    for rise, allowed in ((0.05, 0.01), (0.02, 0.005)):
        for wander in (0.0, 0.003):
            name = f"{rise:.0%} with {allowed:.1%} allowed, days differ by {wander:.1%}"
            found[name] = next(
                (
                    rows
                    for rows in (10_000, 20_000, 30_000, 50_000, 70_000, 100_000, 150_000, 200_000, 400_000)
                    if _seen_in_two(rows, level, spread, rise, allowed, wander) >= 0.9
                ),
                None,
            )
            print(f"  {name:<52} {found[name] or 'more than 400,000'} rows a day", flush=True)
    return found


def _seen_in_two(rows: int, level: float, spread: float, rise: float, allowed: float, wander: float) -> float:
    seen = 0
    for run in range(40):
        rng = np.random.default_rng([run, rows])
        sigma = math.hypot(spread / math.sqrt(rows), wander * level)
        means = level + sigma * rng.standard_normal(62)
        means[60:] += rise * level
        found = detect_rise(BlockSeries(means), SETTLED, allowed * level)
        seen += found is not None and found.certain
    return seen / 40


@dataclass
class Watched:
    """A real table's model and what the rules know of it."""

    table: Table
    rule: str
    score: Callable[[FloatArray], FloatArray]
    since: int
    trained_at: int

    def losses(
        self, rows: NDArray[np.int64], score: Callable[[FloatArray], FloatArray] | None = None
    ) -> FloatArray:
        """Loss of every row: log loss, or the absolute error."""
        given = (score or self.score)(self.table.inputs[rows])
        y = self.table.y[rows]
        return log_losses(y, given) if self.table.classifies else np.abs(y - given)


def real(table: Table) -> dict[str, dict[str, Any]]:
    """By rule: retrains, how many helped, and the mean loss of all rows after the first quarter."""
    last = int(table.days[-1]) + 1
    start = last // 4
    rules = ["never", *SCHEDULES, OURS, EVIDENTLY, *([ADWIN] if HAS_RIVER else [])]
    return {rule: _lived(table, rule, start, last) for rule in rules}


def _lived(table: Table, rule: str, start: int, last: int) -> dict[str, Any]:
    watched = Watched(table, rule, _boosting(table, start), start, start)
    adwin = Adwin() if rule == ADWIN else None
    losses, useful = [], []
    for day in range(start, last, 7):
        week = table.between(day, day + 7)
        if week.size == 0:
            continue
        own = watched.losses(week)
        losses.append(own)
        due = day + 7 - watched.trained_at >= SCHEDULES.get(rule, PERIOD)
        alarmed = _alarmed(watched, day + 7, adwin, own)
        if due and alarmed and day + 7 + PERIOD <= last:
            new = _boosting(table, day + 7)
            after = table.between(day + 7, day + 7 + PERIOD)
            before, now = watched.losses(after).mean(), watched.losses(after, new).mean()
            useful.append(bool(now < 0.99 * before))
            watched = Watched(table, rule, new, day + 7, day + 7)
            adwin = Adwin() if rule == ADWIN else None
    return {"retrains": len(useful), "helped": sum(useful), "loss": float(np.concatenate(losses).mean())}


def _alarmed(watched: Watched, until: int, adwin: Adwin | None, own: FloatArray) -> bool:
    table = watched.table
    if watched.rule == "never":
        return False
    if watched.rule in SCHEDULES:
        return True
    if adwin is not None:
        return adwin.rose(own)
    if watched.rule == EVIDENTLY:
        reference = table.inputs[table.between(max(watched.since - 91, 0), watched.since)]
        return drift_share(_filled(reference), _filled(table.inputs[table.between(until - 7, until)])) >= 0.5
    rows = table.between(watched.since, until)
    numbers, blocks = np.unique(table.days[rows], return_inverse=True)
    if numbers.size < 2 * SETTLED:
        return False
    sizes = np.bincount(blocks)
    means = np.bincount(blocks, weights=watched.losses(rows)) / sizes
    settled = int(np.count_nonzero(numbers < watched.since + 14))
    rise = detect_rise(BlockSeries(means, sizes), settled, REAL_DROP * float(means[:settled].mean()))
    return rise is not None and rise.certain


def _filled(rows: FloatArray) -> FloatArray:
    return np.nan_to_num(rows)


def _boosting(table: Table, until: int) -> Callable[[FloatArray], FloatArray]:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    rows = table.between(0, until)
    if table.classifies:
        model = HistGradientBoostingClassifier(max_iter=80, random_state=0).fit(
            table.inputs[rows], table.y[rows]
        )
        return lambda inputs: np.asarray(model.predict_proba(inputs)[:, 1])
    regressor = HistGradientBoostingRegressor(max_iter=80, random_state=0).fit(
        table.inputs[rows], table.y[rows]
    )
    return lambda inputs: np.asarray(regressor.predict(inputs))


def _shown(value: object) -> str:
    return "-" if value is None else f"{value:.0f}" if isinstance(value, float) else str(value)


def _real() -> Iterator[tuple[str, dict[str, dict[str, Any]]]]:
    for table in tables():
        found = real(table)
        print(
            f"\n{table.name}: retrains, of which helped, and the {'log loss' if table.classifies else 'absolute error'}"
        )
        for rule, cell in found.items():
            print(f"  {rule:<18}{cell['retrains']:>4}{cell['helped']:>4}{cell['loss']:>10.4f}", flush=True)
        yield table.name, found


def main() -> None:
    """Simulate, live through the tables, print and write as JSON."""
    begun = time.perf_counter()
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    if not HAS_RIVER:
        print("river is not installed: no figures of ADWIN (`pip install --no-deps river`)")
    drifts = simulated(runs)
    print("\nRows a day of which two suffice, after two quiet months:")
    needed = rows_needed()
    on_tables = dict(_real())
    quiet = sum(drifts[drift][OURS]["alarms without harm"] for drift in HARMLESS)
    abrupt = drifts["abrupt"][OURS]
    in_time = (
        abrupt["alarms of the harm"] + abrupt["alarms without harm"] == runs
        and (abrupt["median delay"] or 99) <= 2
    )
    document = {
        "runs": runs,
        "rows_a_day": ROWS,
        "simulated": drifts,
        "rows_needed": needed,
        "tables": on_tables,
        "seconds": time.perf_counter() - begun,
        "within_bound": quiet <= len(HARMLESS) * runs / 20 and in_time,
    }
    target = Path(__file__).parent / "results" / "triggers.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
