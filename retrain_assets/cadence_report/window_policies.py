"""Window policies: which parts of the past are tried, how they are written, and the rows that each chooses."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

import polars as pl

from retrain_assets.cadence_report.matrix import WindowPolicy
from retrain_assets.errors import TrainingError
from retrain_assets.spec import PipelineSpec, WindowSpec, format_duration
from retrain_assets.spec.base import parse_duration
from retrain_assets.windows import TimeColumns, Windows, training_rows

WEIGHT = "retrain_weight"
_DAY = timedelta(days=1)
_ROWS = re.compile(r"^([\d_,]+) rows$")
_HALF_LIFE = re.compile(r"^half-life (.+)$")
_FORMS = "28d (the last 28 days), 50000 rows, expanding, or half-life 28d"


def parse_window(text: str) -> WindowPolicy:
    """Read a window as it is written in the run's configuration.

    Parameters
    ----------
    text
        ``28d``, ``50000 rows``, ``expanding`` or ``half-life 28d``.

    Raises
    ------
    TrainingError
        When it is none of these.
    """
    rows, half_life = _ROWS.match(text.strip()), _HALF_LIFE.match(text.strip())
    if text.strip() == "expanding":
        return WindowPolicy("all history", "expanding")
    if rows is not None and int(number := rows.group(1).replace(",", "")) > 0:
        return WindowPolicy(f"last {int(number):,} rows", "rows", int(number))
    try:
        length = parse_duration(half_life.group(1) if half_life else text)
    except ValueError:
        length = timedelta(0)
    if not length:
        raise TrainingError(f"windows: {text!r} is no window. Write one such as {_FORMS}.")
    return _weighted(length) if half_life else _rolling(length)


def declared_window(window: WindowSpec) -> WindowPolicy:
    """Give the declaration's window as a policy."""
    if window.rows is not None:
        return WindowPolicy(f"last {window.rows:,} rows", "rows", window.rows)
    return WindowPolicy("all history", "expanding") if window.length is None else _rolling(window.length)


def choose_windows(spec: PipelineSpec, asked: Sequence[str], history: timedelta) -> tuple[WindowPolicy, ...]:
    """Choose the windows to try, the declared one first.

    Parameters
    ----------
    spec
        The declaration.
    asked
        Windows as written in the run's configuration; empty tries an eighth and a third of history, all of it,
        and all of it with a half-life of an eighth.
    history
        Length of the history.

    Raises
    ------
    TrainingError
        When one of those asked for is none.
    """
    eighth, third = (max(history // (part * _DAY), 1) * _DAY for part in (8, 3))
    usual = [_rolling(eighth), _rolling(third), WindowPolicy("all history", "expanding"), _weighted(eighth)]
    tried = [parse_window(text) for text in asked] or usual
    return tuple(dict.fromkeys((declared_window(spec.training.window), *tried)))


def known_rows(
    rows: pl.LazyFrame, policy: WindowPolicy, moment: datetime, columns: TimeColumns
) -> pl.LazyFrame:
    """Give the rows that a model is trained on at a moment, as a retrain that splits there would.

    Parameters
    ----------
    rows
        All rows of history, those of every label that was ever known.
    policy
        The window.
    moment
        What was known then may be learnt from.
    columns
        The time columns.
    """
    end = moment - columns.delay
    start = end - policy.length if isinstance(policy.length, timedelta) else None
    number = policy.length if isinstance(policy.length, int) else None
    bounds = Windows(moment, moment, start, end, moment, number)
    return training_rows(rows, bounds, columns)


def weighed(rows: pl.DataFrame, policy: WindowPolicy, moment: datetime, spec: PipelineSpec) -> pl.DataFrame:
    """Weigh rows by their age, where the policy does, in the column ``WEIGHT``; on top of declared weights."""
    if policy.half_life is None:
        return rows
    age = (moment - pl.col(spec.source.timestamp)) / policy.half_life
    declared = pl.lit(1.0) if spec.weight is None else pl.col(spec.weight).cast(pl.Float64)
    return rows.with_columns((declared * 0.5**age).alias(WEIGHT))


def _rolling(length: timedelta) -> WindowPolicy:
    return WindowPolicy(f"last {format_duration(length)}", "rolling", length)


def _weighted(half_life: timedelta) -> WindowPolicy:
    name = f"all history, half-life {format_duration(half_life)}"
    return WindowPolicy(name, "weighted", half_life=half_life)
