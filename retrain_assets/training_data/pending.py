"""Which partitions of the source are new or have changed since they were taken in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import polars as pl

from retrain_assets.declaration import Declaration
from retrain_assets.spec import PipelineSpec
from retrain_assets.training_data.rules import rules_hash
from retrain_assets.training_data.sources.source import Source

PARTITIONS_A_TICK = 400
"""Most partitions that one evaluation of the source asks for; the rest follows when these are in."""
TRIED_AGAIN_AFTER = timedelta(hours=1)
"""A withheld partition of a source that does not tell what changed is read again this long after it was read."""


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
    older
        The oldest partition to take in that lies before the first that can be asked for; None without any.
    """

    fingerprints: Mapping[str, str]
    left: int
    newest: datetime | None
    cursor: str
    older: str | None = None


def pending(
    declaration: Declaration, source: Source, now: datetime, cursor: str | None, first: str | None = None
) -> Pending:
    """Compare the source with what was taken in.

    A partition is asked for when its fingerprint differs from the one that was recorded when an ingest run
    last came to its end with it, whether it was accepted then or withheld, and a withheld one also when the
    rules of the declaration that it was held against have changed: nothing depends on what was requested
    before, so a crash or a failed run loses no partition, nor its features, scores and report.

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
    first
        Key of the first partition that the loaded code location knows; default: what it would be if it were
        loaded at this moment.
    """
    partitions = declaration.partitions
    first = first or declaration.first_day().isoformat()
    keys = partitions.complete(
        partitions.bounds(first)[0],
        now.astimezone(UTC),
        declaration.spec.source.complete_after,
    )
    known = recorded_fingerprints(declaration, now)
    found = source.fingerprints(partitions, keys, known, cursor)
    new = sorted(key for key, value in found.by_key.items() if known.get(key) != value)
    changed = [key for key in new if key >= first]
    chosen = changed[:PARTITIONS_A_TICK]
    return Pending(
        fingerprints={key: found.by_key[key] for key in chosen},
        left=len(changed) - len(chosen),
        newest=max((partitions.bounds(key)[1] for key in found.by_key), default=None),
        cursor=found.cursor,
        older=next((key for key in new if key < first), None),
    )


def recorded_fingerprints(declaration: Declaration, now: datetime) -> dict[str, str]:
    """Fingerprint of each partition that an ingest run has come to its end with, by key.

    Left out, because they have to be read again: partitions whose last run ended too early, or whose content
    was not stable; withheld ones, once the declaration has been mended, and after a while where the source
    cannot tell that it was mended.
    """
    settled = pl.col("declaration").eq_missing(pl.lit(rules_hash(declaration)))
    if tells_no_change(declaration.spec):
        settled &= pl.col("read_at") > now - TRIED_AGAIN_AFTER
    rows = declaration.lake.read("partitions").filter(
        pl.col("completed") == pl.col("fingerprint"),
        pl.col("fingerprint") != "",
        pl.col("problem").is_null() | settled,
    )
    return dict(rows.select("partition_key", "fingerprint").iter_rows())


def tells_no_change(spec: PipelineSpec) -> bool:
    """Whether a source cannot tell that the content of a partition has changed."""
    source = spec.source
    return source.function is not None or (source.url is not None and source.updated_at is None)


def contiguous(keys: Sequence[str], declaration: Declaration) -> list[tuple[str, str]]:
    """Join keys, oldest first, to ranges (first, last) that leave no partition out."""
    ranges: list[tuple[str, str]] = []
    for key in keys:
        if ranges and declaration.partitions.next_key(ranges[-1][1]) == key:
            ranges[-1] = (ranges[-1][0], key)
        else:
            ranges.append((key, key))
    return ranges
