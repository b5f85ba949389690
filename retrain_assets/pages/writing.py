"""Writing a page, or its JSON twin, so that a reader finds the old one or the new one, and never a part."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4


def write_whole(file: Path, text: str) -> None:
    """Put a text in the place of a file, in one step.

    Parameters
    ----------
    file
        The file; its folder is made.
    text
        What it is to hold, written as UTF-8.

    Raises
    ------
    OSError
        When it cannot be written: the file is what it was.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    # Beside it, as a file system replaces no file of another one; a run and a sensor may write at the same time.
    draft = file.with_name(f".{file.name}.{uuid4().hex}")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
