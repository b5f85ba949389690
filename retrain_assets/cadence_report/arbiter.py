"""The project's own arbiter as a policy: the decision that a declaration leads to, from what the matrix knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from retrain_assets.cadence_report.matrix import Matrix
from retrain_assets.cadence_report.policies import Policy
from retrain_assets.cadence_report.seen import Attempt, Seen, weighted_mean
from retrain_assets.comparison.block_series import FEWEST_BLOCKS, BlockSeries
from retrain_assets.comparison.change_detector import detect_rise
from retrain_assets.retraining_decision.decide import decide
from retrain_assets.retraining_decision.evidence import Alarm, Champion, Evidence
from retrain_assets.retraining_decision.history import History, PastAttempt
from retrain_assets.retraining_decision.policy import Policy as Declared
from retrain_assets.retraining_decision.policy import policy_of, train_end_at
from retrain_assets.retraining_decision.staleness import Staleness
from retrain_assets.spec import PerformanceTrigger, PipelineSpec
from retrain_assets.spec.metrics import plain_name

UNSEEN = (
    "business",
    "at_least of performance",
    "performance by another metric than the one that decides",
    "joint of drift",
    "code_changes",
    "next looks",
    "failed runs",
)
"""Parts of a declaration that a matrix knows nothing of: they never ask for a retrain in a replay."""


def watches(trigger: PerformanceTrigger | None, matrix: Matrix) -> PerformanceTrigger | None:
    """Give the trigger of performance where it watches the metric whose losses a matrix holds; else None."""
    same = trigger is not None and plain_name(trigger.metric) == matrix.metric
    return trigger if same else None


@dataclass
class Arbiter:
    """Decides as the declaration would, once a block.

    Parameters
    ----------
    spec
        The declaration.
    matrix
        Where dates and rows are read; of losses it only takes what a policy sees.
    ticks
        When the declared schedule is due, in order.
    falls
        Falls of quality that were looked for, by losses, days and drop; arbiters that differ in other triggers share it.
    """

    spec: PipelineSpec
    matrix: Matrix
    ticks: Sequence[datetime] = ()
    falls: dict[tuple[bytes, int, int, float], datetime | None] = field(default_factory=dict)
    _declared: Declared = field(init=False)
    _reasons: dict[tuple[int, tuple[Attempt, ...]], Mapping[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._declared = policy_of(self.spec)

    def asks(self, seen: Seen) -> bool:
        """Say whether the arbiter trains, by what is known."""
        moment = self._start(seen.block)
        decision = decide(self._evidence(seen, moment), self._declared, self._history(seen), moment)
        if decision.act:
            self._reasons[seen.block, seen.attempts] = {item.code: item.identity for item in decision.reasons}
        return decision.act

    def policy(self, family: str, name: str, parameter: float | None = None) -> Policy:
        """Make it a policy that can be replayed."""
        return Policy(family, name, self.asks, parameter)

    def _start(self, block: int) -> datetime:
        return self.matrix.blocks[block].start

    def _evidence(self, seen: Seen, moment: datetime) -> Evidence:
        last, known = seen.last, self.matrix.known_rows
        before = self._start(max(seen.block - 1, 0))
        return Evidence(
            champion=Champion(seen.since, self._start(seen.since)),
            train_rows=int(known[seen.candidate]),
            train_start=self.matrix.blocks[0].start,
            new_rows=int(known[seen.block] - known[last]),
            code_version="",
            alarms=tuple(self._alarms(seen)),
            schedule_due=any(before < tick <= moment for tick in self.ticks),
            staleness=self._staleness(seen),
        )

    def _history(self, seen: Seen) -> History:
        past = []
        for number, attempt in enumerate(seen.attempts):
            as_of = self._start(attempt.block)
            consumed = self._reasons.get((attempt.block, seen.attempts[:number]), {})
            end = train_end_at(as_of, self._declared)
            past.append(PastAttempt(as_of, end, attempt.verdict, consumed))
        return History(tuple(past))

    def _alarms(self, seen: Seen) -> Iterator[Alarm]:
        when, since = self.spec.retrain_when, self._start(seen.since)
        if when.drift is not None and seen.drift.size and seen.drift[-1] >= when.drift.importance:
            moved = seen.drift >= when.drift.importance
            first = int(np.flatnonzero(~moved)[-1]) + 1 if (~moved).any() else 0
            onset = self._start(seen.champion + first)
            yield Alarm("drift", seen.since, since, onset, "Features have moved.")
        performance = watches(when.performance, self.matrix)
        if performance is not None and performance.drop is not None:
            drop = performance.drop
            key = (seen.losses.tobytes(), seen.champion, seen.since, drop)
            if key not in self.falls:
                self.falls[key] = self._onset_of_fall(seen, drop)
            fall = self.falls[key]
            if fall is not None:
                yield Alarm("performance", seen.since, since, fall, "The quality has fallen.")

    def _onset_of_fall(self, seen: Seen, drop: float) -> datetime | None:
        """The start of a fall of quality that is certain and still there, as the monitoring report tells it."""
        served = seen.served & np.isfinite(seen.losses) & (seen.rows > 0)
        values, rows = seen.losses[served], seen.rows[served]
        if values.size < FEWEST_BLOCKS:
            return None
        days = seen.days[served]
        since = np.datetime64(self._start(seen.since).replace(tzinfo=None), "s")
        settled = since + np.timedelta64(int(self.spec.evaluation.holdout.total_seconds()), "s")
        found = detect_rise(BlockSeries(values, rows), int((days < settled).sum()), drop)
        trigger = self.spec.retrain_when.performance
        if found is None or not found.certain or trigger is None:
            return None
        recent = days > days[-1] - np.timedelta64(int(trigger.over.total_seconds()), "s")
        recent &= np.arange(values.size) >= found.split
        before = weighted_mean(values[: found.split], rows[: found.split])
        if not weighted_mean(values[recent], rows[recent]) - before > drop:
            return None
        block = int(self.matrix.day_block[np.searchsorted(self.matrix.days, days[found.split])])
        return self._start(block)

    def _staleness(self, seen: Seen) -> Staleness | None:
        cost = self.spec.retrain_when.cost
        if cost is None:
            return None
        fresh = seen.fresh & seen.served & np.isfinite(seen.losses)
        lost = (seen.losses[fresh] - seen.level) * seen.rows[fresh] * cost.per_metric_unit_and_row
        total, newest = float(lost.sum()), float(lost[-1]) if lost.size else 0.0
        return Staleness(max(total, 0.0), newest, int(lost.size), self._start(seen.last))
