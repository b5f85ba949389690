"""A look at a sample of a source: what each column is, and which ones should not be features."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Literal

import polars as pl

from retrain_assets.errors import SpecError
from retrain_assets.spec.base import suggest
from retrain_assets.spec.label import FEWEST_CLASSES
from retrain_assets.spec.number_texts import MISSING, NUMBER
from retrain_assets.spec.pipeline import RESERVED_COLUMNS
from retrain_assets.spec.suspects import is_identifier, is_unique, suspicion

Kind = Literal["numeric", "categorical", "time"]
Period = Literal["daily", "weekly", "monthly"]
Task = Literal["classification", "multiclass", "regression"]

MOST_CLASSES = 50
MOST_NUMBERED_CLASSES = 10
"""Different whole numbers that may name classes; more are counts or amounts."""

_TIME = "a time: derive from it what is known at the row's time, if it matters"
_ISO_TIME = re.compile(r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?$")


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
    rows
        Rows of the sample.
    columns
        All columns but timestamp and label, in the source's order.
    task
        ``classification`` for a label of two values, ``multiclass`` for one of 3 to 50 texts, ``regression`` for a
        number.
    positive
        The value that counts as positive, in classification.
    classes
        The texts of a label of several classes, sorted; of a label of few whole numbers these, which may name
        classes too, or be counts or amounts; empty else.
    key
        A column that identifies each row, if there is one.
    partition
        The shortest period that usually holds enough rows.
    holdout
        A holdout that fits the sample's length, with seven days that have rows at the least.
    block
        ``1d``, or ``row`` where the days of the sample lie far apart.
    constant_loss
        What the best constant loses a row, by the first metric of the task's own: log loss of classes, absolute error
        of a number.
    """

    rows: int
    columns: tuple[ColumnProfile, ...]
    task: Task
    positive: Any
    classes: tuple[Any, ...]
    key: str | None
    partition: Period
    holdout: timedelta
    block: str
    constant_loss: float


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
        When a column is lacking or has a reserved name, or the label can be predicted by no supported task.
    """
    for role, name in (("timestamp", timestamp), ("label", label)):
        if name not in rows.columns:
            raise SpecError(
                f"The source has no column {name!r} to be the {role}. {suggest(name, rows.columns)}"
            )
    taken = sorted(RESERVED_COLUMNS & set(rows.columns))
    if taken:
        raise SpecError(f"{taken[0]!r} is a column of retrain_assets itself. Rename it in the source.")
    times = rows[timestamp].drop_nulls()
    task, positive = _task(rows[label].drop_nulls(), label)
    classes = _classes(rows[label].drop_nulls())
    others = [name for name in rows.columns if name not in (timestamp, label)]
    columns = tuple(_profile(rows[name], rows[label], task) for name in others)
    partition, holdout, block = _rhythm(times)
    return SourceProfile(
        rows.height,
        columns,
        task,
        positive,
        classes,
        _key(rows, others),
        partition,
        holdout,
        block,
        _constant_loss(rows[label].drop_nulls(), task),
    )


def typed(columns: Sequence[ColumnProfile], kind: Kind) -> list[ColumnProfile]:
    """Columns of one kind."""
    return [column for column in columns if column.kind == kind]


def _task(label: pl.Series, name: str) -> tuple[Task, Any]:
    if not (label.dtype.is_numeric() or label.dtype in (pl.Boolean, pl.Null) or _is_text(label)):
        raise SpecError(
            f"The label {name!r} holds values of type {label.dtype}. It must hold numbers, texts, or true and false: "
            "write one of these to the source, or name another column."
        )
    values = label.unique().sort().to_list()
    if len(values) == 2:
        usual = label.dtype == pl.Boolean or set(values) == {0, 1}
        return "classification", _plain(values[1] if usual else _rarer(label))
    if label.dtype.is_numeric() and len(values) > 2:
        return "regression", None
    if _is_text(label) and FEWEST_CLASSES <= len(values) <= MOST_CLASSES:
        return "multiclass", None
    if len(values) < 2:
        held = f"is {_plain(values[0])!r} in every row" if values else "has no value in any row"
        raise SpecError(
            f"The label {name!r} {held} of the sample, so there is nothing to learn. Name another column."
        )
    raise SpecError(
        f"The label {name!r} has {len(values)} different values of type {label.dtype} in the sample. It must "
        f"have two values (classification), {FEWEST_CLASSES} to {MOST_CLASSES} texts (several classes) or be a number "
        f"(regression).{_no_number(label)}"
    )


def _no_number(label: pl.Series) -> str:
    """Name the first text that is no number, among texts that mostly are."""
    texts = label.drop_nulls().to_list() if _is_text(label) else []
    words = [text for text in texts if not NUMBER.match(text)]
    if not words or 2 * len(words) > len(texts):
        return ""
    return (
        f" Most of its texts are numbers, and {words[0]!r} is none: leave such fields of the file empty, or write the "
        "declaration by hand, with that word in source.read.null_values."
    )


def _constant_loss(label: pl.Series, task: Task) -> float:
    if task == "regression":
        values = label.cast(pl.Float64)
        return float((values - values.median()).abs().mean())  # type: ignore[arg-type]
    shares = label.rename("value").value_counts(name="rows")["rows"] / len(label)
    return float(-(shares * shares.log()).sum())


def _classes(label: pl.Series) -> tuple[Any, ...]:
    values = label.unique().sort().to_list()
    whole = label.dtype.is_integer() or (
        label.dtype.is_float() and all(value.is_integer() for value in values)
    )
    if FEWEST_CLASSES <= len(values) <= (MOST_CLASSES if _is_text(label) else MOST_NUMBERED_CLASSES * whole):
        return tuple(map(_plain, values))
    return ()


def _is_text(label: pl.Series) -> bool:
    return label.dtype in (pl.String, pl.Categorical, pl.Enum)


def _rarer(label: pl.Series) -> Any:
    counts = label.rename("value").value_counts(name="rows").sort("rows", "value")
    return counts["value"][0]


def _plain(value: Any) -> Any:
    """A whole number without its decimal point: CSV has no integers of its own, and YAML no decimals."""
    if isinstance(value, Decimal):
        value = float(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _profile(column: pl.Series, label: pl.Series, task: Task) -> ColumnProfile:
    taken = kind(column)
    if taken == "time":
        return ColumnProfile(column.name, taken, _TIME)
    return ColumnProfile(column.name, taken, suspicion(column, label, classification=task != "regression"))


def kind(column: pl.Series) -> Kind:
    """How a model could take a column, by its type and its first texts."""
    if column.dtype.is_temporal():
        return "time"
    if column.dtype.is_numeric() or column.dtype == pl.Boolean:
        return "numeric"
    return "time" if column.dtype == pl.String and _are_times(column) else "categorical"


def _are_times(column: pl.Series) -> bool:
    from retrain_assets.training_data.sources.timestamps import common_form

    texts = column.drop_nulls().str.strip_chars()
    texts = texts.filter(~texts.is_in(MISSING)).head(1000)
    if texts.is_empty():
        return False
    return all(map(_ISO_TIME.match, texts)) or common_form(texts) is not None


def _key(rows: pl.DataFrame, others: Sequence[str]) -> str | None:
    """The column that identifies a row: by its name, or because it is the first of the table."""
    for name in others:
        if (is_identifier(name) or name == rows.columns[0]) and is_unique(rows[name]):
            return name
    return None


def _rhythm(times: pl.Series) -> tuple[Period, timedelta, str]:
    days = times.dt.epoch("d")
    span = int(days.max()) - int(days.min()) + 1  # type: ignore[arg-type]
    busy = days.n_unique()
    a_day = len(times) / span
    block = "1d" if busy >= span / 3 else "row"
    partition: Period
    if a_day >= 300:
        partition = "daily"
    elif a_day >= 30 and block == "1d":
        partition = "weekly"
    else:
        partition = "monthly"
    shortest = {"daily": 7, "weekly": 14, "monthly": 31}[partition]
    if block == "1d":
        shortest = max(shortest, 7 * math.ceil(span / busy))
    return partition, timedelta(days=max(shortest, min(90, span // 8))), block
