"""The time after a promotion, in which the new champion is watched against the one that it replaced."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from retrain_assets.champion.standing import LedgerEntry


@dataclass(frozen=True)
class PromotionWatch:
    """A new champion on watch.

    Parameters
    ----------
    version
        The new champion.
    predecessor
        The champion that it replaced, which goes on scoring beside it.
    since, until
        Rows of this span are scored by both: from the promotion on, ``until`` exclusive.
    """

    version: int
    predecessor: int
    since: datetime
    until: datetime


def promotion_watch(entry: LedgerEntry | None, length: timedelta) -> PromotionWatch | None:
    """Tell the watch that a ledger's entry begins.

    Parameters
    ----------
    entry
        The entry that made the champion; None before the first.
    length
        How long a promotion is watched; 0 turns it off.

    Returns
    -------
    PromotionWatch or None
        None where there is nothing to go back to, and for a champion that a person forced or put back: that
        decision is the person's.
    """
    if entry is None or entry.action != "promoted" or entry.expected_champion is None or not length:
        return None
    return PromotionWatch(entry.version, entry.expected_champion, entry.as_of, entry.as_of + length)
