"""Which partitions of the source are new or have changed since they were taken in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from retrain_assets.declaration import Declaration
from retrain_assets.training_data.acceptance import rules_hash
from retrain_assets.training_data.sources.source import Source

PARTITIONS_A_TICK = 400
"""Most partitions that one evaluation of the source asks for; the rest follows when these are in."""


@dataclass(frozen=True)
class Pending:
    """What the source holds that the lake does not.

    Parameters
    ----------
    fingerprints
        Fingerprint of each partition to take in, oldest first, at most ``PARTITIONS_A_TICK``.
    left
        Partitions that have to wait for a later evaluation.
    newest
        End of the newest partition that the source holds, UTC; None for an empty source.
    cursor
        A cache of the source's; losing it costs time only.
    """

    fingerprints: Mapping[str, str]
    left: int
    newest: datetime | None
    cursor: str


def pending(declaration: Declaration, source: Source, now: datetime, cursor: str | None) -> Pending:
    """Compare the source with what was taken in.

    A partition is asked for when its fingerprint differs from the one that was recorded when it was last read,
    whether it was accepted then or withheld, and a withheld one also when the rules of the declaration that it
    was held against have changed: nothing depends on what was requested before, so a crash or a
    failed run loses no partition.

    Parameters
    ----------
    declaration
        The pipeline.
    source
        Its open source.
    now
        The wall clock: only a partition whose period is over is complete.
    cursor
        What the last evaluation returned.
    """
    partitions = declaration.partitions
    start = datetime.fromisoformat(declaration.first_day().isoformat())
    keys = partitions.complete(
        partitions.bounds(start.date().isoformat())[0],
        now.astimezone(UTC),
        declaration.spec.source.complete_after,
    )
    known = recorded_fingerprints(declaration)
    found = source.fingerprints(partitions, keys, known, cursor)
    changed = sorted(key for key, value in found.by_key.items() if known.get(key) != value)
    chosen = changed[:PARTITIONS_A_TICK]
    return Pending(
        fingerprints={key: found.by_key[key] for key in chosen},
        left=len(changed) - len(chosen),
        newest=max((partitions.bounds(key)[1] for key in found.by_key), default=None),
        cursor=found.cursor,
    )


def recorded_fingerprints(declaration: Declaration) -> dict[str, str]:
    """Fingerprint of each partition when it was last read, by key.

    One that was withheld is left out once the declaration has been mended: it has to be judged again.
    """
    rows = declaration.lake.scan("partitions").filter(
        pl.col("problem").is_null() | pl.col("declaration").eq_missing(pl.lit(rules_hash(declaration)))
    )
    return dict(rows.select("partition_key", "fingerprint").collect().iter_rows())


def contiguous(keys: Sequence[str], declaration: Declaration) -> list[tuple[str, str]]:
    """Join keys, oldest first, to ranges (first, last) that leave no partition out."""
    ranges: list[tuple[str, str]] = []
    for key in keys:
        if ranges and declaration.partitions.next_key(ranges[-1][1]) == key:
            ranges[-1] = (ranges[-1][0], key)
        else:
            ranges.append((key, key))
    return ranges
