"""Time: partitions of the source, and which rows a model may be trained and judged on as of a moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import polars as pl

from retrain_assets.spec import PipelineSpec, WindowSpec

Period = Literal["daily", "weekly", "monthly"]
ROW_REPLACED_AT = "retrain_row_replaced_at"
LABEL_KNOWN_AT = "retrain_label_known_at"
LABEL_REPLACED_AT = "retrain_label_replaced_at"


@dataclass(frozen=True)
class Partitions:
    """The periods by which a source is taken in, in local time.

    Parameters
    ----------
    period
        Length of a partition; weeks begin on Monday, months on the first.
    timezone
        Time zone whose midnights bound the partitions.
    """

    period: Period
    timezone: str

    def key_of(self, moment: datetime) -> str:
        """Key of the partition that holds a moment: the period's first local day, as an ISO date."""
        return self.key_of_day(self.day_of(moment))

    def day_of(self, moment: datetime) -> date:
        """Local day that holds a moment."""
        return moment.astimezone(ZoneInfo(self.timezone)).date()

    def key_of_day(self, day: date) -> str:
        """Key of the partition that holds a local day."""
        if self.period == "weekly":
            day -= timedelta(days=day.weekday())
        elif self.period == "monthly":
            day = day.replace(day=1)
        return day.isoformat()

    def bounds(self, key: str) -> tuple[datetime, datetime]:
        """First moment of a partition and the first moment after it, in UTC."""
        first = date.fromisoformat(key)
        start, end = (
            datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(self.timezone)).astimezone(UTC)
            for day in (first, self._after(first))
        )
        return start, end

    def next_key(self, key: str) -> str:
        """Key of the partition that follows."""
        return self.key_of(self.bounds(key)[1])

    def keys_between(self, start: datetime, end: datetime) -> list[str]:
        """Keys of the partitions that overlap ``[start, end)``, oldest first."""
        if start >= end:
            return []
        day = date.fromisoformat(self.key_of(start))
        last = date.fromisoformat(self.key_of(end - timedelta(microseconds=1)))
        keys = []
        # By the calendar: the bounds of ten years of days would take a sensor's whole tick.
        while day <= last:
            keys.append(day.isoformat())
            day = self._after(day)
        return keys

    def _after(self, first: date) -> date:
        """First day of the period that follows the one that begins with ``first``."""
        if self.period == "monthly":
            return (first + timedelta(days=32)).replace(day=1)
        return first + timedelta(days=7 if self.period == "weekly" else 1)

    def complete(self, start: datetime, now: datetime, complete_after: timedelta) -> list[str]:
        """Keys from the partition of ``start`` on whose end lies at least ``complete_after`` before ``now``."""
        keys = self.keys_between(start, now)
        while keys and self.bounds(keys[-1])[1] + complete_after > now:
            keys.pop()
        return keys

    def key_expr(self, column: str) -> pl.Expr:
        """The key of each row's partition, from a UTC timestamp column."""
        every = {"daily": "1d", "weekly": "1w", "monthly": "1mo"}[self.period]
        local = pl.col(column).dt.convert_time_zone(self.timezone).dt.replace_time_zone(None)
        return local.dt.truncate(every).dt.strftime("%Y-%m-%d")

    @property
    def typical_length(self) -> timedelta:
        """A partition's usual length."""
        return {"daily": timedelta(days=1), "weekly": timedelta(days=7), "monthly": timedelta(days=30)}[
            self.period
        ]


