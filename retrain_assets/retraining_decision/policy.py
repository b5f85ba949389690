"""What a declaration says about retraining."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from retrain_assets.spec import PipelineSpec
from retrain_assets.windows import Partitions

_SHORTEST = {
    "daily": timedelta(hours=23),
    "weekly": timedelta(days=7, hours=-1),
    "monthly": timedelta(days=28, hours=-1),
}


@dataclass(frozen=True)
class Policy:
    """What a declaration says about retraining; built by :func:`policy_of`.

    Parameters
    ----------
    partitions
        The periods of the source.
    delay, holdout
        Label maturity, and length of the holdout: together they say where training ends.
    window
        Length of a rolling window; None where it is given in rows, or expands.
    minimum_rows
        Fewer training rows train nothing.
    new_rows, max_age, code_changes
        Declared triggers. The others reach a decision as evidence.
    cooldown, runs, per
        Declared limits.
    per_retrain
        Declared cost of a retrain; None where no costs are declared.
    cost_threshold
        How many times that lost quality must have cost.
    """

    partitions: Partitions
    delay: timedelta
    holdout: timedelta
    window: timedelta | None
    minimum_rows: int
    new_rows: int | None
    max_age: timedelta | None
    code_changes: bool
    cooldown: timedelta
    runs: int
    per: timedelta
    per_retrain: float | None = None
    cost_threshold: float = 1.0

    @property
    def lag(self) -> timedelta:
        """How far the end of training lies behind ``as_of``."""
        return self.holdout + 2 * self.delay

    @property
    def partition(self) -> timedelta:
        """The shortest that a partition can be: February's 28 days, a day of 23 hours."""
        return _SHORTEST[self.partitions.period]


def policy_of(spec: PipelineSpec) -> Policy:
    """Take from a declaration what decisions need."""
    when, limits = spec.retrain_when, spec.limits
    return Policy(
        partitions=Partitions(spec.source.partition, spec.timezone),
        delay=spec.label.maturity,
        holdout=spec.evaluation.holdout,
        window=spec.training.window.length,
        minimum_rows=spec.training.minimum_rows,
        new_rows=when.new_rows,
        max_age=when.max_age,
        code_changes=when.code_changes,
        cooldown=limits.cooldown,
        runs=limits.runs,
        per=limits.per,
        per_retrain=when.cost.per_retrain if when.cost is not None else None,
        cost_threshold=when.cost.threshold if when.cost is not None else 1.0,
    )


def train_end_at(as_of: datetime, policy: Policy) -> datetime:
    """Where the training rows of an attempt end that is made with what is known at ``as_of``."""
    return as_of - policy.lag
