"""The source sensor: which partitions of the source are new or changed, asked for as ingest runs."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta

import dagster as dg

from retrain_assets.asset import INGEST_TAG, PIPELINE_TAG, asset_key
from retrain_assets.automation import FAILED, IN_FLIGHT, runs_of
from retrain_assets.declaration import Declaration
from retrain_assets.deliveries import withheld
from retrain_assets.errors import RetrainError

STATE_TAG = "retrain_assets/source_state"
LONGEST_BACK_OFF = timedelta(hours=1)


def source_sensor(
    declaration: Declaration,
    ingest: dg.UnresolvedAssetJobDefinition,
    partitions: dg.TimeWindowPartitionsDefinition,
) -> dg.SensorDefinition:
    """Declare the sensor that finds new and changed partitions of the source."""
    first = partitions.start.date().isoformat()

    def evaluate(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        from retrain_assets.training_data.pending import contiguous, pending

        if runs_of(context.instance, declaration, INGEST_TAG, IN_FLIGHT, limit=1):
            return dg.SkipReason(
                "An ingest run of this pipeline is in flight; the source is compared after it."
            )
        try:
            found = pending(declaration, declaration.source(), datetime.now(UTC), context.cursor, first)
        except RetrainError as error:
            return dg.SkipReason(str(error))
        context.update_cursor(found.cursor)
        older = None if found.older is None else _too_old(found.older, first)
        if not found.fingerprints:
            return dg.SkipReason(older or _nothing_new(declaration, found.newest))
        state = _digest(found.fingerprints)
        wait = _back_off(context.instance, declaration, state)
        if wait is not None:
            return dg.SkipReason(wait)
        requests = [
            _request(declaration, state, first, last)
            for first, last in contiguous(list(found.fingerprints), declaration)
        ]
        numbers = {"new_or_changed_partitions": len(found.fingerprints), "left_for_later": found.left}
        seen = dg.AssetObservation(
            asset_key=asset_key(declaration, "source"),
            metadata=numbers if older is None else {**numbers, "older_partitions": older},
            tags={"dagster/data_version": state},
        )
        return dg.SensorResult(run_requests=requests, asset_events=[seen])

    return dg.SensorDefinition(
        name=f"{declaration.name}_source_sensor",
        evaluation_fn=evaluate,
        job=ingest,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Finds new and changed partitions of the source and asks for one ingest run a range.",
    )


def _request(declaration: Declaration, state: str, first: str, last: str) -> dg.RunRequest:
    tags = {PIPELINE_TAG: declaration.name, INGEST_TAG: declaration.name, STATE_TAG: state}
    if first == last:
        return dg.RunRequest(partition_key=first, tags=tags)
    span = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    return dg.RunRequest(tags=tags | span)


def _back_off(instance: dg.DagsterInstance, declaration: Declaration, state: str) -> str | None:
    """Why the same state of the source is not read again yet after failed runs; None where it may be."""
    failures = 0
    last: dg.RunRecord | None = None
    for record in runs_of(instance, declaration, INGEST_TAG, list(dg.DagsterRunStatus), limit=10):
        known = record.dagster_run.tags.get(STATE_TAG)
        if known is None:
            continue  # a release, or what a person started
        if record.dagster_run.status not in FAILED or known != state:
            break
        failures += 1
        last = last or record
    if last is None:
        return None
    pause = min(timedelta(minutes=2**failures), LONGEST_BACK_OFF)
    again = last.update_timestamp.replace(tzinfo=UTC) + pause
    if datetime.now(UTC) >= again:
        return None
    runs = "The last ingest run" if failures == 1 else f"The last {failures} ingest runs"
    return (
        f"{runs} for this state of the source did not succeed; it is read again at {again:%Y-%m-%d %H:%M} UTC, "
        f"or as soon as the source changes. Run {last.dagster_run.run_id} says why."
    )


def _nothing_new(declaration: Declaration, newest: datetime | None) -> str:
    if newest is None:
        return "The source holds no rows yet."
    refused = _withheld(declaration)
    silent = datetime.now(UTC) - newest
    if silent > declaration.expected_every + declaration.spec.source.complete_after:
        late = f"The source is late: its newest partition ended {newest:%Y-%m-%d %H:%M} UTC."
        return f"Nothing new. {late}{refused}"
    if refused:
        return f"Nothing new.{refused}"
    return "Nothing new: every complete partition of the source has been taken in."


def _withheld(declaration: Declaration) -> str:
    """Name the partitions that are withheld, with the newest one's reason; empty without any."""
    found = withheld(declaration.lake)
    if not found:
        return ""
    *others, newest = found
    count = "One partition is" if not others else f"{len(found)} partitions are"
    also = (
        "" if not others else f", {', '.join(others[:-4:-1])}{' and older ones' if len(others) > 3 else ''}"
    )
    return f" {count} withheld: {newest}{also}. Of {newest}: {found[newest]}"


def _too_old(key: str, first: str) -> str:
    return (
        f"The source holds partitions from {key} on, and the loaded code location begins with {first}: reload "
        "it to take them in, or declare source.start to leave them out."
    )


def _digest(fingerprints: object) -> str:
    return hashlib.sha256(json.dumps(fingerprints, sort_keys=True).encode()).hexdigest()[:16]
