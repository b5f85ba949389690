"""The source sensor: which partitions of the source are new or changed, asked for as ingest runs."""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg

from retrain_assets.asset import INGEST_TAG, PIPELINE_TAG, asset_key
from retrain_assets.automation import IN_FLIGHT, STATE_TAG, back_off, digest_of, runs_of
from retrain_assets.declaration import Declaration
from retrain_assets.deliveries import withheld
from retrain_assets.errors import RetrainError
from retrain_assets.training_data.label_source.automation import Cursor, look_for_labels


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
        cursor = Cursor.read(context.cursor)
        try:
            found = pending(declaration, declaration.source(), datetime.now(UTC), cursor.rows, first)
        except RetrainError as error:
            return dg.SkipReason(str(error))
        older = None if found.older is None else _too_old(found.older, first)
        if not found.fingerprints:
            labels = look_for_labels(declaration, context.instance, cursor.labels)
            context.update_cursor(Cursor(found.cursor, labels.cursor).write())
            if labels.request is not None:
                return dg.SensorResult(run_requests=[labels.request])
            said = older or _nothing_new(declaration, found.newest)
            return dg.SkipReason(said if labels.said is None else f"{said} {labels.said}")
        context.update_cursor(Cursor(found.cursor, cursor.labels).write())
        state = digest_of(found.fingerprints)
        wait = back_off(context.instance, declaration, state)
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
