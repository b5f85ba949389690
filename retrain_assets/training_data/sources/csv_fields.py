"""Rows of CSV that lack fields, which Polars fills up with nulls."""

from __future__ import annotations

import csv
import sys
from io import BytesIO, TextIOWrapper

import polars as pl

from retrain_assets.errors import PartitionError
from retrain_assets.spec import ReadSpec
from retrain_assets.training_data.sources.file_stores import FileStore, StoredFile

_BLOCK = 16 * 2**20


def check_fields(store: FileStore, file: StoredFile, read: ReadSpec, texts: pl.DataFrame) -> None:
    """Refuse a file with a row that has fewer fields than the header, as one that is cut off does.

    Parameters
    ----------
    store
        Where the file lies.
    file
        The file, not packed.
    read
        How it is read.
    texts
        All of it, as texts.

    Raises
    ------
    PartitionError
        When there is such a row.
    """
    wide = any(mark in read.encoding for mark in ("16", "32"))
    # Filled up, a short row has a null in the last column.
    if wide or texts.width < 2 or not texts.to_series(-1).null_count():
        return
    if _has_all_separators(store, file, read, texts):
        return
    found = _short_row(store.read(file.address), read, texts.width)
    if found is None:
        return
    row, fields, is_last = found
    if is_last and store.read(file.address, -1) not in (b"\n", b"\r"):
        raise PartitionError(
            f"{file.address}: the file is truncated: its last line has {fields} fields and no end. Deliver it "
            "again."
        )
    raise PartitionError(
        f"{file.address}: row {row} has {fields} fields and the header has {texts.width}. Write all of them, "
        "those without a value too."
    )


def _has_all_separators(store: FileStore, file: StoredFile, read: ReadSpec, texts: pl.DataFrame) -> bool:
    """Whether a file without quotes has the separators that its rows need; Polars refuses one with more."""
    separator, count = read.separator.encode(), 0
    for start in range(0, file.size, _BLOCK):
        block = store.read(file.address, start, _BLOCK)
        if b'"' in block:
            return False
        count += block.count(separator)
    return count == (texts.height + 1) * (texts.width - 1)


def _short_row(content: bytes, read: ReadSpec, width: int) -> tuple[int, int, bool] | None:
    """The first short row: its number, how many fields it has, and whether it is the last; None without any."""
    csv.field_size_limit(sys.maxsize)
    text = TextIOWrapper(BytesIO(content), read.encoding, errors="replace", newline="")
    short: tuple[int, int] | None = None
    row = 0
    for row, record in enumerate(csv.reader(text, delimiter=read.separator)):
        # A blank line is a row without any value.
        if short is None and 0 < len(record) < width:
            short = row, len(record)
    return None if short is None else (*short, short[0] == row)
