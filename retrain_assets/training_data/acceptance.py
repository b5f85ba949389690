"""Whether a delivered partition is accepted: its rows normalised and judged, the bad ones put aside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import polars as pl

from retrain_assets.declaration import Declaration
from retrain_assets.errors import PartitionError
from retrain_assets.lake_tables import SCHEMAS
from retrain_assets.training_data.conform import conform
from retrain_assets.training_data.expectations.judgement import Judgement, judge
from retrain_assets.training_data.expectations.results import ExpectationResult
from retrain_assets.training_data.hashing import content_hash
from retrain_assets.training_data.normalise import Normalised, normalise
from retrain_assets.training_data.quarantine import quarantine_rows
from retrain_assets.training_data.rules import rules_hash
from retrain_assets.training_data.sources.delivery import Delivery
from retrain_assets.training_data.unique_keys import KeysElsewhere


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
    unfinished
        Whether rows that were accepted before have not been through all nodes; told of a withheld partition.
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
    unfinished: bool
    results: tuple[ExpectationResult, ...]
    delivered: pl.DataFrame | None


@dataclass(frozen=True)
class Taken:
    """A delivery on its way into the lake.

    Parameters
    ----------
    outcome
        What becomes of its partition.
    record
        The partition's row of the table ``partitions``.
    rows
        Those to accept; None where the partition is withheld.
    quarantine
        Those put aside, as rows of the table ``quarantine``.
    """

    outcome: PartitionOutcome
    record: dict[str, Any]
    rows: pl.DataFrame | None
    quarantine: pl.DataFrame


def judge_delivery(
    declaration: Declaration,
    delivery: Delivery,
    schema: Mapping[str, pl.DataType] | None,
    known: Mapping[str, Any] | None,
    run_id: str,
    elsewhere: KeysElsewhere | None,
) -> Taken:
    """Tell which rows of a delivery are accepted and which put aside, or why all are withheld.

    Parameters
    ----------
    declaration
        The pipeline.
    delivery
        As the source delivers it.
    schema
        Columns of the rows that were accepted before; None before the first.
    known
        What was recorded of the partition when it was last read; None where it never was.
    run_id
        The run to name beside quarantined rows.
    elsewhere
        Keys that other partitions hold; None where no key is declared.
    """
    if delivery.frame is None:
        return _withheld(declaration, _by_whole(delivery), known, run_id, str(delivery.problem))
    try:
        frame = conform(delivery.frame, schema, declaration.spec, ", ".join(delivery.files) or delivery.key)
        normal = normalise(frame, declaration.spec, declaration.partitions, delivery.key)
        if elsewhere is not None:
            normal = elsewhere.put_aside(normal, str(declaration.spec.source.key))
    except PartitionError as error:
        return _withheld(declaration, _by_whole(delivery), known, run_id, str(error))

    judgement = judge(normal.accepted, declaration.spec.expectations)
    aside = _put_aside(delivery, normal, judgement, run_id)
    broken = [item for item in judgement.results if item.severity == "critical" and not item.success]
    if broken:
        problem = (
            f"Partition {delivery.key} is withheld: {' '.join(result.sentence for result in broken)} "
            "Mend the source, or the expectation in the declaration."
        )
        taken = _withheld(declaration, delivery, known, run_id, problem, aside)
        outcome = replace(taken.outcome, results=judgement.results, delivered=normal.accepted)
        return replace(taken, outcome=outcome)
    return _accepted(declaration, delivery, known, run_id, _Judged(normal, judgement, aside))


def _put_aside(delivery: Delivery, normal: Normalised, judgement: Judgement, run_id: str) -> pl.DataFrame:
    """Rows for the quarantine: those that have no place in the lake, and those that break an expectation."""
    return pl.concat(
        [
            quarantine_rows(rows, lines, run_id=run_id, files=delivery.files, at=datetime.now(UTC))
            for rows, lines in (
                (normal.quarantined.rows, normal.quarantined.lines),
                (normal.accepted, judgement.offending),
            )
        ]
    )


@dataclass(frozen=True)
class _Judged:
    normal: Normalised
    judgement: Judgement
    aside: pl.DataFrame

    @property
    def good(self) -> pl.DataFrame:
        offending = self.judgement.offending
        if offending.is_empty():
            return self.normal.accepted
        return self.normal.accepted.join(offending.select("row_id").unique(), on="row_id", how="anti")


def _accepted(
    declaration: Declaration,
    delivery: Delivery,
    known: Mapping[str, Any] | None,
    run_id: str,
    judged: _Judged,
) -> Taken:
    spec = declaration.spec
    good = judged.good
    label_columns = [name for name in (spec.label.column, spec.label.known_at) if name in good.columns]
    others = [name for name in good.columns if name not in label_columns]
    record: dict[str, Any] = {
        "partition_key": delivery.key,
        "fingerprint": delivery.fingerprint,
        "features_hash": content_hash(good, others),
        "labels_hash": content_hash(good, ["row_id", *label_columns]),
        "declaration": rules_hash(declaration),
        "rows": good.height,
        "quarantined": judged.aside["row_id"].n_unique(),
        "duplicates": judged.normal.duplicates,
        "accepted": True,
        "problem": None,
        "run_id": run_id,
        "read_at": datetime.now(UTC),
        # The last node of the run tells: until then the partition is asked for again.
        "completed": None,
        "period": spec.source.partition,
    }
    same = ("features_hash", "labels_hash", "declaration", "quarantined", "accepted")
    changed = known is None or any(known[name] != record[name] for name in same)
    outcome = PartitionOutcome(
        key=delivery.key,
        accepted=True,
        changed=changed,
        rows=good.height,
        quarantined=record["quarantined"],
        duplicates=record["duplicates"],
        problem=None,
        unfinished=False,
        results=judged.judgement.results,
        delivered=judged.normal.accepted,
    )
    return Taken(outcome, record, good, judged.aside)


def _by_whole(delivery: Delivery) -> Delivery:
    """A delivery that is read again when anything has changed in what it was read from, not only its own rows."""
    return replace(delivery, fingerprint=delivery.whole or delivery.fingerprint)


def _withheld(
    declaration: Declaration,
    delivery: Delivery,
    known: Mapping[str, Any] | None,
    run_id: str,
    problem: str,
    aside: pl.DataFrame | None = None,
) -> Taken:
    """Record the delivery as read; what was accepted before stays."""
    before = dict(known or dict.fromkeys(SCHEMAS["partitions"]))
    quarantine = pl.DataFrame(schema=SCHEMAS["quarantine"]) if aside is None else aside
    unfinished = bool(before["accepted"]) and before["completed"] != before["fingerprint"]
    # Rows put aside replace those of the delivery before; where there are none, those stay.
    quarantined = quarantine["row_id"].n_unique() or before["quarantined"] or 0
    record = before | {
        "partition_key": delivery.key,
        "fingerprint": delivery.fingerprint,
        "declaration": rules_hash(declaration),
        "rows": before["rows"] or 0,
        "quarantined": quarantined,
        "duplicates": before["duplicates"] or 0,
        "accepted": bool(before["accepted"]),
        "problem": problem,
        "run_id": run_id,
        "read_at": datetime.now(UTC),
        "completed": None if unfinished else delivery.fingerprint,
        "period": declaration.spec.source.partition,
    }
    outcome = PartitionOutcome(
        delivery.key, False, False, 0, quarantine["row_id"].n_unique(), 0, problem, unfinished, (), None
    )
    return Taken(outcome, record, None, quarantine)
