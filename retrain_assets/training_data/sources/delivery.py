"""What a source gives: the rows of a partition, and fingerprints of what it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

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
    whole
        Identity of all periods of the source that are over, where rows of other partitions decide whether these can be
        read and which types they have; empty where they do not.
    """

    key: str
    frame: pl.DataFrame | None
    files: tuple[str, ...]
    fingerprint: str
    problem: str | None = None
    whole: str = ""


@dataclass(frozen=True)
class Fingerprints:
    """What a source holds at this moment.

    Parameters
    ----------
    by_key
        Fingerprint of each partition that has content: of the ones that were asked for, and, where no start is
        declared, of older ones that the source knows of.
    cursor
        A cache that makes the next look cheap; losing it costs time only.
    """

    by_key: Mapping[str, str]
    cursor: str


class Wanted:
    """The partitions that a source is asked about: the given ones, and all before them where no start is declared.

    Parameters
    ----------
    keys
        Keys of partitions.
    start
        The declared ``source.start``.
    """

    def __init__(self, keys: Sequence[str], start: date | None) -> None:
        self.keys = sorted(keys)
        self._given = set(keys)
        self._before = self.keys[0] if keys and start is None else ""

    def __contains__(self, key: str) -> bool:
        """Whether the partition is wanted."""
        return key in self._given or key < self._before
