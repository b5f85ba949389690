"""How CSV files are written, found out by a look at them: their encoding, and what separates their columns."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retrain_assets.training_data.sources.file_access import FileAccess

_BYTES = 64 * 2**20
"""So much of the newest files is decoded at most."""
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


def _decodes(content: bytes, encoding: str) -> bool:
    try:
        # A character may be cut off where the look ends.
        codecs.getincrementaldecoder(encoding)().decode(content)
    except UnicodeDecodeError:
        return False
    return True
