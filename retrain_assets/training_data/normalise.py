"""A delivery becomes rows of the lake: each has an identity; what cannot be kept is put aside."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from retrain_assets.spec import PipelineSpec
from retrain_assets.training_data.hashing import as_texts, ordinals, row_hashes, row_ids
from retrain_assets.windows import Partitions

TIMESTAMP_MISSING = "timestamp_missing"
KNOWN_AT_MISSING = "known_at_missing"
KEY_MISSING = "key_missing"
ROW_OF_ANOTHER_PARTITION = "row_of_another_partition"
DUPLICATE_KEY = "duplicate_key"

LINES: dict[str, pl.DataType] = {
    "row_id": pl.Int64(),
    "rule": pl.String(),
    "column": pl.String(),
    "value": pl.String(),
}
"""Why rows are put aside: one line a row and rule."""


@dataclass(frozen=True)
class PutAside:
    """Rows that cannot be kept.

    Parameters
    ----------
    rows
        The rows, with the columns of the accepted ones.
    lines
        One line a row and rule, with the columns of ``LINES``.
    """

    rows: pl.DataFrame
    lines: pl.DataFrame


@dataclass(frozen=True)
class Normalised:
    """One partition's rows, ready to be judged.

    Parameters
    ----------
    accepted
        Rows to go on with, ``partition_key`` and ``row_id`` first.
    quarantined
        Rows that break a rule of the table itself.
    duplicates
        Exact duplicates that were dropped.
    """

    accepted: pl.DataFrame
    quarantined: PutAside
    duplicates: int


def normalise(frame: pl.DataFrame, spec: PipelineSpec, partitions: Partitions, key: str) -> Normalised:
    """Identify the rows of one partition, and put aside those that cannot be kept.

    Parameters
    ----------
    frame
        Rows that :func:`conform` returned.
    spec
        The declaration.
    partitions
        The periods.
    key
        The partition that was delivered.

    Returns
    -------
    Normalised
        With a declared key, exact duplicates are dropped and counted; of the rows that share a key the first
        is kept and the others are put aside. Where ``source.known_at`` is declared too, rows of one key that became
        known at different moments are versions of a row, and all are kept.
    """
    delivered = frame.height
    declared = spec.source.key
    if declared is not None:
        hashes = row_hashes(frame.get_columns(), frame.height)
        frame = frame.filter(ordinals(hashes) == 0)
        identity = [declared, *filter(None, [spec.source.known_at])]
    else:
        late = {spec.label.column, spec.label.known_at, spec.source.known_at}
        identity = [name for name in frame.columns if name not in late]
    frame = frame.select(
        pl.lit(key).alias("partition_key"),
        row_ids(frame, identity),
        *(pl.col(name) for name in frame.columns),
    )
    lines = _lines(frame, spec, partitions, key)
    bad = frame.get_column("row_id").is_in(lines.get_column("row_id").implode())
    return Normalised(frame.filter(~bad), PutAside(frame.filter(bad), lines), delivered - frame.height)


def _lines(frame: pl.DataFrame, spec: PipelineSpec, partitions: Partitions, key: str) -> pl.DataFrame:
    timestamp = spec.source.timestamp
    time = frame.get_column(timestamp)
    start, end = partitions.bounds(key)
    broken = [(TIMESTAMP_MISSING, timestamp, time.is_null())]
    known_at = spec.source.known_at
    if known_at is not None:
        # Known at no moment, it would be among the rows and never be used.
        broken.append((KNOWN_AT_MISSING, known_at, frame.get_column(known_at).is_null()))
    if spec.source.late_rows == "quarantine":
        broken.append(
            (ROW_OF_ANOTHER_PARTITION, timestamp, ((time < start) | (time >= end)).fill_null(False))
        )
    declared = spec.source.key
    if declared is not None:
        keys = frame.get_column(declared)
        missing = keys.is_null() | keys.is_nan() if keys.dtype.is_float() else keys.is_null()
        versions = [keys, *(frame.get_column(name) for name in filter(None, [spec.source.known_at]))]
        again = pl.Series(ordinals(row_hashes(versions, len(keys))) > 0)
        broken += [(KEY_MISSING, declared, missing), (DUPLICATE_KEY, declared, again & ~missing)]
    parts = [
        pl.DataFrame(
            {
                "row_id": chosen.get_column("row_id"),
                "rule": pl.repeat(rule, chosen.height, dtype=pl.String, eager=True),
                "column": pl.repeat(column, chosen.height, dtype=pl.String, eager=True),
                "value": as_texts(chosen.get_column(column)),
            },
            schema=LINES,
        )
        for rule, column, mask in broken
        if (chosen := frame.filter(mask)).height
    ]
    return pl.concat([pl.DataFrame(schema=LINES), *parts])
