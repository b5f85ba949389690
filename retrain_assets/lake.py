"""The lake: one folder of Delta tables a pipeline, each change one atomic commit."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl
from deltalake import CommitProperties, DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from retrain_assets.delta_frames import NamedFiles, batches, scan_table, stored_schema, widens
from retrain_assets.errors import LakeError
from retrain_assets.home import home
from retrain_assets.lake_tables import PARTITIONED_TABLES, SCHEMAS

TABLE_PROPERTIES: dict[str, str | None] = {
    # Opening a table reads its log since the last checkpoint, a third of a millisecond a commit.
    "delta.checkpointInterval": "10",
    # A checkpoint would remove the log of versions that are a month old; a model names the version it was fitted on.
    "delta.enableExpiredLogCleanup": "false",
}

_UNFIT = re.compile(r"[][=^?|\\]|%[0-9A-Fa-f]{2}")


class Lake:
    """The Delta tables of one pipeline.

    Parameters
    ----------
    name
        The pipeline's name.
    root
        Folder or object store address of all pipelines' tables; default: ``lake`` in the home folder, or
        ``RETRAIN_ASSETS_LAKE``.
    storage_options
        Options of the object store.

    Raises
    ------
    LakeError
        When the folder's path holds a sign that Delta Lake or Polars takes for another than it is.
    """

    def __init__(
        self, name: str, root: str | None = None, storage_options: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.root = root or os.environ.get("RETRAIN_ASSETS_LAKE") or str(home() / "lake")
        self.storage_options = dict(storage_options or {})
        unfit = _UNFIT.search(self.root) if self._is_local else None
        if unfit is not None:
            raise LakeError(
                f"{self.root}: tables cannot be in a folder whose path holds {unfit[0]!r}. Set RETRAIN_ASSETS_HOME or "
                "RETRAIN_ASSETS_LAKE to another folder."
            )

    @cached_property
    def _is_local(self) -> bool:
        return "://" not in self.root

    def uri(self, table: str) -> str:
        """Address of a table."""
        return f"{self.root}/{self.name}/{table}"

    def open(self, table: str, version: int | None = None) -> DeltaTable | None:
        """Handle of a table that nobody else has, to write through; None where the table does not exist yet."""
        if self._is_local and not Path(self.uri(table), "_delta_log").is_dir():
            return None
        try:
            return NamedFiles(self.uri(table), version=version, storage_options=self.storage_options)
        except TableNotFoundError:
            return None
        except DeltaError as error:
            raise self._unreadable(table, error) from error

    def snapshot(self, table: str) -> DeltaTable | None:
        """Newest state of a table, to read only: the handle is shared while nothing is committed."""
        commit = _newest_commit(Path(self.uri(table), "_delta_log")) if self._is_local else None
        if commit is None:
            return self.open(table)
        known = _SNAPSHOTS.get(self.uri(table))
        if known is None or known.commit != commit:
            # Opening reads the whole log; a sensor reads every table each minute, a replay thousands of times.
            try:
                known = _SNAPSHOTS[self.uri(table)] = _Snapshot(commit, NamedFiles(self.uri(table)))
            except DeltaError as error:
                raise self._unreadable(table, error) from error
        return known.handle

    def _unreadable(self, table: str, error: DeltaError) -> LakeError:
        said = str(error).partition("\n")[0]
        return LakeError(
            f"The table {table} of {self.name} cannot be opened ({said}). Its log in {self.uri(table)}/_delta_log is "
            "damaged: put the folder back from a backup."
        )

    def exists(self, table: str) -> bool:
        """Whether a table has been created."""
        return self.snapshot(table) is not None

    def version(self, table: str) -> int | None:
        """Newest version of a table, or None where it does not exist yet."""
        handle = self.snapshot(table)
        return None if handle is None else handle.version()

    def schema(self, table: str) -> dict[str, pl.DataType] | None:
        """Columns of a table with their Polars types, or None where it does not exist yet.

        A column that has had no value yet has the type ``Null``.
        """
        handle = self.snapshot(table)
        return None if handle is None else dict(scan_table(handle).collect_schema())

    def scan(self, table: str, version: int | None = None) -> pl.LazyFrame:
        """Rows of a table; where it does not exist yet, no rows with the table's known columns."""
        handle = self.snapshot(table) if version is None else self.open(table, version)
        if handle is None:
            return pl.LazyFrame(schema=SCHEMAS.get(table, {"partition_key": pl.String()}))
        return scan_table(handle)

    def read(self, table: str) -> pl.DataFrame:
        """All rows of a small table, read once while nothing is committed: sensors ask for the same ones each tick."""
        handle = self.snapshot(table)
        known = _SNAPSHOTS.get(self.uri(table))
        if known is None or known.handle is not handle:
            return self.scan(table).collect()
        if known.rows is None:
            known.rows = scan_table(known.handle).collect()
        # Not the frame itself: who changes it in place would change it for everybody.
        return known.rows.clone()

    def rows(self, table: str, keys: Sequence[str], version: int | None = None) -> pl.LazyFrame:
        """Rows of some partitions of a table."""
        return self.scan(table, version).filter(pl.col("partition_key").is_in(list(keys)))

    def partition_keys(self, table: str) -> set[str]:
        """Keys of the partitions that have rows in one of ``PARTITIONED_TABLES``, by its log alone."""
        handle = self.snapshot(table)
        return set() if handle is None else {part["partition_key"] for part in handle.partitions()}

    def replace_partitions(
        self, table: str, frame: pl.DataFrame, keys: Sequence[str], read: DeltaTable | None = None
    ) -> None:
        """Put ``frame`` in the place of all rows of some partitions, in one commit.

        A column of ``frame`` that the table lacks, or that had no value before, is null in the rows that stay.

        Parameters
        ----------
        table
            The table's name.
        frame
            The new rows, with a column ``partition_key`` that holds none but ``keys``.
        keys
            The partitions that are replaced; one without rows in ``frame`` becomes empty.
        read
            The table as it was when ``frame`` was made of its rows; default: whatever is there is replaced.

        Raises
        ------
        LakeError
            When another run replaced partitions of the table at the same time, or wrote to it since it was ``read``.
        """
        if not keys:
            return
        partition_by = ["partition_key"] if table in PARTITIONED_TABLES else None
        handle = read or self.open(table)
        if handle is None:
            write_deltalake(
                self._created(table, frame, partition_by),
                batches(frame),
                mode="append",
            )
            return
        listed = ", ".join("'" + key.replace("'", "''") + "'" for key in keys)
        before = handle.version()
        # A commit that is tried again goes on top of what was written since.
        properties = None if read is None else CommitProperties(max_commit_retries=0)
        try:
            if widens(frame, handle):
                staying = scan_table(handle).filter(~pl.col("partition_key").is_in(list(keys)))
                self._rewrite(handle, staying, frame, properties)
            else:
                write_deltalake(
                    handle,
                    batches(frame),
                    mode="overwrite",
                    predicate=f"partition_key in ({listed})",
                    commit_properties=properties,
                )
        except CommitFailedError as error:
            if self.version(table) == before:
                raise
            raise LakeError(
                f"The table {table} of {self.name} was written to by another run at the same time, so that it "
                "holds what that run wrote. Start this run again when the other one has ended."
            ) from error

    def append(self, table: str, frame: pl.DataFrame) -> None:
        """Add rows to a table in one commit; columns may be new as in :meth:`replace_partitions`."""
        partition_by = ["partition_key"] if table in PARTITIONED_TABLES else None
        handle = self.open(table) or self._created(table, frame, partition_by)
        if widens(frame, handle):
            self._rewrite(handle, scan_table(handle), frame)
        else:
            write_deltalake(handle, batches(frame), mode="append")

    def _rewrite(
        self,
        handle: DeltaTable,
        staying: pl.LazyFrame,
        frame: pl.DataFrame,
        properties: CommitProperties | None = None,
    ) -> None:
        """Write a whole table again, as Delta changes no column's type in place."""
        write_deltalake(
            handle,
            batches(pl.concat([staying.collect(), frame], how="diagonal_relaxed")),
            mode="overwrite",
            schema_mode="overwrite",
            partition_by=handle.metadata().partition_columns or None,
            commit_properties=properties,
        )

    def _created(self, table: str, frame: pl.DataFrame, partition_by: list[str] | None) -> DeltaTable:
        if self._is_local:
            Path(self.uri(table)).mkdir(parents=True, exist_ok=True)
        return NamedFiles.create(
            self.uri(table),
            stored_schema(frame),
            mode="ignore",
            partition_by=partition_by,
            storage_options=self.storage_options,
            configuration=TABLE_PROPERTIES,
        )


@dataclass
class _Snapshot:
    """A local table as it was opened at its newest commit, and its rows once they were read as a whole."""

    commit: tuple[str, int, int]
    handle: DeltaTable
    rows: pl.DataFrame | None = None


_SNAPSHOTS: dict[str, _Snapshot] = {}
"""By address of a table in this process."""


def _newest_commit(log: Path) -> tuple[str, int, int] | None:
    """Identity of a local table's newest commit: the file's name, inode and time; None where there is none."""
    try:
        names = (entry.name for entry in os.scandir(log))
        newest = max((name for name in names if name.endswith(".json") and name[:20].isdigit()), default=None)
        found = None if newest is None else (log / newest).stat()
    except FileNotFoundError:
        return None
    return None if newest is None or found is None else (newest, found.st_ino, found.st_mtime_ns)
