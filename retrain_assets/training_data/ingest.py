"""Taking partitions in: read, judge, and put into the lake what is accepted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from retrain_assets.declaration import Declaration
from retrain_assets.deliveries import forget_content, read_again, reopen
from retrain_assets.lake_tables import SCHEMAS
from retrain_assets.training_data.acceptance import PartitionOutcome, Taken, judge_delivery
from retrain_assets.training_data.unique_keys import KeysElsewhere, holders, rows_wait_for

ROWS_A_COMMIT = 500_000
"""Rows that are held in memory before they are committed to the lake."""


def ingest(declaration: Declaration, keys: Sequence[str], run_id: str) -> Iterator[PartitionOutcome]:
    """Take partitions in, oldest first; one that cannot be accepted is withheld, and the others go on.

    Parameters
    ----------
    declaration
        The pipeline.
    keys
        The partitions to read.
    run_id
        The run to name beside quarantined rows.

    Yields
    ------
    PartitionOutcome
        As soon as the partition is in the lake.

    Raises
    ------
    SourceError
        When the source cannot be reached.
    """
    known = {
        row["partition_key"]: row for row in declaration.lake.rows("partitions", keys).collect().to_dicts()
    }
    schema = declaration.lake.schema("training_data")
    elsewhere = None if declaration.spec.source.key is None else KeysElsewhere(declaration.lake, keys)
    waiting: list[Taken] = []
    twice: set[str] = set()
    try:
        for delivery in declaration.source().read(declaration.partitions, keys):
            taken = judge_delivery(declaration, delivery, schema, known.get(delivery.key), run_id, elsewhere)
            if taken.rows is not None:
                schema = dict(taken.rows.schema)
            if elsewhere is not None:
                row_ids = _row_ids(declaration, taken)
                if taken.rows is None:
                    # Rows that had moved to an older partition, were they not kept.
                    twice.update(elsewhere.partition_of(row_ids).drop_nulls())
                elsewhere.add(delivery.key, row_ids)
            waiting.append(taken)
            if sum(item.outcome.rows for item in waiting) >= ROWS_A_COMMIT:
                ready, waiting = waiting, []
                yield from _commit(declaration, ready)
    finally:
        # A source that fails half-way has delivered good partitions before.
        outcomes = _commit(declaration, waiting)
        read_again(declaration.lake, sorted(twice))
    yield from outcomes


def _row_ids(declaration: Declaration, taken: Taken) -> pl.Series:
    """Identities of the rows that a partition has from here on: those it had, where it is withheld."""
    if taken.rows is not None:
        return taken.rows["row_id"]
    if not declaration.lake.exists("training_data"):
        return pl.Series("row_id", [], dtype=pl.Int64)
    stays = declaration.lake.rows("training_data", [taken.outcome.key]).select("row_id")
    return stays.collect().to_series()


def _commit(declaration: Declaration, taken: Sequence[Taken]) -> list[PartitionOutcome]:
    if not taken:
        return []
    lake = declaration.lake
    fresh = [item for item in taken if item.rows is not None and item.outcome.changed]
    if fresh:
        forget_content(lake, [item.outcome.key for item in fresh])
        # Relaxed, as a column without a type yet takes that of its first value, and diagonal, as one may be new.
        rows = pl.concat([item.rows for item in fresh if item.rows is not None], how="diagonal_relaxed")
        lake.replace_partitions("training_data", rows, [item.outcome.key for item in fresh])
    judged = [item for item in taken if item.rows is not None or item.quarantine.height]
    aside = pl.concat([item.quarantine for item in taken])
    # An accepted delivery without bad rows must also clear what an earlier delivery left in quarantine.
    keys = [item.outcome.key for item in judged]
    if aside.height or lake.rows("quarantine", keys).head(1).collect().height:
        lake.replace_partitions("quarantine", aside, keys)
    reopen(lake, _affected(declaration, fresh))
    # Last, so that a crash before this line makes the partition be read again.
    records = pl.DataFrame([item.record for item in taken], schema=SCHEMAS["partitions"])
    lake.replace_partitions("partitions", records, records["partition_key"].to_list())
    return [item.outcome for item in taken]


def _affected(declaration: Declaration, fresh: Sequence[Taken]) -> list[str]:
    """Partitions that may have got a key free, or lost a row, by what was delivered of others."""
    waiting = rows_wait_for(declaration.lake, [item.outcome.key for item in fresh])
    if declaration.spec.source.path is not None or not fresh:
        return waiting
    # Unlike a file, a database tells only of a row's new place.
    return [*waiting, *holders(pl.concat([item.quarantine for item in fresh]))]
