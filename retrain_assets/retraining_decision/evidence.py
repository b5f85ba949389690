"""What is known at the moment of decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from retrain_assets.retraining_decision.staleness import Staleness
from retrain_assets.retraining_decision.ticks import Tick


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
class Unfinished:
    """A candidate that was judged in a run that failed before its verdict was acted on.

    Parameters
    ----------
    attempt
        Id of its attempt.
    as_of
        The moment of knowledge that it was trained with.
    verdict
        ``blessed``, ``rejected`` or ``inconclusive``.
    """

    attempt: str
    as_of: datetime
    verdict: str


@dataclass(frozen=True)
class NextLook:
    """A candidate that was judged inconclusive, and is to be looked at again on more rows.

    Parameters
    ----------
    attempt
        Id of its attempt.
    as_of
        The moment of knowledge that it was judged with last.
    due
        When enough further rows are in.
    """

    attempt: str
    as_of: datetime
    due: datetime


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
    in_flight
        A retrain is running or queued.
    unfinished
        The newest attempt, where its verdict still can be acted on and has not been.
    staleness
        What the champion's lost quality has cost; None without a champion, or where no costs are declared.
    next_look
        The newest attempt, where it is to be looked at again.
    ticks
        The next ticks of the schedule; empty where none is declared.
    """

    champion: Champion | None
    train_rows: int
    train_start: datetime | None
    new_rows: int
    code_version: str
    alarms: tuple[Alarm, ...] = ()
    schedule_due: bool = False
    in_flight: bool = False
    unfinished: Unfinished | None = None
    staleness: Staleness | None = None
    next_look: NextLook | None = None
    ticks: tuple[Tick, ...] = ()


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
