"""Blocks: groups of rows that may depend on each other, between which rows count as independent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retrain_assets.errors import SpecError, TrainingError
from retrain_assets.spec.base import format_duration, parse_duration, suggest

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Blocks:
    """The block of every row.

    Parameters
    ----------
    ids
        Shape (n,), integers from 0 to ``count - 1``.
    count
        Number of blocks that hold rows.
    noun
        What the blocks are, in the plural ("days").
    """

    ids: NDArray[np.int64]
    count: int
    noun: str


def assign_blocks(rows: pl.DataFrame, block: str, timestamp: str, start: datetime, end: datetime) -> Blocks:
    """Assign rows to blocks as declared by ``evaluation.block``.

    A duration cuts the holdout into blocks from its start on; a remainder at its end that is shorter than a
    block belongs to the last whole one, so that no block is a sliver. Blocks of less than a day are refused:
    what makes the hours of a day alike (a campaign, the weather, an outage) links neighbouring blocks too,
    and intervals come out too narrow (at an hourly autocorrelation of .9 hour blocks promote one of three
    equal models). Rows without a value in an entity column share one block, since they may be one entity.

    Parameters
    ----------
    rows
        The holdout.
    block
        A duration (``1d``), the name of a column, or ``row`` where rows are independent.
    timestamp
        The column of event times (UTC).
    start, end
        Bounds of the holdout.

    Raises
    ------
    SpecError
        When the block is a duration below one day.
    TrainingError
        When the column does not exist.
    """
    if block == "row":
        return Blocks(np.arange(rows.height, dtype=np.int64), rows.height, "rows")
    try:
        length = parse_duration(block)
    except ValueError:
        return _column_blocks(rows, block)
    if length < DAY:
        raise SpecError(
            f"evaluation.block: {block} is shorter than a day, and hours of one day are too much alike "
            "to count as independent. Declare 1d or longer, a column, or row."
        )
    return _time_blocks(rows[timestamp], length, start, end)


def _time_blocks(times: pl.Series, length: timedelta, start: datetime, end: datetime) -> Blocks:
    micro = timedelta(microseconds=1)
    origin = pl.Series([start], dtype=pl.Datetime("us", "UTC")).to_physical()[0]
    elapsed = times.dt.cast_time_unit("us").to_physical().to_numpy() - origin
    last_whole = max((end - start) // length - 1, 0)
    numbers = np.clip(elapsed // (length // micro), 0, last_whole)
    found, ids = np.unique(numbers, return_inverse=True)
    noun = "days" if length == DAY else f"blocks of {format_duration(length)}"
    return Blocks(ids.astype(np.int64), found.size, noun)


def _column_blocks(rows: pl.DataFrame, column: str) -> Blocks:
    if column not in rows.columns:
        raise TrainingError(
            f"evaluation.block: {column!r} is neither a duration, nor row, nor a column of the source. "
            f"{suggest(column, rows.columns)}"
        )
    ids = rows[column].rank("dense").fill_null(0).to_numpy().astype(np.int64)
    found, codes = np.unique(ids, return_inverse=True)
    return Blocks(codes.astype(np.int64), found.size, f"values of {column}")
