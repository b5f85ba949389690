"""What a decision is made from: evidence, policy and history, and what it comes out as."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from retrain_assets.spec import PipelineSpec
from retrain_assets.windows import Partitions

Outcome = Literal["blessed", "rejected", "inconclusive", "failed"]

_SHORTEST = {
    "daily": timedelta(hours=23),
    "weekly": timedelta(days=7, hours=-1),
    "monthly": timedelta(days=28, hours=-1),
}


@dataclass(frozen=True)
class Champion:
    """The model in service.

    Parameters
    ----------
    version
        Its version.
    since
        ``as_of`` of the ledger entry by which it was last put in place or confirmed.
    """

    version: int
    since: datetime


@dataclass(frozen=True)
class Alarm:
    """A finding of harm that stands in the newest monitoring report.

    Parameters
    ----------
    code
        ``performance``, ``business:<name>`` or ``drift``.
    champion
        The version that it is about.
    since
        ``as_of`` of the report that first raised it.
    onset
        When the harm began, as estimated.
    sentence
        The finding in words.
    """

    code: str
    champion: int
    since: datetime
    onset: datetime
    sentence: str

    @property
    def identity(self) -> str:
        """What an attempt consumes: this alarm about this champion."""
        return f"{self.code} of version {self.champion} since {self.since.isoformat()}"


@dataclass(frozen=True)
class Evidence:
    """What is known at the moment of decision.

    Parameters
    ----------
    champion
        None while there is none.
    train_rows
        Rows that a candidate could be trained on now.
    train_start
        Time of the oldest of them; None without any.
    new_rows
        Label-mature rows that came since the last attempt that did not fail; where there is none, all.
    code_version
        Hash of the declaration and of the code that it names.
    alarms
        Findings that stand.
    schedule_due
        Raised by the schedule's tick only.
    requested_by
        A person who asks for a retrain.
    in_flight
        A retrain is running or queued.
    """

    champion: Champion | None
    train_rows: int
    train_start: datetime | None
    new_rows: int
    code_version: str
    alarms: tuple[Alarm, ...] = ()
    schedule_due: bool = False
    requested_by: str | None = None
    in_flight: bool = False


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

    @property
    def lag(self) -> timedelta:
        """How far the end of training lies behind ``as_of``."""
        return self.holdout + 2 * self.delay

    @property
    def partition(self) -> timedelta:
        """The shortest that a partition can be: February's 28 days, a day of 23 hours."""
        return _SHORTEST[self.partitions.period]


@dataclass(frozen=True)
class PastAttempt:
    """A retraining attempt that has ended.

    Parameters
    ----------
    as_of
        The moment of knowledge that it was made with.
    train_end
        Where its training rows ended (:func:`train_end_at` of ``as_of``).
    outcome
        The verdict, or ``failed``.
    consumed
        By code of a reason, the identity of the evidence that it was made for.
    code_version
        Hash of the code that it was made with; empty where it failed before that was known.
    next_look
        Date at which an inconclusive verdict is to be looked at again.
    """

    as_of: datetime
    train_end: datetime
    outcome: Outcome
    consumed: Mapping[str, str] = field(default_factory=dict)
    code_version: str = ""
    next_look: datetime | None = None


@dataclass(frozen=True)
class History:
    """The attempts so far, oldest first. Trials, which nobody would promote, are left out."""

    attempts: tuple[PastAttempt, ...] = ()

    @property
    def completed(self) -> tuple[PastAttempt, ...]:
        """Attempts that came to a verdict: a failed one has learned nothing and consumes nothing."""
        return tuple(item for item in self.attempts if item.outcome != "failed")

    def consumers(self, code: str, identity: str) -> tuple[PastAttempt, ...]:
        """Completed attempts that were made for a piece of evidence, oldest first."""
        return tuple(item for item in self.completed if item.consumed.get(code) == identity)


@dataclass(frozen=True)
class Reason:
    """Why to train: a code, a sentence, and the identity of the evidence, which an attempt consumes."""

    code: str
    sentence: str
    identity: str


@dataclass(frozen=True)
class Hold:
    """What holds a retrain back, and until when on the data clock (None: it cannot be said beforehand)."""

    code: str
    sentence: str
    until: datetime | None


@dataclass(frozen=True)
class Decision:
    """Whether to train, and why.

    Parameters
    ----------
    act
        Train now.
    reasons
        Those that it acts for, which the attempt consumes; where it does not act, all that stand.
    held_back_by
        What holds it back; empty when it acts, or when nothing asks for a retrain.
    earliest
        End of the partition with which it would act if nothing happened but that time and data moved on;
        None where that depends on more than time. Ticks of the schedule are not foreseen.
    would_change
        What would change its mind.
    sentence
        All this in words.
    """

    act: bool
    reasons: tuple[Reason, ...]
    held_back_by: tuple[Hold, ...]
    earliest: datetime | None
    would_change: str
    sentence: str


def policy_of(spec: PipelineSpec) -> Policy:
    """Take from a declaration what decisions need."""
    when, limits = spec.retrain_when, spec.limits
    return Policy(
        partitions=Partitions(spec.source.partition, spec.timezone),
        delay=spec.label.delay,
        holdout=spec.evaluation.holdout,
        window=spec.training.window.length,
        minimum_rows=spec.training.minimum_rows,
        new_rows=when.new_rows,
        max_age=when.max_age,
        code_changes=when.code_changes,
        cooldown=limits.cooldown,
        runs=limits.runs,
        per=limits.per,
    )


def train_end_at(as_of: datetime, policy: Policy) -> datetime:
    """Where the training rows of an attempt end that is made with what is known at ``as_of``."""
    return as_of - policy.lag


def alarms_of(payload: Mapping[str, Any]) -> tuple[Alarm, ...]:
    """Take the alarms that stand from a monitoring report's payload."""
    return tuple(
        Alarm(
            code=item["reason"],
            champion=payload["version"],
            since=datetime.fromisoformat(item["since"]),
            onset=datetime.fromisoformat(item["onset"]),
            sentence=item["sentence"],
        )
        for item in payload["findings"]
        if item["crossed"]
    )
