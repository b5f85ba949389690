"""Files that hold many partitions: rows are selected by their timestamp."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
import polars as pl

from retrain_assets.errors import PartitionError, SourceError
from retrain_assets.spec import PipelineSpec
from retrain_assets.spec.base import suggest
from retrain_assets.training_data.hashing import Hashes, digest, line_hashes, mix, row_hashes
from retrain_assets.training_data.sources.delivery import Delivery, Fingerprints
from retrain_assets.training_data.sources.file_access import (
    Contents,
    FileAccess,
    FileCache,
    changed_while_read,
    stack,
)
from retrain_assets.training_data.sources.file_stores import StoredFile
from retrain_assets.training_data.sources.timestamps import to_utc, utc_expr
from retrain_assets.windows import Partitions

_NO_TIME = ""


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
        self._timestamp = spec.source.timestamp
        self._format = spec.source.read.timestamp_format
        self._timezone = spec.timezone
        self._start = spec.source.start
        self._access = access

    @property
    def address(self) -> str:
        """The declared path."""
        return self._access.address

    def columns(self) -> dict[str, pl.DataType] | None:
        """Read the schema of the last file that can be read."""
        for file in self._access.files()[::-1][:3]:
            try:
                return self._access.table(file).schema()
            except PartitionError:
                continue
        return None

    def earliest(self) -> datetime | None:
        """Find the earliest timestamp, UTC."""
        return min((bounds[0] for bounds in self._bounds()), default=None)

    def latest(self) -> datetime | None:
        """Find the latest timestamp, UTC."""
        return max((bounds[1] for bounds in self._bounds()), default=None)

    def fingerprints(
        self, partitions: Partitions, keys: Sequence[str], known: Mapping[str, str], cursor: str | None
    ) -> Fingerprints:
        """Fingerprint of each partition's rows, whatever their order; only a changed file is read."""
        del known
        cache = FileCache(self._access, cursor)
        try:
            fingerprints, _ = self._fingerprints(partitions, self._access.files(), cache)
        except PartitionError as error:
            raise SourceError(str(error)) from None
        except FileNotFoundError as error:
            raise SourceError(
                f"{error.filename}: the file went away while it was read; it is read again at the next tick."
            ) from None
        wanted = set(keys)
        return Fingerprints(
            {key: value for key, value in fingerprints.items() if key in wanted}, cache.cursor()
        )

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
        for key in keys:
            frame = None if problem else split.pop(key)
            yield Delivery(key, frame, addresses, fingerprints.get(key, ""), problem)

    def _fingerprints(
        self, partitions: Partitions, files: Sequence[StoredFile], cache: FileCache
    ) -> tuple[dict[str, str], str | None]:
        """Fingerprints by partition, and the partition that rows without a time belong to."""
        total: Contents = {}
        for file in files:
            known = cache.look(file)
            if known.contents is None:
                known.contents = self._contents(partitions, file)
            for key, (value, rows) in known.contents.items():
                before = total.get(key, (0, 0))
                total[key] = ((before[0] + value) % 2**64, before[1] + rows)
        timeless = total.pop(_NO_TIME, None)
        first = min((key for key in total if key >= self._first_key(partitions)), default=None)
        if timeless is not None and first is not None:
            total[first] = ((total[first][0] + timeless[0]) % 2**64, total[first][1] + timeless[1])
        return {
            key: digest([self._access.tag, str(value), str(rows)]) for key, (value, rows) in total.items()
        }, first

    def _first_key(self, partitions: Partitions) -> str:
        if self._start is None:
            return ""
        return partitions.key_of(
            datetime(self._start.year, self._start.month, self._start.day, 12, tzinfo=UTC)
        )

    def _contents(self, partitions: Partitions, file: StoredFile) -> Contents:
        table = self._access.table(file)
        if table.is_csv:
            texts = table.texts()
            self._require(texts.columns, file)
            times = self._times(texts.get_column(self._timestamp), file)
            hashes = line_hashes(texts)
        else:
            names = table.names()
            self._require(names, file)
            times = self._times(table.column(self._timestamp), file)
            hashes = row_hashes(_alike((table.column(name) for name in names), len(times), file), len(times))
        return _sums(_keys(partitions, times).fill_null(_NO_TIME), mix(hashes))

    def _split(
        self, partitions: Partitions, keys: Sequence[str], files: Sequence[StoredFile], first: str | None
    ) -> dict[str, pl.DataFrame]:
        """Rows of each partition, in the files' order."""
        low, high = partitions.bounds(keys[0])[0], partitions.bounds(keys[-1])[1]
        frames = [self._rows(file, low, high) for file in files]
        times = pl.concat(
            [
                self._times(frame.get_column(self._timestamp), file)
                for frame, file in zip(frames, files, strict=True)
            ]
        )
        rows = stack(frames, files)
        del frames
        places = {key: place for place, key in enumerate(keys)}
        codes = (
            _keys(partitions, times)
            .fill_null(first)
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

    def _rows(self, file: StoredFile, low: datetime, high: datetime) -> pl.DataFrame:
        """Rows of a file that may lie in ``[low, high)``, and those without a time."""
        table = self._access.table(file)
        if table.is_csv:
            frame = table.frame()
            self._require(frame.columns, file)
            return frame
        schema = table.schema()
        self._require(list(schema), file)
        dtype = schema[self._timestamp]
        if not isinstance(dtype, pl.Datetime | pl.Date):
            return table.frame()
        time = utc_expr(self._timestamp, dtype, self._timezone)
        return table.frame(((time >= low) & (time < high)) | time.is_null())

    def _bounds(self) -> Iterator[tuple[datetime, datetime]]:
        for file in self._access.files():
            try:
                table = self._access.table(file)
                self._require(table.names(), file)
                column = (
                    table.texts([self._timestamp]).to_series()
                    if table.is_csv
                    else table.column(self._timestamp)
                )
                times = self._times(column, file)
            except PartitionError as error:
                raise SourceError(str(error)) from None
            low, high = times.min(), times.max()
            if isinstance(low, datetime) and isinstance(high, datetime):
                yield low, high

    def _times(self, values: pl.Series, file: StoredFile) -> pl.Series:
        return to_utc(values, self._timezone, file.address, text_format=self._format, strict=False)

    def _require(self, names: Sequence[str], file: StoredFile) -> None:
        if self._timestamp not in names:
            raise PartitionError(
                f"{file.address}: source.timestamp: there is no column {self._timestamp!r}. "
                f"{suggest(self._timestamp, names)}"
            )


def _alike(columns: Iterator[pl.Series], height: int, file: StoredFile) -> Iterator[pl.Series]:
    """Make sure that columns read one after the other are of one file."""
    for column in columns:
        if len(column) != height:
            raise PartitionError(
                f"{file.address}: the file changed while it was read; it is read again at the next tick."
            )
        yield column


def _keys(partitions: Partitions, times: pl.Series) -> pl.Series:
    return times.to_frame("time").select(partitions.key_expr("time")).to_series()


def _sums(keys: pl.Series, hashes: Hashes) -> Contents:
    """Sum of the hashes and number of rows, by key."""
    names = keys.unique().sort()
    codes = keys.replace_strict(names, np.arange(len(names)), return_dtype=pl.UInt32).to_numpy()
    sums = np.zeros(len(names), dtype=np.uint64)
    np.add.at(sums, codes, hashes)
    counts = np.bincount(codes, minlength=len(names))
    return {name: (int(value), int(rows)) for name, value, rows in zip(names, sums, counts, strict=True)}
