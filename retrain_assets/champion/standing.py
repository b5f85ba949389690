"""Who is champion by the entries of a ledger, and which change of champion they allow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

Action = Literal["promoted", "confirmed", "forced", "rolled_back"]
ACTOR = "retrain_assets"
"""Who decided, where it was the software and no person."""

_SAID = {"promoted": "promoted", "confirmed": "confirmed", "forced": "forced", "rolled_back": "put back"}


@dataclass(frozen=True)
class LedgerEntry:
    """One entry of a ledger.

    Parameters
    ----------
    sequence
        Position, from 1 on, without gaps.
    action
        ``promoted``, ``forced`` and ``rolled_back`` make ``version`` champion; ``confirmed`` keeps it.
    version
        The version that is champion after this entry.
    expected_champion
        The version that was champion before it; None for the first champion.
    actor
        Who decided.
    reason
        Why, as a sentence.
    evidence
        What the decision rests on; of a promotion also ``attempt`` and ``model_path``.
    as_of
        The moment on the data clock, UTC.
    wall_time
        The moment on the wall clock, UTC.
    """

    sequence: int
    action: Action
    version: int
    expected_champion: int | None
    actor: str
    reason: str
    evidence: Mapping[str, Any]
    as_of: datetime
    wall_time: datetime


@dataclass(frozen=True)
class Standing:
    """Who is champion.

    Parameters
    ----------
    version
        The champion; None before the first.
    since
        When it became champion, on the data clock.
    last_confirmed
        When it last was made champion or confirmed, on the data clock.
    sequence
        Position of the newest entry; 0 for an empty ledger.
    previous
        Earlier champions that a rollback could put back, the latest first.
    barred
        Versions that were rolled back; none of them becomes champion again.
    """

    version: int | None = None
    since: datetime | None = None
    last_confirmed: datetime | None = None
    sequence: int = 0
    previous: tuple[int, ...] = ()
    barred: frozenset[int] = frozenset()


def standing_of(entries: Sequence[LedgerEntry]) -> Standing:
    """Fold a ledger's entries, oldest first, into who is champion."""
    standing = Standing()
    for entry in entries:
        if entry.action == "confirmed":
            standing = replace(standing, last_confirmed=entry.as_of, sequence=entry.sequence)
            continue
        beaten = () if standing.version is None else (standing.version,)
        barred = standing.barred.union(beaten if entry.action == "rolled_back" else ())
        gone = {entry.version, *barred}
        previous = tuple(version for version in (*beaten, *standing.previous) if version not in gone)
        standing = Standing(entry.version, entry.as_of, entry.as_of, entry.sequence, previous, barred)
    return standing


def refusal(
    name: str,
    entries: Sequence[LedgerEntry],
    action: Action,
    version: int,
    expected_champion: int | None,
    attempt: str | None = None,
) -> str | None:
    """Say why a change of champion is not allowed.

    Parameters
    ----------
    name
        The pipeline.
    entries
        The ledger's entries, oldest first.
    action
        What is to be done.
    version
        The version that is to be champion afterwards.
    expected_champion
        The champion that the decision was taken against.
    attempt
        The attempt that the version came from, where it is known: a model that was rolled back is barred under
        every number that it is registered by.

    Returns
    -------
    str or None
        Sentences that say why, who is champion, and what to do; None where the change is allowed.
    """
    standing = standing_of(entries)
    if standing.version != expected_champion:
        return (
            f"Version {version} of {name} was not {_SAID[action]}: {_winner(entries)}, not "
            f"{_named(expected_champion)} as expected. {_remedy(name, action)}"
        )
    if action == "confirmed":
        return None if version == standing.version else _unconfirmed(name, entries, version)
    if version == standing.version:
        return f"Version {version} of {name} already is the champion; nothing was changed."
    barred = barred_by(entries, version, attempt)
    if barred is not None:
        return _bar(name, version, barred)
    if action == "rolled_back" and version not in standing.previous:
        return (
            f"Version {version} of {name} never was champion, so it cannot be put back. "
            f"The job {name}_promote can make it champion."
        )
    return None


def _unconfirmed(name: str, entries: Sequence[LedgerEntry], version: int) -> str:
    return f"Version {version} of {name} was not confirmed: {_winner(entries)}, and no other can be."


def overtaken(name: str, entries: Sequence[LedgerEntry], expected_champion: int | None) -> str:
    """Say that the champion who was to be rolled back is none any more, and who is."""
    return (
        f"Nothing was rolled back: {_winner(entries)}, not {_named(expected_champion)} as when it was asked "
        f"for. {_remedy(name, 'rolled_back')}"
    )


def barred_by(entries: Sequence[LedgerEntry], version: int, attempt: str | None) -> LedgerEntry | None:
    """Find the rollback that bars a version, or the attempt that it came from; None where none does."""
    same = {
        entry.version
        for entry in entries
        if attempt is not None
        and entry.action in {"promoted", "forced"}
        and entry.evidence.get("attempt") == attempt
    }
    bars = (entry for entry in entries if entry.action == "rolled_back")
    return next((bar for bar in bars if bar.expected_champion in {version, *same}), None)


def _bar(name: str, version: int, bar: LedgerEntry) -> str:
    return (
        f"Version {version} of {name} was rolled back by {bar.actor} at {_time(bar.wall_time)} "
        f"({_clause(bar.reason)}), so it cannot become champion again. "
        f"Train a new version with {name}_retrain."
    )


def _winner(entries: Sequence[LedgerEntry]) -> str:
    """Name the champion in a clause, with who made it so, when and why."""
    crowning = [entry for entry in entries if entry.action != "confirmed"]
    if not crowning:
        return "there is no champion yet"
    last = crowning[-1]
    return (
        f"version {last.version} is the champion, {_SAID[last.action]} by {last.actor} at "
        f"{_time(last.wall_time)} ({_clause(last.reason)})"
    )


def _remedy(name: str, action: Action) -> str:
    if action in {"promoted", "confirmed"}:
        return f"Run the job {name}_retrain to compare a candidate with the present champion."
    return "Look at the present champion, and start the job again if the change is still wanted."


def _named(version: int | None) -> str:
    return "no champion" if version is None else f"version {version}"


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _clause(sentence: str) -> str:
    return sentence.removesuffix(".")


def champion_at(entries: Sequence[LedgerEntry], moment: datetime) -> LedgerEntry | None:
    """Find the entry that made the champion which served just before a moment of the data clock.

    Parameters
    ----------
    entries
        All entries, oldest first.
    moment
        The moment, UTC.

    Returns
    -------
    LedgerEntry or None
        None before the first champion.
    """
    made = [entry for entry in entries if entry.action != "confirmed" and entry.as_of < moment]
    return made[-1] if made else None


def first_champion(entries: Sequence[LedgerEntry]) -> int | None:
    """Find the version that became champion first; None before there was one."""
    return next((entry.version for entry in entries if entry.action != "confirmed"), None)
