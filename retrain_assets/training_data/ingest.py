"""Taking partitions in: read, normalise, judge, quarantine, and put into the lake what is accepted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import polars as pl

from retrain_assets.declaration import Declaration
from retrain_assets.errors import PartitionError
from retrain_assets.lake import SCHEMAS
from retrain_assets.training_data.expectations.judgement import judge
from retrain_assets.training_data.expectations.results import ExpectationResult
from retrain_assets.training_data.hashing import content_hash
from retrain_assets.training_data.normalise import conform, normalise
from retrain_assets.training_data.quarantine import quarantine_rows
from retrain_assets.training_data.sources.delivery import Delivery

ROWS_A_COMMIT = 500_000
"""Rows that are held in memory before they are committed to the lake."""


@dataclass(frozen=True)
class PartitionOutcome:
    """What became of one delivered partition.

    Parameters
    ----------
    key
        The partition.
    accepted
        Whether its rows are in the lake; a partition that is not accepted is withheld.
    changed
        Whether the lake was changed; an unchanged delivery is skipped.
    rows
        Rows accepted.
    quarantined
        Rows put aside with the rule that they broke.
    duplicates
        Exact duplicates dropped.
    problem
        Why the partition is withheld, as a sentence.
    results
        What each expectation found.
    delivered
        The delivered rows, normalised, before any was put aside; None where they could not be read.
    """

    key: str
    accepted: bool
    changed: bool
    rows: int
    quarantined: int
    duplicates: int
    problem: str | None
    results: tuple[ExpectationResult, ...]
    delivered: pl.DataFrame | None


@dataclass(frozen=True)
class _Taken:
    """A delivery on its way into the lake."""

    outcome: PartitionOutcome
    record: dict[str, Any]
    rows: pl.DataFrame | None
    quarantine: pl.DataFrame


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
    waiting: list[_Taken] = []
    for delivery in declaration.source().read(declaration.partitions, keys):
        taken = _take(declaration, delivery, schema, known.get(delivery.key), run_id)
        if schema is None and taken.rows is not None:
            schema = dict(taken.rows.schema)
        waiting.append(taken)
        if sum(item.outcome.rows for item in waiting) >= ROWS_A_COMMIT:
            yield from _commit(declaration, waiting)
            waiting = []
    yield from _commit(declaration, waiting)


def _take(
    declaration: Declaration,
    delivery: Delivery,
    schema: dict[str, pl.DataType] | None,
    known: dict[str, Any] | None,
    run_id: str,
) -> _Taken:
    if delivery.frame is None:
        return _withheld(declaration, delivery, known, run_id, str(delivery.problem))
    try:
        frame = conform(delivery.frame, schema, declaration.spec, ", ".join(delivery.files) or delivery.key)
        normal = normalise(frame, declaration.spec, declaration.partitions, delivery.key)
    except PartitionError as error:
        return _withheld(declaration, delivery, known, run_id, str(error))

    judgement = judge(normal.accepted, declaration.spec.expectations)
    aside = pl.concat(
        [
            quarantine_rows(rows, lines, run_id=run_id, files=delivery.files, at=datetime.now(UTC))
            for rows, lines in (
                (normal.quarantined.rows, normal.quarantined.lines),
                (normal.accepted, judgement.offending),
            )
        ]
    )
    critical = [
        result for result in judgement.results if result.severity == "critical" and not result.success
    ]
    if critical:
        problem = (
            f"Partition {delivery.key} is withheld: {' '.join(result.sentence for result in critical)} "
            "Mend the source, or the expectation in the declaration."
        )
        taken = _withheld(declaration, delivery, known, run_id, problem)
        return replace(
            taken,
            outcome=replace(taken.outcome, results=tuple(judgement.results), delivered=normal.accepted),
            quarantine=aside,
        )
    good = normal.accepted
    if judgement.offending.height:
        good = good.join(judgement.offending.select("row_id").unique(), on="row_id", how="anti")
    return _accepted(declaration, delivery, known, run_id, _Judged(good, aside, normal, judgement.results))


@dataclass(frozen=True)
class _Judged:
    good: pl.DataFrame
    aside: pl.DataFrame
    normal: Any
    results: Sequence[ExpectationResult]


def _accepted(
    declaration: Declaration,
    delivery: Delivery,
    known: dict[str, Any] | None,
    run_id: str,
    judged: _Judged,
) -> _Taken:
    spec = declaration.spec
    label_columns = [name for name in (spec.label.column, spec.label.known_at) if name is not None]
    others = [name for name in judged.good.columns if name not in label_columns]
    record = {
        "partition_key": delivery.key,
        "fingerprint": delivery.fingerprint,
        "features_hash": content_hash(judged.good, others),
        "labels_hash": content_hash(judged.good, ["row_id", *label_columns]),
        "declaration": rules_hash(declaration),
        "rows": judged.good.height,
        "quarantined": judged.aside["row_id"].n_unique(),
        "duplicates": judged.normal.duplicates,
        "accepted": True,
        "problem": None,
        "run_id": run_id,
    }
    same = ("features_hash", "labels_hash", "declaration", "quarantined", "accepted")
    changed = known is None or any(known[name] != record[name] for name in same)
    outcome = PartitionOutcome(
        key=delivery.key,
        accepted=True,
        changed=changed,
        rows=judged.good.height,
        quarantined=record["quarantined"],
        duplicates=record["duplicates"],
        problem=None,
        results=tuple(judged.results),
        delivered=judged.normal.accepted,
    )
    return _Taken(outcome, record, judged.good, judged.aside)


def _withheld(
    declaration: Declaration, delivery: Delivery, known: dict[str, Any] | None, run_id: str, problem: str
) -> _Taken:
    """Record the delivery as read; what was accepted before stays."""
    before = known or dict.fromkeys(SCHEMAS["partitions"])
    record = before | {
        "partition_key": delivery.key,
        "fingerprint": delivery.fingerprint,
        "declaration": rules_hash(declaration),
        "rows": before["rows"] or 0,
        "quarantined": before["quarantined"] or 0,
        "duplicates": before["duplicates"] or 0,
        "accepted": bool(before["accepted"]),
        "problem": problem,
        "run_id": run_id,
    }
    outcome = PartitionOutcome(delivery.key, False, False, 0, 0, 0, problem, (), None)
    return _Taken(outcome, record, None, pl.DataFrame(schema=SCHEMAS["quarantine"]))


def _commit(declaration: Declaration, taken: Sequence[_Taken]) -> Iterator[PartitionOutcome]:
    if not taken:
        return
    lake = declaration.lake
    fresh = [item for item in taken if item.rows is not None and item.outcome.changed]
    if fresh:
        rows = pl.concat([item.rows for item in fresh if item.rows is not None])
        lake.replace_partitions("training_data", rows, [item.outcome.key for item in fresh])
    judged = [item for item in taken if item.rows is not None or item.quarantine.height]
    aside = pl.concat([item.quarantine for item in taken])
    # An accepted delivery without bad rows must also clear what an earlier delivery left in quarantine.
    keys = [item.outcome.key for item in judged]
    if aside.height or lake.rows("quarantine", keys).head(1).collect().height:
        lake.replace_partitions("quarantine", aside, keys)
    # Last, so that a crash before this line makes the partition be read again.
    records = pl.DataFrame([item.record for item in taken], schema=SCHEMAS["partitions"])
    lake.replace_partitions("partitions", records, records["partition_key"].to_list())
    for item in taken:
        yield item.outcome


def rules_hash(declaration: Declaration) -> str:
    """Identity of all that decides which delivered rows are accepted."""
    spec = declaration.spec
    rules = {
        "expectations": [item.model_dump(mode="json") for item in spec.expectations],
        "key": spec.source.key,
        "late_rows": spec.source.late_rows,
        "columns": spec.model_dump(mode="json", include={"label", "weight", "features"}),
    }
    return hashlib.sha256(json.dumps(rules, sort_keys=True, default=str).encode()).hexdigest()[:16]
