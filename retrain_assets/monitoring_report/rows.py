"""The rows that a champion has scored and whose labels are in, and spans of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retrain_assets.arrays import FloatArray
from retrain_assets.scores import is_scored, scores_of
from retrain_assets.windows import TimeColumns

DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class LabelledRows:
    """Rows since a promotion, with score and label, in the order of time.

    Holds all that a range of partitions needs; what was known at a moment is cut from it by :meth:`between`,
    so that a range is not joined again for every partition.

    Parameters
    ----------
    frame
        The columns of the source that are needed and those of the scores, sorted by the timestamp.
    y
        Labels, shape (n,): 0 or 1, or codes of classes, in classification, numbers in regression.
    columns
        The time columns.
    weight
        Column of sample weights.
    start, end
        Bounds of a span, end exclusive; None before one is cut.
    """

    frame: pl.DataFrame
    y: FloatArray
    columns: TimeColumns
    weight: str | None = None
    start: datetime | None = None
    end: datetime | None = None

    @classmethod
    def of(
        cls, frame: pl.DataFrame, y: FloatArray, columns: TimeColumns, weight: str | None = None
    ) -> LabelledRows:
        """Put scored rows and their labels in order; those without score, label or weight are left out."""
        weighs = (
            pl.lit(value=True) if weight is None else pl.col(weight).cast(pl.Float64).fill_nan(None).ne(0)
        )
        order = (
            frame.select(
                pl.int_range(pl.len()).alias("at"),
                pl.col(columns.timestamp).alias("time"),
                pl.Series("whole", is_scored(scores_of(frame["score"])) & np.isfinite(y)),
                weighs.alias("weighs"),
            )
            .filter("whole", "weighs")
            .sort("time", maintain_order=True)["at"]
        )
        return cls(frame[order], np.asarray(y, dtype=np.float64)[order.to_numpy()], columns, weight)

    def between(self, start: datetime, end: datetime, as_of: datetime) -> LabelledRows:
        """Rows of ``[start, end)`` whose label is mature and known at ``as_of``."""
        last = min(end, as_of - self.columns.delay + TICK, as_of)
        times = self.frame[self.columns.timestamp]
        first, after = times.search_sorted(start, "left"), times.search_sorted(last, "left")
        frame, y = self.frame[first:after], self.y[first:after]
        known = self.columns.known(as_of)
        if known:
            mask = frame.select(pl.all_horizontal(known)).to_series()
            mask = mask.fill_null(value=False)
            frame, y = frame.filter(mask), y[mask.to_numpy()]
        return LabelledRows(frame, y, self.columns, self.weight, start, last)

    @property
    def score(self) -> FloatArray:
        """Scores, shape (n,), or (n, k) for k classes."""
        return scores_of(self.frame["score"])

    @property
    def weights(self) -> FloatArray | None:
        """Sample weights, shape (n,); None where all rows weigh alike."""
        return None if self.weight is None else self.frame[self.weight].cast(pl.Float64).to_numpy()

    def days(self) -> NDArray[np.int64]:
        """Count each row's day, by 24 hours back from the end of the span; shape (n,).

        What remains at the beginning and is shorter than a day belongs to the first whole one.

        Raises
        ------
        ValueError
            When the rows are no span.
        """
        if self.start is None or self.end is None:
            raise ValueError("days are counted within a span: cut one by between()")
        times = self.frame[self.columns.timestamp].dt.cast_time_unit("us").to_physical().to_numpy()
        last = pl.Series([self.end - TICK], dtype=pl.Datetime("us", "UTC")).to_physical()[0]
        whole = max((self.end - self.start) // DAY, 1)
        numbers: NDArray[np.int64] = np.minimum((last - times) // (DAY // TICK), whole - 1)
        return numbers
