"""Cutting history into blocks that stay the same while history grows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

GROWTH = 1.25
"""A cut is kept while history has at most so many times the wanted blocks; then it is cut anew, more coarsely."""


@dataclass(frozen=True)
class Cut:
    """Where history is cut.

    Parameters
    ----------
    second
        Key of the partition that the second block begins with. The first block holds all before it.
    partitions
        Partitions of each block but the first.
    wanted
        Number of blocks that was asked for.
    """

    second: str
    partitions: int
    wanted: int


def choose_cut(keys: Sequence[str], wanted: int, previous: Cut | None = None) -> Cut:
    """Choose where to cut, keeping an earlier cut where it still does: its cells are then found again.

    Parameters
    ----------
    keys
        Partitions of history, the oldest first, two or more.
    wanted
        Number of blocks, at least two; fewer partitions than that give a block each.
    previous
        The last cut.
    """
    if previous is not None and previous.wanted == wanted and previous.second in keys[1:]:
        later = (len(keys) - list(keys).index(previous.second)) // previous.partitions
        if 1 <= later <= wanted * GROWTH - 1:
            return previous
    partitions = -(-len(keys) // wanted)
    # Where history is no whole number of blocks, the first one has another size: no model can be trained before it.
    later = max((len(keys) - 1) // partitions, 1)
    return Cut(keys[max(len(keys) - later * partitions, 1)], partitions, wanted)


def cut_history(keys: Sequence[str], cut: Cut) -> list[tuple[str, ...]]:
    """Group partitions into blocks; the newest wait where they are too few for a whole block.

    Parameters
    ----------
    keys
        Partitions of history, the oldest first.
    cut
        Where to cut; its second block begins with one of ``keys``.
    """
    begin = list(keys).index(cut.second)
    starts = range(begin, len(keys) - cut.partitions + 1, cut.partitions)
    return [tuple(keys[:begin]), *(tuple(keys[start : start + cut.partitions]) for start in starts)]
