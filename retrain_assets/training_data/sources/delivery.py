"""What a source gives: the rows of a partition, and fingerprints of what it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Delivery:
    """One partition as the source delivers it.

    Parameters
    ----------
    key
        The partition.
    frame
        Its rows as they came; None where they cannot be read.
    files
        Addresses of the files that were read, for messages and quarantine.
    fingerprint
        Identity of the content; empty where the content was not stable.
    problem
        Why the rows cannot be read, as a sentence.
    """

    key: str
    frame: pl.DataFrame | None
    files: tuple[str, ...]
    fingerprint: str
    problem: str | None = None


@dataclass(frozen=True)
class Fingerprints:
    """What a source holds at this moment.

    Parameters
    ----------
    by_key
        Fingerprint of each partition that has content.
    cursor
        A cache that makes the next look cheap; losing it costs time only.
    """

    by_key: Mapping[str, str]
    cursor: str
