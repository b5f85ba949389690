"""What retraining by alarms brings on the three real tables, beside retraining by the calendar.

Each model is trained on the first quarter and watched by the rules of ``triggers.py`` once a week, with an allowed drop
of 2 %; each alarm trains a new model on all rows so far, at most every four weeks. A retrain helped where its model is
better by 1 % on the four weeks after it.

Schedules: every four weeks, every quarter, and a tuned one: of retrains every 7, 14, 28, 56 or 91 days, or none, the one
that costs least while a model of the first eighth lives through the second eighth, where a retrain costs what a gain of
1 % over four weeks is worth.

Run: ``python -m benchmarks.triggers_on_tables``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.alarm_rules import ADWIN, DRIFTED, EVIDENTLY, OURS, RULES, Adwin, drift_share, log_losses
from benchmarks.place import write
from benchmarks.tables import Table, tables
from retrain_assets.arrays import FloatArray
from retrain_assets.comparison.block_series import BlockSeries
from retrain_assets.comparison.change_detector import detect_rise

DROP, WORTHWHILE = 0.02, 0.01
LEAST_DAYS, FORTNIGHT, FOUR_WEEKS, QUARTER = 14, 14, 28, 91
NEVER = 10**6
PERIODS = (7, 14, FOUR_WEEKS, 56, QUARTER, NEVER)
Model = Callable[[FloatArray], FloatArray]


@dataclass
class Watched:
    """A table's model, the day that it serves from, and what watches it."""

    table: Table
    rule: str
    score: Model
    since: int
    period: int
    adwin: Adwin | None

    @classmethod
    def trained(cls, table: Table, rule: str, until: int, period: int) -> Watched:
        """Train a model on all rows before a day."""
        return cls(table, rule, _boosting(table, until), until, period, Adwin() if rule == ADWIN else None)

    def losses(self, rows: NDArray[np.int64], score: Model | None = None) -> FloatArray:
        """Loss of every row: log loss, or the absolute error."""
        given = (score or self.score)(self.table.inputs[rows])
        y = self.table.y[rows]
        return log_losses(y, given) if self.table.classifies else np.abs(y - given)

    def asks(self, until: int, own: FloatArray) -> bool:
        """Whether the rule asks for a retrain at the end of a week, given the week's losses."""
        table = self.table
        if self.adwin is not None:
            return self.adwin.rose(own)
        if self.rule == EVIDENTLY:
            before = np.nan_to_num(table.inputs[table.between(max(self.since - QUARTER, 0), self.since)])
            week = np.nan_to_num(table.inputs[table.between(until - 7, until)])
            return drift_share(before, week) >= DRIFTED
        return self.fell(until) if self.rule == OURS else True

    def fell(self, until: int) -> bool:
        """Whether the alarm of a fall stands, by all days that the model has served."""
        rows = self.table.between(self.since, until)
        numbers, blocks = np.unique(self.table.days[rows], return_inverse=True)
        if numbers.size < LEAST_DAYS:
            return False
        sizes = np.bincount(blocks)
        means = np.bincount(blocks, weights=self.losses(rows)) / sizes
        settled = int(np.count_nonzero(numbers < self.since + FORTNIGHT))
        rise = detect_rise(BlockSeries(means, sizes), settled, DROP * float(means[:settled].mean()))
        return rise is not None and rise.certain


def _boosting(table: Table, until: int) -> Model:
    """Train boosted trees on all rows before a day."""
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


def lived(table: Table, rule: str, start: int, last: int, period: int) -> dict[str, Any]:
    """Live through a table from a day to another: retrains, how many helped, and the mean loss of all rows."""
    watched = Watched.trained(table, rule, start, period)
    losses: list[FloatArray] = []
    useful: list[bool] = []
    for day in range(start, last, 7):
        week = table.between(day, day + 7)
        if week.size == 0:
            continue
        own = watched.losses(week)
        losses.append(own)
        asks, end = watched.asks(day + 7, own), day + 7
        if asks and end - watched.since >= period and end + FOUR_WEEKS <= last:
            new = Watched.trained(table, rule, end, period)
            after = table.between(end, end + FOUR_WEEKS)
            useful.append(
                bool(new.losses(after).mean() < (1 - WORTHWHILE) * watched.losses(after).mean())
                if after.size
                else False
            )
            watched = new
    loss = float(np.concatenate(losses).mean())
    return {"retrains": len(useful), "helped": sum(useful), "loss": loss}


def tuned_period(table: Table, last: int) -> int:
    """The period that costs least in the second eighth of a table."""
    start, end = last // 8, last // 4

    def cost(period: int) -> float:
        found = lived(table, "schedule", start, end, period)
        retrains: int = found["retrains"]
        loss: float = found["loss"]
        return loss * (1 + WORTHWHILE * FOUR_WEEKS * retrains / (end - start))

    return min(PERIODS, key=cost)


def on(table: Table) -> dict[str, dict[str, Any]]:
    """By rule: retrains, how many helped, and the mean loss of all rows after the first quarter."""
    last = int(table.days[-1]) + 1
    period = tuned_period(table, last)
    chosen = "none" if period == NEVER else f"{period} days"
    schedules = {
        "never": NEVER,
        "every four weeks": FOUR_WEEKS,
        "every quarter": QUARTER,
        "tuned schedule": period,
    }
    found = {name: lived(table, name, last // 4, last, days) for name, days in schedules.items()}
    found["tuned schedule"]["period"] = chosen
    return found | {rule: lived(table, rule, last // 4, last, FOUR_WEEKS) for rule in RULES}


def main() -> None:
    """Live through the tables, print and write as JSON."""
    begun = time.perf_counter()
    documents = {}
    for table in tables():
        documents[table.name] = found = on(table)
        unit = "log loss" if table.classifies else "absolute error"
        print(f"\n{table.name}: retrains, of which helped, and the {unit}")
        for rule, cell in found.items():
            print(
                f"  {rule:<18}{cell['retrains']:>4}{cell['helped']:>4}{cell['loss']:>10.4f}  {cell.get('period', '')}",
                flush=True,
            )
    document = {"tables": documents, "seconds": time.perf_counter() - begun, "within_bound": None}
    write("triggers_on_tables", document)
    print(f"\n{document['seconds']:.0f} seconds.")


if __name__ == "__main__":
    main()
