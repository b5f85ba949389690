"""How CSV files are written, found out by a look at them: their encoding, and the numbers that are codes."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from retrain_assets.training_data.sources.file_access import FileAccess

_BYTES = 64 * 2**20
"""So much of the newest files is decoded at most."""
_DIGITS = r"^\d+$"
_LEADING_ZERO = r"^0\d+$"
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def other_encoding(access: FileAccess) -> str | None:
    """Find the encoding of CSV files that are no UTF-8 text.

    Parameters
    ----------
    access
        The files; compressed ones are not looked into.

    Returns
    -------
    str or None
        ``utf-16`` by its mark; ``cp1252``, Windows' western European, else, and ``latin-1``, in which every byte is a
        character, where that cannot be; None where all that was looked at is UTF-8.

    Raises
    ------
    SourceError
        When the store cannot be read.
    """
    left = _BYTES
    for file in access.files()[::-1]:
        if left <= 0:
            break
        if not file.address.lower().endswith((".csv", ".tsv", ".txt")):
            continue
        content = access.store.read(file.address, 0, left)
        left -= len(content)
        if content.startswith(_WIDE):
            return "utf-16"
        if not _decodes(content, "utf-8"):
            return "cp1252" if _decodes(content, "cp1252") else "latin-1"
    return None


def code_columns(access: FileAccess) -> list[str]:
    """Find columns of digits in the newest CSV file that are codes: with a leading zero, 007 is not 7.

    Parameters
    ----------
    access
        The files, as they are to be read.

    Returns
    -------
    list of str
        Names of the columns; none of other files than CSV.

    Raises
    ------
    PartitionError
        When none of the newest files can be read.
    """
    texts = access.look(access.files(), lambda table: table.texts() if table.is_csv else pl.DataFrame())
    return [] if texts is None else [column.name for column in texts.get_columns() if _is_code(column)]


def _is_code(column: pl.Series) -> bool:
    texts = column.drop_nulls().str.strip_chars()
    return bool(texts.str.contains(_LEADING_ZERO).any() and texts.str.contains(_DIGITS).all())


def _decodes(content: bytes, encoding: str) -> bool:
    try:
        # A character may be cut off where the look ends.
        codecs.getincrementaldecoder(encoding)().decode(content)
    except UnicodeDecodeError:
        return False
    return True
