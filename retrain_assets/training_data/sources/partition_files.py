"""Files whose path names the partition: a partition reads only its own files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import polars as pl

from retrain_assets.errors import PartitionError, SourceError
from retrain_assets.spec import PipelineSpec
from retrain_assets.training_data.hashing import digest
from retrain_assets.training_data.sources.delivery import Delivery, Fingerprints, Wanted
from retrain_assets.training_data.sources.emptiness import no_file
from retrain_assets.training_data.sources.file_access import FileAccess, FileCache, changed_while_read
from retrain_assets.training_data.sources.file_stores import StoredFile
from retrain_assets.training_data.sources.file_table import Table
from retrain_assets.training_data.sources.stacked_files import stack
from retrain_assets.windows import Partitions


class PartitionFiles:
    """Files whose path holds ``{partition:...}``.

    Parameters
    ----------
    spec
        The declaration.
    access
        Its files.
    """

    def __init__(self, spec: PipelineSpec, access: FileAccess) -> None:
        self._zone = ZoneInfo(spec.timezone)
        self._start = spec.source.start
        self._access = access

    @property
    def address(self) -> str:
        """The declared path."""
        return self._access.address

    def columns(self) -> dict[str, pl.DataType] | None:
        """Read the schema of the newest file that can be read."""
        return self._access.look(self._in_order(), Table.schema)

    def head(self, columns: Sequence[str]) -> pl.DataFrame | None:
        """Read the first rows of the newest file that can be read."""
        return self._access.look(self._in_order(), lambda table: table.head(columns))

    def nothing(self) -> str | None:
        """Say that no file of the form is there yet; a web server's files are not listed."""
        return None if self._access.unlisted or self._dated() else no_file(self.address)

    def earliest(self) -> datetime | None:
        """Find the earliest moment that a file's path names, UTC."""
        return min((moment for moment, _ in self._dated()), default=None)

    def latest(self) -> datetime | None:
        """Find the latest moment that a file's path names, UTC."""
        return max((moment for moment, _ in self._dated()), default=None)

    def fingerprints(
        self, partitions: Partitions, keys: Sequence[str], known: Mapping[str, str], cursor: str | None
    ) -> Fingerprints:
        """Digest each partition's files; the bytes of an unchanged file are read once only."""
        del known
        cache = FileCache(self._access, cursor)
        by_key = {}
        for key, files in self._by_key(partitions, Wanted(keys, self._start)).items():
            try:
                by_key[key] = self._fingerprint([cache.look(file).digest for file in files])
            except FileNotFoundError:
                continue  # removed since it was listed
        nothing = None if by_key else self.nothing()
        if nothing is not None:
            raise SourceError(nothing)
        return Fingerprints(by_key, cache.cursor())

    def read(self, partitions: Partitions, keys: Sequence[str]) -> Iterator[Delivery]:
        """Deliver each partition from its own files."""
        by_key = self._by_key(partitions, Wanted(keys, self._start))
        for key in sorted(keys):
            files = by_key.get(key, [])
            if files:
                yield self._deliver(key, files)
            else:
                problem = f"Partition {key}: no file of the form {self.address} is there. Deliver it."
                yield Delivery(key, None, (), "", problem)

    def _deliver(self, key: str, listed: Sequence[StoredFile]) -> Delivery:
        store = self._access.store
        addresses = tuple(file.address for file in listed)
        files = [file for address in addresses if (file := store.stat(address)) is not None]
        frame, problem, fingerprint = None, None, ""
        try:
            fingerprint = self._fingerprint([file.digest or store.digest(file) for file in files])
            frame = stack([self._access.table(file).frame() for file in files], files)
        except PartitionError as error:
            problem = str(error)
        except FileNotFoundError:
            files = []
        if len(files) < len(listed) or not self._access.unchanged(files):
            return Delivery(key, None, addresses, "", changed_while_read(key, listed))
        return Delivery(key, frame, addresses, fingerprint, problem)

    def _fingerprint(self, digests: Sequence[str]) -> str:
        return digest([self._access.tag, *sorted(digests)])

    def _dated(self) -> list[tuple[datetime, StoredFile]]:
        """Files with the moment (UTC) that each path names."""
        dated = []
        for file in self._access.files():
            moment = self._access.pattern.moment(file.address)
            if moment is not None:
                dated.append((moment.replace(tzinfo=self._zone).astimezone(UTC), file))
        return dated

    def _in_order(self) -> list[StoredFile]:
        """Files by the moment that each path names, oldest first."""
        return [file for _, file in sorted(self._dated(), key=lambda pair: pair[0])]

    def _by_key(self, partitions: Partitions, wanted: Wanted) -> dict[str, list[StoredFile]]:
        by_key: dict[str, list[StoredFile]] = {}
        if self._access.unlisted:
            for key in wanted.keys:
                address = self._access.pattern.path_at(partitions.bounds(key)[0].astimezone(self._zone))
                found = self._access.store.stat(address)
                if found is not None:
                    by_key[key] = [found]
            return by_key
        for moment, file in self._dated():
            key = partitions.key_of(moment)
            if key in wanted:
                by_key.setdefault(key, []).append(file)
        return by_key
