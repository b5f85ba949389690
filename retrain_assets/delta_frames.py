"""Frames as Delta tables hold them: by parts, and with columns that have no type yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import polars as pl
from deltalake import DeltaTable

if TYPE_CHECKING:
    from pyarrow import RecordBatchReader, Schema

ROWS_A_BATCH = 10_000
_UNTYPED = pl.Decimal(1, 0)
"""Stands for the type ``Null``, which Delta lacks; no other column of the lake has it."""


class NamedFiles(DeltaTable):
    """A table whose local files are named as the file system names them.

    Delta Lake gives them as addresses, in which a space or an umlaut of a folder is encoded; Polars takes them for
    paths, and would find no file.
    """

    def file_uris(self, *arguments: Any, **named: Any) -> list[str]:
        """Paths of the table's files; addresses in an object store."""
        found = super().file_uris(*arguments, **named)
        return [file if "://" in file else unquote(file) for file in found]


def scan_table(handle: DeltaTable) -> pl.LazyFrame:
    """Rows of a table; a column that has had no value yet has the type ``Null``."""
    rows = pl.scan_delta(handle)
    untyped = [name for name, dtype in rows.collect_schema().items() if dtype == _UNTYPED]
    return rows.with_columns(pl.lit(None).alias(name) for name in untyped)


def widens(frame: pl.DataFrame, handle: DeltaTable) -> bool:
    """Whether rows bring a column that a table lacks, or the first value of one."""
    before = scan_table(handle).collect_schema()
    return any(
        name not in before or (before[name] == pl.Null and dtype != pl.Null)
        for name, dtype in frame.schema.items()
    )


def stored_schema(frame: pl.DataFrame) -> Schema:
    """Schema of a table for rows like these."""
    return stored(frame.clear()).to_arrow().schema


def batches(frame: pl.DataFrame) -> RecordBatchReader:
    """Hand a table's rows over by parts: Delta's writer keeps several copies of what it is given at once."""
    from pyarrow import RecordBatchReader

    rows = stored(frame)
    parts = (batch for part in rows.iter_slices(ROWS_A_BATCH) for batch in part.to_arrow().to_batches())
    return RecordBatchReader.from_batches(rows.clear().to_arrow().schema, parts)


def stored(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows as they are stored: a column that has no type yet gets one that stands for none."""
    return frame.with_columns(pl.selectors.by_dtype(pl.Null).cast(_UNTYPED))
