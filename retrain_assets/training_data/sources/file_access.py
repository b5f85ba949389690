"""What every source of files needs: listing, reading and a cache of what the files held."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import polars as pl

from retrain_assets.errors import PartitionError, SourceError, SpecError
from retrain_assets.spec import PipelineSpec
from retrain_assets.training_data.hashing import digest
from retrain_assets.training_data.sources.file_stores import (
    SCHEMES,
    FileStore,
    LocalFiles,
    ObjectFiles,
    StoredFile,
)
from retrain_assets.training_data.sources.file_table import Table
from retrain_assets.training_data.sources.path_pattern import PathPattern

_Seen = TypeVar("_Seen")

Contents = dict[str, tuple[int, int]]
"""By partition: the sum of the rows' hashes, and their number; the empty key holds rows without a time."""


@dataclass
class KnownFile:
    """What a file held when it was last looked at."""

    stamp: str
    digest: str
    contents: Contents | None = None


class FileAccess:
    """The files of a declared path.

    Parameters
    ----------
    spec
        The declaration.
    base
        The folder that relative paths start at.
    types
        Types that columns had before.

    Raises
    ------
    SpecError
        When the path has no valid form.
    """

    def __init__(self, spec: PipelineSpec, base: Path, types: Mapping[str, pl.DataType]) -> None:
        source = spec.source
        path = str(source.path)
        parts = urlsplit(path)
        self.remote = parts.scheme in SCHEMES
        if self.remote and ("@" in parts.netloc or (parts.query and parts.scheme in ("http", "https"))):
            # Addresses stand in messages and in quarantine.
            raise SpecError(
                f"source.path: the address of {parts.hostname} holds a user, a password or a signature. "
                "Write it without, and declare credentials in source.read.storage_options."
            )
        if not self.remote:
            path = _from(base.resolve(), Path(path).expanduser())
        self.pattern = PathPattern(path)
        self.pattern.check(source.partition)
        # A web server lists nothing: the file of each partition is asked for by its name.
        self.unlisted = parts.scheme in ("http", "https") and not self.pattern.single
        if self.unlisted and re.search(r"[*?]", path):
            raise SpecError(
                f"source.path: {self.address!r} has a wildcard, and a web server does not list its files. "
                "Name one file, or each partition's by {partition:%Y-%m-%d}."
            )
        self.store: FileStore = (
            ObjectFiles(path, source.read.storage_options) if self.remote else LocalFiles()
        )
        self._read = source.read
        self._texts = _texts(spec, types)
        declared = self._read.model_dump(mode="json", exclude={"storage_options"})
        # A mended declaration reads the same bytes differently: it makes every partition new.
        self.tag = digest([json.dumps(declared, sort_keys=True), spec.timezone, source.timestamp])[:8]
        # What a file held is kept by partition.
        self.cache_tag = f"{self.tag} {source.partition}"

    @property
    def address(self) -> str:
        """The declared path."""
        return self.pattern.text

    def files(self) -> list[StoredFile]:
        """All files of the declared path, in the order of their addresses; none where they cannot be listed.

        Raises
        ------
        SourceError
            When the store cannot be read, or the path is a folder.
        """
        if self.unlisted:
            return []
        found = self.store.list(self.pattern)
        if not found and not self.remote and Path(self.pattern.text).is_dir():
            raise SourceError(
                f"{self.pattern.text}: source.path is a folder. Name its files, such as *.parquet."
            )
        return found

    def table(self, file: StoredFile) -> Table:
        """Open one file.

        Raises
        ------
        PartitionError
            When it is empty, or of no known kind.
        """
        return Table(self.store, file, self._read, self._texts)

    def look(self, files: Sequence[StoredFile], seen: Callable[[Table], _Seen]) -> _Seen | None:
        """Look at the last of some files that can be read, of three; None without any file.

        Raises
        ------
        PartitionError
            When none of the three can be read; it tells what is wrong with the last.
        """
        problem: PartitionError | None = None
        for file in files[::-1][:3]:
            try:
                return seen(self.table(file))
            except PartitionError as error:
                problem = problem or error
        if problem is not None:
            raise problem
        return None

    def unchanged(self, before: Sequence[StoredFile]) -> bool:
        """Whether the files are still what they were."""
        for file in before:
            now = self.store.stat(file.address)
            if now is None or now.stamp != file.stamp:
                return False
        return True


class FileCache:
    """Digests and contents of files, by address, for as long as nothing about a file has changed.

    Parameters
    ----------
    access
        The files.
    cursor
        What :meth:`cursor` returned before; anything else is an empty cache.
    """

    def __init__(self, access: FileAccess, cursor: str | None) -> None:
        self._access = access
        self._before = _parse(cursor, access.cache_tag)
        self._now: dict[str, KnownFile] = {}

    def look(self, file: StoredFile) -> KnownFile:
        """Look at a file; its bytes are read only if its stamp is new."""
        known = self._now.get(file.address) or self._before.get(file.address)
        if known is None or known.stamp != file.stamp:
            content = file.digest or self._access.store.digest(file)
            same = known is not None and known.digest == content
            known = KnownFile(file.stamp, content, known.contents if same and known else None)
        self._now[file.address] = known
        return known

    def cursor(self) -> str:
        """Write down what was looked at."""
        files = {address: [known.stamp, known.digest, known.contents] for address, known in self._now.items()}
        return json.dumps({"tag": self._access.cache_tag, "files": files}, separators=(",", ":"))


def _from(folder: Path, path: Path) -> str:
    """Where a path leads that starts at a folder; without its ``..``, which no reader of a message follows."""
    parts = list(path.parts)
    while parts and parts[0] == "..":
        folder, parts = folder.parent, parts[1:]
    return str(folder.joinpath(*parts))


def _texts(spec: PipelineSpec, types: Mapping[str, pl.DataType]) -> set[str]:
    """Columns of CSV that are texts whatever stands in them: times, codes such as 007, and what was text before."""
    codes = {spec.source.key, *(spec.features.categorical or ())}
    times = {spec.source.timestamp, spec.source.known_at, spec.label.known_at}
    open_codes = {name for name in codes if types.get(str(name), pl.Null) == pl.Null}
    before = {name for name, dtype in types.items() if dtype == pl.String}
    return {name for name in {*open_codes, *times, *before} if name is not None}


def _parse(cursor: str | None, tag: str) -> dict[str, KnownFile]:
    try:
        loaded: Any = json.loads(cursor) if cursor else {}
    except ValueError:
        return {}
    if not isinstance(loaded, dict) or loaded.get("tag") != tag:
        return {}
    return {address: KnownFile(*values) for address, values in loaded["files"].items()}


def changed_while_read(key: str, files: Sequence[StoredFile]) -> str:
    """Say that a partition's files were written while they were read."""
    names = ", ".join(file.address for file in files)
    return f"Partition {key}: {names} changed while it was read; it is read again at the next tick."
