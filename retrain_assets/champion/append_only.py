"""Records that are only appended to, by compare-and-swap: the ledger, and the approvals."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl
from deltalake import CommitProperties, DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError

from retrain_assets.errors import ChampionError
from retrain_assets.lake import Lake


def create_append_only(lake: Lake, table: str, schema: Mapping[str, pl.DataType]) -> None:
    """Create a table whose rows never change, where there is none.

    Raises
    ------
    CommitFailedError
        When it cannot be created.
    """
    try:
        DeltaTable.create(
            lake.uri(table),
            pl.DataFrame(schema=schema).to_arrow().schema,
            mode="ignore",
            configuration={"delta.appendOnly": "true"},
            storage_options=lake.storage_options,
        )
    except CommitFailedError:
        # Somebody else created it at the same moment.
        if lake.version(table) is None:
            raise


def append_if_unchanged(lake: Lake, table: str, handle: DeltaTable, rows: pl.DataFrame) -> bool:
    """Append rows, if nobody has committed to the table since it was opened; returns whether they were.

    Parameters
    ----------
    lake
        The pipeline's tables.
    table
        The table's name.
    handle
        The table as it was read.
    rows
        What to append.

    Raises
    ------
    ChampionError
        When the table cannot be written.
    """
    read = handle.version()
    try:
        # Only a handle without retries compares: an append with retries, or to the table's path, succeeds
        # whatever was committed since it was read.
        write_deltalake(handle, rows, mode="append", commit_properties=CommitProperties(max_commit_retries=0))
    except CommitFailedError as error:
        if lake.version(table) == read:
            raise ChampionError(
                f"The {table} {lake.uri(table)} cannot be written ({error}). The champion is "
                "unchanged; see that the place is writable and has space, and try again."
            ) from error
        return False
    return True
