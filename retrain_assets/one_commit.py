"""Replacing partitions of a Delta table file by file, in one commit that overtakes nobody.

Delta's own writer keeps the encoded rows of all partitions until the last one is written. Here one part at a
time is in memory, whatever the table's size.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import polars as pl
from deltalake import CommitProperties, DeltaTable
from deltalake.exceptions import CommitFailedError
from deltalake.transaction import AddAction, RemoveAction

from retrain_assets.delta_frames import NamedFiles, stored, stored_schema
from retrain_assets.lake import TABLE_PROPERTIES, Lake

if TYPE_CHECKING:
    import pyarrow as pa

_KEY = "partition_key"
_MARK = b"retrain_assets.mark"


def opened(lake: Lake, table: str, schema: Mapping[str, pl.DataType]) -> tuple[DeltaTable, bool]:
    """Open a table, which is made without rows and mark where there is none yet; and say whether it was."""
    handle = lake.open(table)
    if handle is not None:
        return handle, False
    if "://" not in lake.uri(table):
        Path(lake.uri(table)).mkdir(parents=True, exist_ok=True)
    made = NamedFiles.create(
        lake.uri(table),
        stored_schema(pl.DataFrame(schema=schema)),
        mode="ignore",
        partition_by=[_KEY],
        storage_options=lake.storage_options,
        configuration=TABLE_PROPERTIES,
    )
    return made, True


def mark_of(handle: DeltaTable) -> str | None:
    """Read the mark that a table's rows were put under; None where they carry none."""
    key = next(field for field in handle.schema().fields if field.name == _KEY)
    mark: str | None = key.metadata.get(_MARK.decode())
    return mark


def put_partitions(
    lake: Lake,
    table: str,
    handle: DeltaTable,
    parts: Iterable[pl.DataFrame],
    *,
    schema: Mapping[str, pl.DataType],
    mark: str,
    keys: Sequence[str] | None,
) -> int | None:
    """Put rows in the place of partitions, in one commit on top of the version that was read.

    The mark is metadata of the column ``partition_key`` in the table's schema, so that the rows and what they
    were made by are one commit: a crash leaves both as they were.

    Parameters
    ----------
    lake
        The pipeline's tables.
    table
        The table's name; it is partitioned by ``partition_key``.
    handle
        The table as it was read.
    parts
        The new rows, one file each: non-empty frames of one partition, in the columns of ``schema``.
    schema
        The table's columns from then on.
    mark
        What the rows are made by.
    keys
        The partitions that are replaced, all that ``parts`` have rows of among them; one without rows becomes
        empty. None replaces the whole table.

    Returns
    -------
    int or None
        The table's version that holds the rows. None where somebody else committed since the table was read: it
        is as they left it. What was written for nothing belongs to no version, and Delta's vacuum removes it.

    Raises
    ------
    CommitFailedError
        When the commit failed though nobody else committed.
    """
    read = handle.version()
    files: list[AddAction | RemoveAction] = list(_written(lake, table, parts))
    try:
        handle.create_write_transaction(
            files,
            "overwrite",
            _marked(schema, mark),
            partition_by=[_KEY],
            partition_filters=None if keys is None else [(_KEY, "in", list(keys))],
            # A commit that is tried again would replace what was written since.
            commit_properties=CommitProperties(max_commit_retries=0),
        )
    except CommitFailedError:
        if lake.version(table) == read:
            raise
        return None
    return read + 1


def _written(lake: Lake, table: str, parts: Iterable[pl.DataFrame]) -> Iterator[AddAction]:
    from obstore.store import LocalStore, from_url

    place = lake.uri(table)
    store = from_url(place, config=lake.storage_options) if "://" in place else LocalStore(place, mkdir=True)
    for part in parts:
        key = part[_KEY][0]
        path = f"{_KEY}={key}/{uuid4()}.parquet"
        file = BytesIO()
        stored(part.drop(_KEY)).write_parquet(file)
        store.put(path, file.getvalue())
        yield AddAction(
            path=path,
            size=file.tell(),
            partition_values={_KEY: key},
            modification_time=int(time.time() * 1000),
            data_change=True,
            stats=json.dumps({"numRecords": part.height}),
        )


def _marked(schema: Mapping[str, pl.DataType], mark: str) -> pa.Schema:
    arrow = stored_schema(pl.DataFrame(schema=schema))
    place = arrow.get_field_index(_KEY)
    marked: pa.Schema = arrow.set(place, arrow.field(place).with_metadata({_MARK: mark.encode()}))
    return marked
