"""Seasons that come back: the same weekday of the training window's last weeks, the same time of the year before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from retrain_assets.candidate_model.profile import count_bins
from retrain_assets.monitoring_report.drift import DriftReport, shift
from retrain_assets.windows import Partitions

WEEKS = 4
"""Weeks of the training window whose same weekday is looked at."""
FEWEST_ROWS = 300
"""A season of fewer rows tells nothing."""

Seasons = Callable[[], Sequence[pl.DataFrame]]
"""Gives the features of each season's rows; asked only where something has moved."""


def season_keys(
    partitions: Partitions, key: str, trained_until: datetime, known: Iterable[str]
) -> list[list[str]]:
    """Name the partitions of the same season: same weekdays, and same time of the year before.

    Same hours of the week are asked of daily partitions alone: longer ones hold all of them. The days are those at
    the end of the training rows, so that what changed after the training is no season. The year before is three
    partitions around the one of 52 weeks before, or the same month.

    Parameters
    ----------
    partitions
        The periods of the source.
    key
        The partition that is watched.
    trained_until
        End of the champion's training rows.
    known
        Keys of the partitions that are there.

    Returns
    -------
    list of list of str
        The keys of each season that has any, oldest first.
    """
    found, there = [], set(known)
    day = date.fromisoformat(key)
    if partitions.period == "daily":
        last = date.fromisoformat(partitions.key_of(trained_until)) - timedelta(days=1)
        nearest = last - timedelta(days=(last - day).days % 7)
        found.append([nearest - timedelta(weeks=back) for back in reversed(range(WEEKS))])
    if partitions.period == "monthly":
        found.append([day.replace(year=day.year - 1)])
    else:
        found.append([day - timedelta(weeks=52 + near) for near in (1, 0, -1)])
    listed = [[one.isoformat() for one in season if one < day] for season in found]
    return [keys for season in listed if (keys := [one for one in season if one in there])]


def excuse_seasons(
    shifts: DriftReport,
    profile: Mapping[str, Any],
    features: pl.DataFrame | pl.LazyFrame,
    seasons: Seasons,
    threshold: float,
) -> DriftReport:
    """Compare what has moved since the training with its seasons too.

    Parameters
    ----------
    shifts
        Of :func:`retrain_assets.monitoring_report.drift.drift`.
    profile
        The reference profile; seasons are counted by its bins.
    features
        The rows' features.
    seasons
        The features of each season's rows.
    threshold
        The index beyond which a feature has moved.

    Returns
    -------
    DriftReport
        ``season`` of what had moved is the smallest index against a season; without any it stays None.
    """
    moved = shifts.moved(threshold)
    frames = [frame for frame in seasons() if frame.height >= FEWEST_ROWS] if moved else []
    if not frames:
        return shifts
    now = _counts(profile, features, moved)
    then = [_counts(profile, frame, moved) for frame in frames]
    known = dict(shifts.features)
    for name in moved:
        indices = [shift(counts[name], now[name]).psi for counts in then]
        known[name] = replace(known[name], season=min(indices))
    return replace(shifts, features=known)


def _counts(
    profile: Mapping[str, Any], features: pl.DataFrame | pl.LazyFrame, names: Sequence[str]
) -> dict[str, list[int]]:
    rows = features.lazy()
    lacking = set(names) - set(rows.collect_schema())
    return count_bins(
        rows.with_columns(pl.lit(None).alias(name) for name in sorted(lacking)),
        {name: column["edges"] for name, column in profile["numeric"].items() if name in names},
        {name: column["values"] for name, column in profile["categorical"].items() if name in names},
    )
