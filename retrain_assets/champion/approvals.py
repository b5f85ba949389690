"""Candidates that wait for a person's approval: an append-only record, written by compare-and-swap.

One candidate waits at a time, the newest. A grant is an entry here before it is one of the ledger, so that of an
approval, a refusal and a newer candidate that come at once exactly one is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import polars as pl

from retrain_assets.champion.append_only import append_if_unchanged, create_append_only
from retrain_assets.lake import Lake

TABLE = "approvals"
SCHEMA: dict[str, pl.DataType] = {
    "sequence": pl.Int64(),
    "event": pl.String(),
    "version": pl.Int64(),
    "attempt": pl.String(),
    "champion": pl.Int64(),
    "model_path": pl.String(),
    "actor": pl.String(),
    "reason": pl.String(),
    "as_of": pl.Datetime("us", "UTC"),
    "expires": pl.Datetime("us", "UTC"),
    "wall_time": pl.Datetime("us", "UTC"),
}

Event = Literal["waiting", "approved", "declined", "expired"]


@dataclass(frozen=True)
class Approval:
    """What became of a candidate that needs approval.

    Parameters
    ----------
    sequence
        Position, from 1 on, without gaps.
    event
        ``waiting``, and then one of ``approved``, ``declined`` and ``expired``, unless a newer one waits before.
    version
        The candidate's version in the registry.
    attempt
        The attempt that it came from.
    champion
        The version that it was compared with, for which alone the approval holds; None where there was none.
    model_path
        Where the model's files are.
    actor, reason
        Who decided, and why; of a waiting one, the verdict.
    as_of
        The moment on the data clock, UTC.
    expires
        When the data clock passes this, it can be approved no more.
    wall_time
        The moment on the wall clock, UTC.
    """

    sequence: int
    event: Event
    version: int
    attempt: str
    champion: int | None
    model_path: str
    actor: str
    reason: str
    as_of: datetime
    expires: datetime
    wall_time: datetime


def approvals(lake: Lake) -> list[Approval]:
    """Read the record, oldest first."""
    if not lake.exists(TABLE):
        return []
    return [Approval(**row) for row in lake.read(TABLE).sort("sequence").iter_rows(named=True)]


def waiting_for(record: Sequence[Approval], champion: int | None) -> Approval | None:
    """The candidate that waits for approval against a champion; None where none does."""
    newest = record[-1] if record else None
    if newest is None or newest.event != "waiting" or newest.champion != champion:
        return None
    return newest


def append_approval(
    lake: Lake, entry: Approval, *, event: Event, actor: str, reason: str, as_of: datetime
) -> bool:
    """Append what becomes of a candidate, if the record has not grown since it was read.

    Parameters
    ----------
    lake
        The pipeline's tables.
    entry
        The candidate; its ``sequence`` is the number of entries that were read.
    event
        What becomes of it.
    actor, reason
        Who decided, and why.
    as_of
        The moment on the data clock, UTC.

    Returns
    -------
    bool
        False where somebody else wrote an entry meanwhile.

    Raises
    ------
    ChampionError
        When the table cannot be written.
    """
    handle = lake.open(TABLE)
    if handle is None:
        create_append_only(lake, TABLE, SCHEMA)
        handle = lake.open(TABLE)
    if handle is None or pl.scan_delta(handle).select(pl.len()).collect().item() != entry.sequence:
        return False
    row = vars(entry) | {
        "sequence": entry.sequence + 1,
        "event": event,
        "actor": actor.strip(),
        "reason": reason.strip(),
        "as_of": as_of,
        "wall_time": datetime.now(UTC),
    }
    return append_if_unchanged(lake, TABLE, handle, pl.DataFrame([row], schema=SCHEMA))


def told_of(name: str, record: Sequence[Approval], champion: int | None, version: int) -> str | None:
    """Say in a sentence what became of a version that needed approval; None of one that needed none.

    Parameters
    ----------
    name
        The pipeline.
    record
        All entries, oldest first.
    champion
        The present champion.
    version
        The version.
    """
    own = [entry for entry in record if entry.version == version]
    if not own:
        return None
    last = own[-1]
    head = f"Version {version} of {name}"
    if last.event == "waiting" and last != record[-1]:
        newer = next(entry for entry in record if entry.sequence > last.sequence)
        return f"{head} was never decided on: version {newer.version} took its place."
    if last.event == "waiting" and last.champion != champion:
        return f"{head} can be approved no more: it was compared with {_named(last.champion)}, which serves no more."
    if last.event == "waiting":
        return waiting_sentence(name, last)
    if last.event == "expired":
        return f"{head} waited for approval in vain until {last.expires:%Y-%m-%d %H:%M} UTC, and it expired."
    return (
        f"{head} was {last.event} by {last.actor} at {last.wall_time:%Y-%m-%d %H:%M:%S} UTC "
        f"({last.reason.removesuffix('.')})."
    )


def waiting_sentence(name: str, waiting: Approval) -> str:
    """Say of a candidate that waits how long, and for what."""
    return (
        f"Version {waiting.version} of {name} waits for approval by {name}_approve, as a candidate against "
        f"{_named(waiting.champion)}, until the data reach {waiting.expires:%Y-%m-%d %H:%M} UTC."
    )


def _named(version: int | None) -> str:
    return "no champion" if version is None else f"version {version}"
