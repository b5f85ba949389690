"""A look at a sample of a source: what each column is, and which ones should not be features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

import polars as pl

from retrain_assets.errors import SpecError
from retrain_assets.spec.base import suggest

Kind = Literal["numeric", "categorical", "time"]


@dataclass(frozen=True)
class ColumnProfile:
    """What a column of the sample is.

    Parameters
    ----------
    name
        The column.
    kind
        How a model could take it.
    suspect
        Why it should not be a feature, as half a sentence; None where nothing speaks against it.
    """

    name: str
    kind: Kind
    suspect: str | None


@dataclass(frozen=True)
class SourceProfile:
    """What a sample says about a source.

    Parameters
    ----------
    columns
        All columns but timestamp and label, in the source's order.
    task
        ``classification`` for a label of two values, ``regression`` for a number.
    positive
        The value that counts as positive, in classification.
    key
        A column that identifies each row, if there is one.
    partition
        The shortest period that usually holds enough rows.
    holdout
        A holdout that fits the sample's length.
    block
        ``1d``, or ``row`` where the days of the sample lie far apart.
    """

    columns: tuple[ColumnProfile, ...]
    task: Literal["classification", "regression"]
    positive: Any
    key: str | None
    partition: Literal["daily", "weekly", "monthly"]
    holdout: timedelta
    block: str


def profile_source(rows: pl.DataFrame, timestamp: str, label: str) -> SourceProfile:
    """Profile a sample.

    Parameters
    ----------
    rows
        The sample, with ``timestamp`` as a Datetime.
    timestamp, label
        Names of these columns.

    Raises
    ------
    SpecError
        When a column is lacking, or the label can be predicted by no supported task.
    """
    for role, name in (("timestamp", timestamp), ("label", label)):
        if name not in rows.columns:
            raise SpecError(
                f"The source has no column {name!r} to be the {role}. {suggest(name, rows.columns)}"
            )
    task, positive = _task(rows[label].drop_nulls(), label)
    others = [name for name in rows.columns if name not in (timestamp, label)]
    key = next((name for name in others if _is_key(rows[name])), None)
    columns = tuple(
        ColumnProfile(name, _kind(rows[name]), _suspect(rows, name, label, task)) for name in others
    )
    partition, holdout, block = _rhythm(rows[timestamp].drop_nulls())
    return SourceProfile(columns, task, positive, key, partition, holdout, block)


def _task(label: pl.Series, name: str) -> tuple[Literal["classification", "regression"], Any]:
    values = label.unique().sort().to_list()
    if len(values) == 2:
        return "classification", values[1] if set(values) in ({0, 1}, {False, True}) else _rarer(label)
    if label.dtype.is_numeric() and len(values) > 2:
        return "regression", None
    raise SpecError(
        f"The label {name!r} has {len(values)} different values of type {label.dtype}. It must have two values "
        "(classification) or be a number (regression)."
    )


def _rarer(label: pl.Series) -> Any:
    return (
        label.value_counts().sort(["count", label.name])[label.name][0]
        if label.name != "count"
        else (label.rename("label").value_counts().sort(["count", "label"])["label"][0])
    )


def _kind(column: pl.Series) -> Kind:
    if column.dtype.is_temporal():
        return "time"
    return "numeric" if column.dtype.is_numeric() or column.dtype == pl.Boolean else "categorical"


def _is_key(column: pl.Series) -> bool:
    return (
        (column.dtype.is_integer() or column.dtype == pl.String)
        and column.null_count() == 0
        and column.n_unique() == len(column) > 100
    )


def _suspect(rows: pl.DataFrame, name: str, label: str, task: str) -> str | None:
    column = rows[name]
    present = column.drop_nulls()
    if present.n_unique() <= 1:
        return "constant" if len(present) else "always empty"
    if _kind(column) == "time":
        return "a time: derive a number from it, such as a duration, if it matters"
    if not column.dtype.is_float() and present.n_unique() == len(rows):
        return "unique in every row"
    share = _agreement(rows.select(name, label).drop_nulls(), name, label, task)
    if share is not None:
        return share
    if column.dtype == pl.String and present.n_unique() > 0.5 * len(present):
        return f"free text: {present.n_unique():,} different values in {len(present):,} rows"
    return None


def _agreement(pairs: pl.DataFrame, name: str, label: str, task: str) -> str | None:
    """Say so when a column all but gives the label away."""
    if pairs.is_empty():
        return None
    pairs = pairs.select(pl.col(name).alias("x"), pl.col(label).alias("y"))
    if task == "regression":
        if not pairs["x"].dtype.is_numeric():
            return None
        correlation = pairs.select(pl.corr("x", "y")).item()
        strong = correlation is not None and abs(correlation) > 0.98
        return f"follows the label with a correlation of {correlation:.3f}" if strong else None
    base = pairs["y"].value_counts(name="rows")["rows"].max() / pairs.height  # type: ignore[operator]
    if pairs["x"].n_unique() > min(1000, 0.2 * pairs.height):
        return None
    right = (
        pairs.group_by("x", "y").len("rows").group_by("x").agg(pl.col("rows").max())["rows"].sum()
        / pairs.height
    )
    if right >= 0.98 and right > base + 0.5 * (1 - base):
        return f"gives the label away in {right:.1%} of the rows"
    return None


def _rhythm(times: pl.Series) -> tuple[Literal["daily", "weekly", "monthly"], timedelta, str]:
    days = times.dt.date()
    span = max((days.max() - days.min()).days + 1, 1)  # type: ignore[operator]
    busy = days.n_unique()
    a_day = len(times) / span
    block = "1d" if busy >= span / 3 else "row"
    partition: Literal["daily", "weekly", "monthly"]
    if a_day >= 300:
        partition = "daily"
    elif a_day >= 30 and block == "1d":
        partition = "weekly"
    else:
        partition = "monthly"
    shortest = {"daily": 7, "weekly": 14, "monthly": 31}[partition]
    return partition, timedelta(days=max(shortest, min(90, span // 8))), block


def typed(columns: Sequence[ColumnProfile], kind: Kind) -> list[ColumnProfile]:
    """Columns of one kind."""
    return [column for column in columns if column.kind == kind]
