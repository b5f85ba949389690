"""Days of history, and at the start of which block the labels of their rows were first known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retrain_assets.arrays import FloatArray
from retrain_assets.cadence_report.matrix import IntArray
from retrain_assets.spec import PipelineSpec
from retrain_assets.windows import TimeColumns

BLOCK = "retrain_block"
DAY = "retrain_day"
KNOWN = "retrain_known"
_DAY = timedelta(days=1)
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class Days:
    """The days of the rows that judge.

    A day whose labels did not all come in between the starts of the same two blocks has an entry for each part of
    its rows: what is known of it at the start of a block are the entries that were known by then.

    Parameters
    ----------
    start
        Shape (entries,), datetime64[s]: start of the day, rising.
    block
        Shape (entries,): index of the day's block.
    known
        Shape (entries,): index of the first block at whose start all labels of the entry's rows were mature and
        known; the number of blocks where there is none.
    rows
        Shape (entries,): rows, or their weight.
    """

    start: NDArray[np.datetime64]
    block: IntArray
    known: IntArray
    rows: FloatArray

    def since(self, block: int) -> Days:
        """The days from a block on, with blocks counted from there."""
        later = self.block >= block
        return Days(self.start[later], self.block[later] - block, self.known[later] - block, self.rows[later])


def with_days(
    rows: pl.DataFrame,
    bounds: Sequence[tuple[datetime, datetime]],
    spec: PipelineSpec,
    columns: TimeColumns,
    *,
    whole_blocks: bool,
) -> tuple[pl.DataFrame, Days]:
    """Number the days of the rows that judge; a remainder shorter than a day belongs to its block's last one.

    Parameters
    ----------
    rows
        All rows, with ``BLOCK``: the block that a row judges, or null.
    bounds
        First moment of each block, and the first moment after it.
    spec
        The declaration.
    columns
        The time columns.
    whole_blocks
        Whether the loss of a day depends on all rows of its block, so that days count from the block's last label on.

    Returns
    -------
    rows : polars.DataFrame
        With ``DAY``: the row's entry among the days, and ``KNOWN``: index of the first block at whose start its own
        label was mature and known, the number of blocks where there is none. Both null where ``BLOCK`` is.
    days : Days
        The days.
    """
    length = (spec.evaluation.block_duration or _DAY) // _TICK
    starts, ends = (_microseconds(pl.Series(part)) for part in zip(*bounds, strict=True))
    last = np.maximum((ends - starts) // length - 1, 0)
    offset = np.concatenate([[0], np.cumsum(last + 1)])
    judging = rows.drop_nulls(BLOCK)
    block = judging[BLOCK].to_numpy().astype(np.int64)
    within = np.minimum(
        (_microseconds(judging[spec.source.timestamp]) - starts[block]) // length, last[block]
    )
    end = np.where(within == last[block], ends[block], starts[block] + (within + 1) * length)
    known_rows = np.searchsorted(starts, _moments(judging, columns, end), "left")
    known = known_rows
    if whole_blocks:
        latest = np.zeros(len(starts), dtype=np.int64)
        np.maximum.at(latest, block, known_rows)
        known = latest[block]
    # A day's entries follow one another, in the order in which they were known.
    found, entry = np.unique((offset[block] + within) * (len(starts) + 1) + known, return_inverse=True)
    number, known = np.divmod(found, len(starts) + 1)
    day_block = np.searchsorted(offset, number, "right") - 1
    start = (starts[day_block] + (number - offset[day_block]) * length).astype("datetime64[us]")
    weight = None if spec.weight is None else judging[spec.weight].cast(pl.Float64).to_numpy()
    counts = np.bincount(entry, weights=weight, minlength=found.size).astype(np.float64)
    marked = rows.with_columns(_placed(rows, DAY, entry), _placed(rows, KNOWN, known_rows))
    return marked, Days(start.astype("datetime64[s]"), day_block.astype(np.int64), known, counts)


def by_day(
    start: NDArray[np.datetime64], losses: FloatArray, rows: FloatArray
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Join the entries of each day.

    Parameters
    ----------
    start
        Shape (entries,): the entries' days, those of one day together.
    losses, rows
        Shape (entries,): mean losses, and their rows.

    Returns
    -------
    first, losses, rows : ndarray of shape (days,)
        Position of each day's first entry, mean loss over the day's rows, and their number.
    """
    first = np.flatnonzero(np.concatenate([[True], start[1:] != start[:-1]])) if start.size else np.arange(0)
    if first.size == start.size:
        return first, losses, rows
    sums = np.add.reduceat(np.where(rows > 0, losses * rows, 0.0), first)
    counts = np.add.reduceat(rows, first)
    with np.errstate(invalid="ignore", divide="ignore"):
        return first, sums / counts, counts


def _placed(rows: pl.DataFrame, name: str, values: IntArray) -> pl.Series:
    """A column of rows from the values of those that judge; null in others."""
    judges = rows[BLOCK].is_not_null()
    column = np.zeros(rows.height, dtype=np.int32)
    column[judges.to_numpy()] = values
    return pl.select(pl.when(judges).then(pl.Series(name, column)).alias(name)).to_series()


def _moments(judging: pl.DataFrame, columns: TimeColumns, end: IntArray) -> IntArray:
    """From when on each row counts: its day is over and mature, and the row and its label have come in."""
    moments = end + columns.delay // _TICK
    for name in filter(None, (columns.known_at, columns.label_known_at)):
        moments = np.maximum(moments, _microseconds(judging[name]))
    return moments


def _microseconds(times: pl.Series) -> IntArray:
    found: IntArray = times.dt.cast_time_unit("us").to_physical().to_numpy()
    return found
