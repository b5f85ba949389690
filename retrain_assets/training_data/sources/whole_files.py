"""Files that hold many partitions: rows are selected by their timestamp."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
import polars as pl

from retrain_assets.errors import PartitionError, SourceError
from retrain_assets.spec import PipelineSpec
from retrain_assets.training_data.hashing import digest
from retrain_assets.training_data.sources.delivery import Delivery, Fingerprints, Wanted
from retrain_assets.training_data.sources.emptiness import check_earliest, no_file
from retrain_assets.training_data.sources.file_access import (
    Contents,
    FileAccess,
    FileCache,
    changed_while_read,
)
from retrain_assets.training_data.sources.file_stores import StoredFile
from retrain_assets.training_data.sources.file_table import Table
from retrain_assets.training_data.sources.stacked_files import stack
from retrain_assets.training_data.sources.timed_table import TIMELESS, TimedTable, keys_of
from retrain_assets.windows import Partitions


class WholeFiles:
    """One file, or all files of a glob, taken as one table.

    A row without a readable time belongs to the first partition of the files, where it is judged.

    Parameters
    ----------
    spec
        The declaration.
    access
        Its files.
    """

    def __init__(self, spec: PipelineSpec, access: FileAccess) -> None:
        self._spec = spec
        self._start = spec.source.start
        self._access = access

    @property
    def address(self) -> str:
        """The declared path."""
        return self._access.address

    def columns(self) -> dict[str, pl.DataType] | None:
        """Read the schema of the last file that can be read."""
        return self._access.look(self._access.files(), Table.schema)

    def head(self, columns: Sequence[str]) -> pl.DataFrame | None:
        """Read the first rows of the last file that can be read."""
        return self._access.look(self._access.files(), lambda table: table.head(columns))

    def nothing(self) -> str | None:
        """Say that no file is there yet."""
        return None if self._access.files() else no_file(self.address)

    def earliest(self) -> datetime | None:
        """Find the earliest timestamp, UTC."""
        found = min((bounds[0] for bounds in self._bounds()), default=None)
        check_earliest(found, self._start, self.address)
        return found

    def latest(self) -> datetime | None:
        """Find the latest timestamp, UTC."""
        return max((bounds[1] for bounds in self._bounds()), default=None)

    def fingerprints(
        self, partitions: Partitions, keys: Sequence[str], known: Mapping[str, str], cursor: str | None
    ) -> Fingerprints:
        """Fingerprint of each partition's rows, whatever their order; only a changed file is read.

        A partition that was withheld for what the files hold elsewhere is known by the fingerprint of all periods that
        are over.
        """
        cache = FileCache(self._access, cursor)
        files = self._access.files()
        if not files:
            raise SourceError(no_file(self.address))
        try:
            fingerprints, _ = self._fingerprints(partitions, files, cache)
        except PartitionError as error:
            raise SourceError(str(error)) from None
        except FileNotFoundError as error:
            raise SourceError(
                f"{error.filename}: the file went away while it was read; it is read again at the next tick."
            ) from None
        wanted = Wanted(keys, self._start)
        whole = _whole(partitions, fingerprints)
        found = {
            key: whole if known.get(key) == whole else value
            for key, value in fingerprints.items()
            if key in wanted
        }
        return Fingerprints(found, cache.cursor())

    def read(self, partitions: Partitions, keys: Sequence[str]) -> Iterator[Delivery]:
        """Deliver partitions from one scan of the files."""
        files = self._access.files()
        addresses = tuple(file.address for file in files)
        keys = sorted(keys)
        problem: str | None = None
        split: dict[str, pl.DataFrame] = {}
        fingerprints: dict[str, str] = {}
        try:
            if not files:
                raise PartitionError(
                    f"{self.address}: there is no such file. Deliver it, or mend source.path."
                )
            fingerprints, first = self._fingerprints(partitions, files, FileCache(self._access, None))
            split = self._split(partitions, keys, files, first)
        except PartitionError as error:
            problem = str(error)
        except FileNotFoundError:
            problem = None
        if not self._access.unchanged(files):
            for key in keys:
                yield Delivery(key, None, addresses, "", changed_while_read(key, files))
            return
        whole = _whole(partitions, fingerprints)
        for key in keys:
            frame = None if problem else split.pop(key)
            fingerprint = fingerprints.get(key, "")
            yield Delivery(key, frame, addresses, fingerprint, problem, whole if fingerprint else "")

    def _fingerprints(
        self, partitions: Partitions, files: Sequence[StoredFile], cache: FileCache
    ) -> tuple[dict[str, str], str | None]:
        """Fingerprints by partition, and the partition that rows without a time belong to."""
        total: Contents = {}
        for file in files:
            known = cache.look(file)
            if known.contents is None:
                known.contents = self._table(file).contents(partitions)
            for key, (value, rows) in known.contents.items():
                before = total.get(key, (0, 0))
                total[key] = ((before[0] + value) % 2**64, before[1] + rows)
        timeless = total.pop(TIMELESS, None)
        if timeless is not None and not total:
            raise PartitionError(self._unreadable())
        oldest = min(total, default=None)
        check_earliest(None if oldest is None else datetime.fromisoformat(oldest), self._start, self.address)
        first = min((key for key in total if key >= self._first_key(partitions)), default=None)
        if timeless is not None and first is not None:
            total[first] = ((total[first][0] + timeless[0]) % 2**64, total[first][1] + timeless[1])
        return {
            key: digest([self._access.tag, str(value), str(rows)]) for key, (value, rows) in total.items()
        }, first

    def _unreadable(self) -> str:
        source = self._spec.source
        form = source.read.timestamp_format
        mend = (
            "Declare its form in source.read.timestamp_format, such as '%d/%m/%Y %H:%M'"
            if form is None
            else f"Mend source.read.timestamp_format, which is {form!r}"
        )
        return (
            f"{self.address}: no value of the column {source.timestamp!r} can be read as a time. {mend}, or name "
            "another column in source.timestamp."
        )

    def _first_key(self, partitions: Partitions) -> str:
        return "" if self._start is None else partitions.key_of_day(self._start)

    def _split(
        self, partitions: Partitions, keys: Sequence[str], files: Sequence[StoredFile], first: str | None
    ) -> dict[str, pl.DataFrame]:
        """Rows of each partition, in the files' order."""
        low, high = partitions.bounds(keys[0])[0], partitions.bounds(keys[-1])[1]
        tables = [self._table(file) for file in files]
        frames = [table.rows(low, high) for table in tables]
        times = pl.concat([table.times(frame) for table, frame in zip(tables, frames, strict=True)])
        rows = stack(frames, files)
        del frames
        places = {key: place for place, key in enumerate(keys)}
        codes = (
            keys_of(partitions, times)
            .fill_null(TIMELESS if first is None else first)
            .replace_strict(list(places), list(places.values()), default=len(keys), return_dtype=pl.UInt32)
        )
        if not codes.is_sorted():
            order = codes.arg_sort()
            rows, codes = rows[order], codes.gather(order)
        ends = np.searchsorted(codes.to_numpy(), np.arange(len(keys)), side="right")
        starts = [0, *ends[:-1]]
        return {
            key: rows.slice(int(start), int(end - start))
            for key, start, end in zip(keys, starts, ends, strict=True)
        }

    def _bounds(self) -> Iterator[tuple[datetime, datetime]]:
        for file in self._access.files():
            try:
                span = self._table(file).span()
            except PartitionError as error:
                raise SourceError(str(error)) from None
            if span is not None:
                yield span

    def _table(self, file: StoredFile) -> TimedTable:
        return TimedTable(self._spec, self._access.table(file), file.address)


def _whole(partitions: Partitions, fingerprints: Mapping[str, str]) -> str:
    """Fingerprint of all periods that are over: the present one may grow by the minute."""
    present = partitions.key_of(datetime.now(UTC))
    return digest([part for item in sorted(fingerprints.items()) if item[0] < present for part in item])
