"""One Parquet or CSV file becomes a table, or a sentence that says why it cannot."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import PurePosixPath

import polars as pl

from retrain_assets.errors import PartitionError, SourceError
from retrain_assets.spec import ReadSpec
from retrain_assets.training_data.column_types import exact
from retrain_assets.training_data.sources.csv_fields import check_fields
from retrain_assets.training_data.sources.file_stores import FileStore, StoredFile

_PARQUET = frozenset({".parquet", ".pq"})
_CSV = frozenset({".csv", ".tsv", ".txt"})
_PACKED = {".gz": "gzip", ".zlib": "gzip", ".zst": "zstd"}
_MAGIC = b"PAR1"
_GROUPED = r"^[-+]?\d{1,3}(\.\d{3})+$"
"""Whole numbers whose thousands a point sets apart, where the comma is the decimal mark."""
_TRUTHS = {"true": True, "false": False}


class Table:
    """One file, read as the declaration says.

    Parameters
    ----------
    store
        Where it lies.
    file
        The file.
    read
        How it is read.
    texts
        Columns of CSV that are the texts that stand there, whatever they look like.
    """

    def __init__(
        self,
        store: FileStore,
        file: StoredFile,
        read: ReadSpec,
        texts: Collection[str],
    ) -> None:
        self._store = store
        self._file = file
        self._read = read
        self._text = texts
        suffixes = [suffix.lower() for suffix in PurePosixPath(file.address).suffixes]
        kinds = [suffix for suffix in suffixes if suffix not in _PACKED]
        self._packed = _PACKED.get(suffixes[-1]) if suffixes else None
        kind = kinds[-1] if kinds else ""
        self.is_csv = kind in _CSV
        if not self.is_csv and kind not in _PARQUET:
            raise PartitionError(
                f"{file.address}: the file is neither Parquet nor CSV by its name. Save it as one of them, with the "
                "ending .parquet or .csv."
            )
        if file.size == 0:
            raise PartitionError(
                f"{file.address}: the file is empty (0 bytes). Deliver it again; a period without rows is "
                "a file with its columns and no rows."
            )

    def frame(self, rows: pl.Expr | None = None) -> pl.DataFrame:
        """Read the file, with the types of its columns.

        CSV: types are inferred from the whole file. A column of numbers is ``Float64``, so that a later file
        with decimals still fits; integers that ``Float64`` cannot hold are ``Int64``. A column without values
        has the type ``Null``.

        Parameters
        ----------
        rows
            The rows that are needed, where fewer than all; of Parquet only.

        Raises
        ------
        PartitionError
            When the file cannot be read.
        """
        with self._speaking():
            if not self.is_csv:
                scan = self._scan_parquet()
                return (scan if rows is None else scan.filter(rows)).collect()
            texts = self._scan_csv().collect()
            if self._packed is None:
                check_fields(self._store, self._file, self._read, texts)
            return self._typed(texts)

    def column(self, name: str) -> pl.Series:
        """Read one column of a Parquet file.

        Raises
        ------
        PartitionError
            When the file cannot be read.
        """
        with self._speaking():
            return self._scan_parquet().select(name).collect().to_series()

    def texts(self, columns: list[str] | None = None) -> pl.DataFrame:
        """Read columns of a CSV file as the texts that stand in it.

        Raises
        ------
        PartitionError
            When the file cannot be read.
        """
        with self._speaking():
            scan = self._scan_csv()
            return (scan if columns is None else scan.select(columns)).collect()

    def names(self) -> list[str]:
        """Names of the columns.

        Raises
        ------
        PartitionError
            When the file cannot be read.
        """
        with self._speaking():
            scan = self._scan_csv() if self.is_csv else self._scan_parquet()
            return scan.collect_schema().names()

    def schema(self) -> dict[str, pl.DataType]:
        """Names and types of the columns; of CSV by its first thousand rows.

        Raises
        ------
        PartitionError
            When the file cannot be read.
        """
        with self._speaking():
            if not self.is_csv:
                return dict(self._scan_parquet().collect_schema())
            return dict(self._typed(self._scan_csv().head(1000).collect()).schema)

    def head(self, columns: Sequence[str]) -> pl.DataFrame:
        """Read the first thousand rows of a few columns; of CSV, typed by these rows.

        Raises
        ------
        PartitionError
            When the file cannot be read.
        """
        with self._speaking():
            scan = self._scan_csv() if self.is_csv else self._scan_parquet()
            rows = scan.select(columns).head(1000).collect()
            return self._typed(rows) if self.is_csv else rows

    def _scan_parquet(self) -> pl.LazyFrame:
        return pl.scan_parquet(
            self._file.address, glob=False, hive_partitioning=False, storage_options=self._options
        )

    @property
    def _options(self) -> dict[str, str] | None:
        return dict(self._read.storage_options) or None

    def _scan_csv(self) -> pl.LazyFrame:
        source: str | BytesIO = self._file.address
        if self._read.encoding.lower().replace("-", "") not in ("utf8", "utf8sig"):
            source = BytesIO(self._unpacked().decode(self._read.encoding).encode())
        return pl.scan_csv(
            source,
            separator=self._read.separator,
            null_values=self._read.null_values or None,
            infer_schema=False,
            glob=False,
            storage_options=self._options if isinstance(source, str) else None,
        )

    def _unpacked(self) -> bytes:
        content = self._store.read(self._file.address)
        if self._packed is None:
            return content
        from pyarrow import input_stream

        unpacked: bytes = input_stream(BytesIO(content), compression=self._packed).read()
        return unpacked

    def _typed(self, texts: pl.DataFrame) -> pl.DataFrame:
        """Infer the types of columns from all their texts."""
        return texts.with_columns(
            column if column.name in self._text else self._typed_column(column)
            for column in texts.get_columns()
        )

    def _typed_column(self, texts: pl.Series) -> pl.Series:
        missing = texts.null_count()
        if missing == len(texts):
            return texts.cast(pl.Null)
        plain = texts.str.strip_chars()
        if self._read.decimal == ",":
            pointed = plain.filter(plain.str.contains(".", literal=True))
            if len(pointed) and pointed.str.contains(_GROUPED).all():
                # 1.234 is a thousand and more here, or a number with another decimal mark: nobody can tell.
                return texts
            plain = plain.str.replace_all(",", ".", literal=True)
        numbers = plain.cast(pl.Float64, strict=False)
        if numbers.null_count() == missing:
            if not exact(numbers):
                whole = plain.cast(pl.Int64, strict=False)
                return whole if whole.null_count() == missing else numbers
            return numbers
        truths = plain.str.to_lowercase().replace_strict(_TRUTHS, default=None, return_dtype=pl.Boolean)
        return truths if truths.null_count() == missing else texts

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        address = self._file.address
        try:
            yield
        except UnicodeDecodeError as error:
            raise PartitionError(
                f"{address}: byte {error.start} is no {self._read.encoding} text. Declare "
                "source.read.encoding."
            ) from None
        except LookupError as error:
            raise PartitionError(f"{address}: source.read.encoding: {error}.") from None
        except (pl.exceptions.PolarsError, OSError) as error:
            if "object-store error" in str(error):
                # The store is at fault, not the file: nothing may be recorded about this partition.
                raise SourceError(f"{address}: the store cannot be read: {_first_line(error)}.") from None
            raise PartitionError(f"{address}: {self._reason(error)}") from None

    def _reason(self, error: Exception) -> str:
        if isinstance(error, FileNotFoundError):
            return "the file is no longer there; it is looked for again at the next tick."
        first = _first_line(error)
        if self.is_csv:
            if "utf-8" in str(error).lower():
                return "the file is no UTF-8 text. Declare source.read.encoding, such as latin-1."
            return f"the file is no valid CSV: {first}. Check source.read.separator, or deliver it again."
        if self._store.read(self._file.address, 0, 4) != _MAGIC:
            return "the file is no Parquet file. Write it as Parquet, or name it .csv if it is CSV."
        if self._store.read(self._file.address, -4) != _MAGIC:
            return "the file is truncated: it begins as Parquet and its end is missing. Deliver it again."
        return f"the Parquet file is damaged: {first}. Deliver it again."


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
