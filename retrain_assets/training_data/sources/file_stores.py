"""Files where they lie: a local folder or an object store."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from retrain_assets.errors import SourceError
from retrain_assets.training_data.sources.path_pattern import PathPattern

if TYPE_CHECKING:
    from obstore.store import ObjectStore

SCHEMES = ("s3", "s3a", "gs", "az", "https", "http")

_CLIENT_OPTIONS = frozenset(
    {"allow_http", "allow_invalid_certificates", "connect_timeout", "proxy_url", "timeout", "user_agent"}
)
_PREFIXES = {"s3": "aws_", "s3a": "aws_", "gs": "google_", "az": "azure_"}


@dataclass(frozen=True)
class StoredFile:
    """A file at one moment.

    Parameters
    ----------
    address
        Local path or address; what Polars reads, and what messages name.
    size
        Bytes.
    stamp
        Differs whenever the content may differ.
    digest
        Identity of the content, where the store knows it.
    """

    address: str
    size: int
    stamp: str
    digest: str | None = None


class FileStore(Protocol):
    """Where files lie."""

    def list(self, pattern: PathPattern) -> list[StoredFile]:
        """Files of a form, in the order of their addresses; for one plain path that file, if it is there."""

    def stat(self, address: str) -> StoredFile | None:
        """One file as it is now; None if it is not there."""

    def digest(self, file: StoredFile) -> str:
        """Identity of a file's content, read from its bytes where the store does not know it."""

    def read(self, address: str, start: int = 0, length: int | None = None) -> bytes:
        """Bytes of a file, from ``start``; from the end where ``start`` is negative."""


def _opened(address: str) -> BufferedReader:
    try:
        return Path(address).open("rb")
    except PermissionError:
        raise SourceError(f"{address}: the file may not be read. Change its permissions.") from None


class LocalFiles:
    """Files of this machine."""

    def list(self, pattern: PathPattern) -> list[StoredFile]:
        """Files of a form, in the order of their paths."""
        if pattern.single:
            found = self.stat(pattern.text)
            return [] if found is None else [found]
        # Brackets stand for themselves in a declared path, and for a set of characters in pathlib's.
        wanted = pattern.glob.removeprefix(pattern.folder).replace("[", "[[]")
        found_paths = Path(pattern.folder).glob(wanted)
        paths = [str(path) for path in found_paths if pattern.matches(str(path))]
        return [file for path in sorted(paths) if (file := self.stat(path)) is not None]

    def stat(self, address: str) -> StoredFile | None:
        """One file as it is now; None if it is not there, or is a folder."""
        path = Path(address)
        try:
            status = path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise SourceError(
                f"{address}: the file cannot be reached: {error.strerror}. Check its folder."
            ) from None
        if path.is_dir():
            return None
        return StoredFile(address, status.st_size, f"{status.st_mtime_ns}:{status.st_size}:{status.st_ino}")

    def digest(self, file: StoredFile) -> str:
        """Hash a file's bytes."""
        with _opened(file.address) as stream:
            return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest()

    def read(self, address: str, start: int = 0, length: int | None = None) -> bytes:
        """Bytes of a file, from ``start``; from the end where ``start`` is negative."""
        with _opened(address) as stream:
            size = stream.seek(0, 2)
            stream.seek(max(size + start, 0) if start < 0 else start)
            return stream.read() if length is None else stream.read(length)


class ObjectFiles:
    """Objects of a bucket, container or web server.

    Parameters
    ----------
    address
        Address of any object of the bucket.
    options
        The declared options, in the names that Polars takes as well; what is not declared comes from the
        environment.
    """

    def __init__(self, address: str, options: Mapping[str, str]) -> None:
        parts = urlsplit(address)
        self._scheme = parts.scheme
        self._root = f"{parts.scheme}://{parts.netloc}"
        self._options = options
        self._opened: ObjectStore | None = None

    @property
    def _store(self) -> ObjectStore:
        if self._opened is None:
            from obstore.store import from_url

            prefix = _PREFIXES.get(self._scheme, "")
            names = {key: key.lower().removeprefix(prefix) for key in self._options}
            client = {name: self._options[key] for key, name in names.items() if name in _CLIENT_OPTIONS}
            # The store panics over a key without its prefix, which Polars takes without objection.
            config = {
                prefix + name: self._options[key]
                for key, name in names.items()
                if name not in _CLIENT_OPTIONS
            }
            with self._speaking():
                self._opened = from_url(
                    self._root,
                    config=config or None,
                    client_options=client or None,
                )
        return self._opened

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        from obstore.exceptions import BaseError

        try:
            yield
        except FileNotFoundError:
            raise
        except (BaseError, OSError) as error:
            reason = str(error).splitlines()[0].split(" - Server returned")[0]
            if "Code>" in str(error):
                reason += ": " + str(error).split("Code>")[1].split("<")[0]
            raise SourceError(
                f"{self._root}: the store cannot be read: {reason.rstrip('.')}. Check the address, "
                "source.read.storage_options and the credentials."
            ) from None

    def _path(self, address: str) -> str:
        return address.removeprefix(self._root).lstrip("/")

    def _file(self, meta: Mapping[str, Any]) -> StoredFile:
        address = f"{self._root}/{meta['path']}"
        tag = meta["e_tag"]
        stamp = tag or f"{meta['last_modified'].isoformat()}:{meta['size']}"
        return StoredFile(address, meta["size"], stamp, stamp)

    def list(self, pattern: PathPattern) -> list[StoredFile]:
        """Objects of a form, in the order of their addresses."""
        import obstore

        if pattern.single:
            found = self.stat(pattern.text)
            return [] if found is None else [found]
        with self._speaking():
            metas = [
                meta
                for page in obstore.list(self._store, prefix=self._path(pattern.folder) or None)
                for meta in page
            ]
        files = [self._file(meta) for meta in metas]
        return sorted(
            (file for file in files if pattern.matches(file.address)), key=lambda file: file.address
        )

    def stat(self, address: str) -> StoredFile | None:
        """One object as it is now; None if it is not there."""
        import obstore

        try:
            with self._speaking():
                return self._file(obstore.head(self._store, self._path(address)))
        except FileNotFoundError:
            return None

    def digest(self, file: StoredFile) -> str:
        """Tell the store's own identity of the content."""
        return file.stamp

    def read(self, address: str, start: int = 0, length: int | None = None) -> bytes:
        """Bytes of an object, from ``start``; from the end where ``start`` is negative."""
        import obstore

        with self._speaking():
            if start == 0 and length is None:
                return bytes(obstore.get(self._store, self._path(address)).bytes())
            size = obstore.head(self._store, self._path(address))["size"]
            begin = max(size + start, 0) if start < 0 else start
            end = size if length is None else min(begin + length, size)
            return bytes(obstore.get_range(self._store, self._path(address), start=begin, end=end))