@dataclass(frozen=True)
class TimeColumns:
    """Where a row says when it happened, and when it and its label became known.

    Parameters
    ----------
    timestamp
        Column of the row's time.
    delay
        The age at which a row's label counts.
    known_at
        Column: when the row became known.
    label_known_at
        Column: when the label became known.
    label_replaced_at
        Column: when another label of the row became known in its place; null where none has.
    replaced_at
        Column: when another version of the row became known in its place; null where none has.
    """

    timestamp: str
    delay: timedelta
    known_at: str | None = None
    label_known_at: str | None = None
    label_replaced_at: str | None = None
    replaced_at: str | None = None

    @classmethod
    def of(cls, spec: PipelineSpec) -> TimeColumns:
        """The time columns of a declaration, in rows that :func:`retrain_assets.labelled_rows.labelled_rows` gives."""
        label = spec.label
        return cls(
            spec.source.timestamp,
            label.maturity,
            spec.source.known_at,
            LABEL_KNOWN_AT if label.has_versions else label.known_at,
            LABEL_REPLACED_AT if label.has_versions else None,
            ROW_REPLACED_AT if spec.source.has_versions else None,
        )

    @property
    def knowledge(self) -> list[str]:
        """The columns by which :meth:`known` decides."""
        names = (self.known_at, self.replaced_at, self.label_known_at, self.label_replaced_at)
        return [name for name in names if name is not None]

    def known(self, moment: datetime) -> list[pl.Expr]:
        """Conditions that a row and its label were known at a moment, and neither was replaced yet."""
        became = filter(None, (self.known_at, self.label_known_at))
        replaced = [pl.col(name) for name in filter(None, (self.replaced_at, self.label_replaced_at))]
        return [
            *(pl.col(name) <= moment for name in became),
            *(at.is_null() | (at > moment) for at in replaced),
        ]


@dataclass(frozen=True)
class Windows:
    """The bounds that decide which rows train and which judge a candidate, as of one moment.

    A gap of one label delay lies between the last training row and the first holdout row, so that no label
    used for training was known later than the split.
    """

    as_of: datetime
    split: datetime
    train_start: datetime | None
    train_end: datetime
    holdout_end: datetime
    rows: int | None = None


def resolve_windows(as_of: datetime, delay: timedelta, holdout: timedelta, window: WindowSpec) -> Windows:
    """Windows of a candidate that is trained and judged with what was known at ``as_of``.

    Parameters
    ----------
    as_of
        The moment of knowledge, UTC.
    delay
        Time from a row to the maturity of its label.
    holdout
        Mature rows' time that is kept from training.
    window
        How far back training reaches.
    """
    holdout_end = as_of - delay
    split = holdout_end - holdout
    train_end = split - delay
    start = train_end - window.length if window.length is not None else None
    return Windows(as_of, split, start, train_end, holdout_end, window.rows)


def training_rows(rows: pl.LazyFrame, windows: Windows, columns: TimeColumns) -> pl.LazyFrame:
    """Rows that a candidate may learn from: all that a person at the split could have known.

    Parameters
    ----------
    rows
        Rows with the columns named by ``columns``, timestamps in UTC; for a window in rows also with
        ``partition_key`` and ``row_id``, which order rows of one moment.
    windows
        The bounds.
    columns
        The time columns.
    """
    time = pl.col(columns.timestamp)
    conditions = [
        time < windows.split,
        time <= windows.train_end,
        *columns.known(windows.split),
    ]
    if windows.train_start is not None:
        conditions.append(time >= windows.train_start)
    chosen = rows.filter(*conditions)
    if windows.rows is not None:
        # Rows of one moment would else be cut as the table's files happen to lie.
        chosen = chosen.sort(columns.timestamp, "partition_key", "row_id").tail(windows.rows)
    return chosen


def holdout_rows(rows: pl.LazyFrame, windows: Windows, columns: TimeColumns) -> pl.LazyFrame:
    """Rows that judge a candidate: from the split on, with a label that is mature and known at ``as_of``.

    Parameters
    ----------
    rows
        Rows with the columns named by ``columns``, timestamps in UTC.
    windows
        The bounds.
    columns
        The time columns.
    """
    time = pl.col(columns.timestamp)
    return rows.filter(
        time >= windows.split,
        time < windows.as_of,
        time <= windows.holdout_end,
        *columns.known(windows.as_of),
    )


def mature_rows(rows: pl.LazyFrame, as_of: datetime, columns: TimeColumns) -> pl.LazyFrame:
    """Rows that exist at ``as_of`` and whose label is mature and known by then."""
    time = pl.col(columns.timestamp)
    return rows.filter(
        time < as_of,
        time <= as_of - columns.delay,
        *columns.known(as_of),
    )
