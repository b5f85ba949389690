"""One file whose rows belong to partitions by their timestamp."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import numpy as np
import polars as pl

from retrain_assets.errors import PartitionError
from retrain_assets.spec import PipelineSpec
from retrain_assets.spec.base import suggest
from retrain_assets.training_data.hashing import Hashes, line_hashes, mix, row_hashes
from retrain_assets.training_data.sources.file_access import Contents
from retrain_assets.training_data.sources.file_table import Table
from retrain_assets.training_data.sources.timestamps import to_utc, utc_expr
from retrain_assets.windows import Partitions

TIMELESS = ""
"""Stands for the partition of the rows without a readable time."""


class TimedTable:
    """A file and its column of timestamps.

    Parameters
    ----------
    spec
        The declaration.
    table
        The file.
    address
        Where it is, for messages.
    """

    def __init__(self, spec: PipelineSpec, table: Table, address: str) -> None:
        self._timestamp = spec.source.timestamp
        self._format = spec.source.read.timestamp_format
        self._timezone = spec.timezone
        self._table = table
        self._address = address

    def contents(self, partitions: Partitions) -> Contents:
        """Sum up the rows of each partition, whatever their order.

        Raises
        ------
        PartitionError
            When the file cannot be read, or has no such column.
        """
        if self._table.is_csv:
            texts = self._table.texts()
            self._require(texts.columns)
            times = self.times(texts)
            hashes = line_hashes(texts)
        else:
            names = self._table.names()
            self._require(names)
            times = self._utc(self._table.column(self._timestamp))
            columns = self._alike((self._table.column(name) for name in names), len(times))
            hashes = row_hashes(columns, len(times))
        return _sums(keys_of(partitions, times).fill_null(TIMELESS), mix(hashes))

    def rows(self, low: datetime, high: datetime) -> pl.DataFrame:
        """Read the rows that may lie in ``[low, high)``, and those without a time.

        Raises
        ------
        PartitionError
            When the file cannot be read, or has no such column.
        """
        if self._table.is_csv:
            frame = self._table.frame()
            self._require(frame.columns)
            return frame
        schema = self._table.schema()
        self._require(list(schema))
        dtype = schema[self._timestamp]
        if not isinstance(dtype, pl.Datetime | pl.Date):
            return self._table.frame()
        time = utc_expr(self._timestamp, dtype, self._timezone)
        return self._table.frame(((time >= low) & (time < high)) | time.is_null())

    def span(self) -> tuple[datetime, datetime] | None:
        """Find the first and the last timestamp, UTC; None for a file without any.

        Raises
        ------
        PartitionError
            When the file cannot be read, or has no such column.
        """
        self._require(self._table.names())
        if self._table.is_csv:
            times = self.times(self._table.texts([self._timestamp]))
        else:
            times = self._utc(self._table.column(self._timestamp))
        low, high = times.min(), times.max()
        return (low, high) if isinstance(low, datetime) and isinstance(high, datetime) else None

    def times(self, rows: pl.DataFrame) -> pl.Series:
        """Moments (UTC) of rows of the file; null where there is no readable time."""
        return self._utc(rows.get_column(self._timestamp))

    def _utc(self, values: pl.Series) -> pl.Series:
        return to_utc(values, self._timezone, self._address, text_format=self._format, strict=False)

    def _require(self, names: Sequence[str]) -> None:
        if self._timestamp not in names:
            raise PartitionError(
                f"{self._address}: source.timestamp: there is no column {self._timestamp!r}. "
                f"{suggest(self._timestamp, names)}"
            )

    def _alike(self, columns: Iterator[pl.Series], height: int) -> Iterator[pl.Series]:
        """Make sure that columns read one after the other are of one file."""
        for column in columns:
            if len(column) != height:
                raise PartitionError(
                    f"{self._address}: the file changed while it was read; it is read again at the next tick."
                )
            yield column


def keys_of(partitions: Partitions, times: pl.Series) -> pl.Series:
    """Partition of each moment."""
    return times.to_frame("time").select(partitions.key_expr("time")).to_series()


def _sums(keys: pl.Series, hashes: Hashes) -> Contents:
    """Sum of the hashes and number of rows, by key."""
    if keys.is_empty():
        return {}
    names = keys.unique().sort()
    codes = keys.replace_strict(names, np.arange(len(names)), return_dtype=pl.UInt32).to_numpy()
    sums = np.zeros(len(names), dtype=np.uint64)
    np.add.at(sums, codes, hashes)
    counts = np.bincount(codes, minlength=len(names))
    return {name: (int(value), int(rows)) for name, value, rows in zip(names, sums, counts, strict=True)}
