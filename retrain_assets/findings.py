"""What a look at a declaration brings to light."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Findings:
    """What a look at a declaration has found: sentences, each of which names its field.

    Parameters
    ----------
    faults
        What keeps the pipeline from being loaded.
    doubts
        What may be right, and is to be told.
    """

    faults: list[str]
    doubts: list[str]
