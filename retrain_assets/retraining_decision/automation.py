"""The sensors and the schedule: what the source holds, and whether a retrain is due."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg

from retrain_assets.asset import (
    AS_OF_TAG,
    EVIDENCE_TAG,
    INGEST_TAG,
    PIPELINE_TAG,
    REASON_TAG,
    RETRAIN_TAG,
    WHY_TAG,
    asset_key,
)
from retrain_assets.declaration import Declaration
from retrain_assets.errors import RetrainError
from retrain_assets.retraining_decision.evidence import Hold, Reason
from retrain_assets.retraining_decision.gather import FailedRun, Ruling, rule

IN_FLIGHT = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
# Who cancels a run does not want to see it again a minute later.
FAILED = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
STATE_TAG = "retrain_assets/source_state"
LONGEST_BACK_OFF = timedelta(hours=1)


def source_sensor(declaration: Declaration, ingest: dg.UnresolvedAssetJobDefinition) -> dg.SensorDefinition:
    """Declare the sensor that finds new and changed partitions of the source."""

    def evaluate(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        from retrain_assets.training_data.pending import contiguous, pending

        if _runs(context.instance, declaration, INGEST_TAG, IN_FLIGHT, limit=1):
            return dg.SkipReason(
                "An ingest run of this pipeline is in flight; the source is compared after it."
            )
        try:
            found = pending(declaration, declaration.source(), datetime.now(UTC), context.cursor)
        except RetrainError as error:
            return dg.SkipReason(str(error))
        context.update_cursor(found.cursor)
        if not found.fingerprints:
            return dg.SkipReason(_nothing_new(declaration, found.newest))
        state = _digest(found.fingerprints)
        wait = _back_off(context.instance, declaration, state)
        if wait is not None:
            return dg.SkipReason(wait)
        ranges = contiguous(list(found.fingerprints), declaration)
        tags = {PIPELINE_TAG: declaration.name, INGEST_TAG: declaration.name, STATE_TAG: state}
        return dg.SensorResult(
            run_requests=[
                dg.RunRequest(partition_key=first, tags=tags)
                if first == last
                else dg.RunRequest(
                    tags=tags
                    | {
                        "dagster/asset_partition_range_start": first,
                        "dagster/asset_partition_range_end": last,
                    }
                )
                for first, last in ranges
            ],
            asset_events=[
                dg.AssetObservation(
                    asset_key=asset_key(declaration, "source"),
                    metadata={
                        "new_or_changed_partitions": len(found.fingerprints),
                        "left_for_later": found.left,
                    },
                    tags={"dagster/data_version": state},
                )
            ],
        )

    return dg.SensorDefinition(
        name=f"{declaration.name}_source_sensor",
        evaluation_fn=evaluate,
        job=ingest,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Finds new and changed partitions of the source and asks for one ingest run a range.",
    )


def retraining_sensor(
    declaration: Declaration, retrain: dg.UnresolvedAssetJobDefinition
) -> dg.SensorDefinition:
    """Declare the sensor that asks for a retrain when there is a reason and nothing holds it back."""

    def evaluate(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        ruling = _rule(context.instance, declaration, schedule_due=False)
        return dg.SensorResult(
            run_requests=[_request(declaration, ruling)] if ruling.decision.act else [],
            skip_reason=None if ruling.decision.act else dg.SkipReason(ruling.decision.sentence),
            asset_events=[_event(declaration, ruling)] if ruling.changed else [],
        )

    return dg.SensorDefinition(
        name=f"{declaration.name}_retraining_sensor",
        evaluation_fn=evaluate,
        job=retrain,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Decides, with its reasons written down, whether the model is trained again.",
    )


def retrain_schedule(
    declaration: Declaration, retrain: dg.UnresolvedAssetJobDefinition, cron: str
) -> dg.ScheduleDefinition:
    """Declare the schedule; its tick is one more reason for the same decision."""

    def evaluate(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        ruling = _rule(context.instance, declaration, schedule_due=True)
        if ruling.changed:
            context.instance.report_runless_asset_event(_event(declaration, ruling))
        if not ruling.decision.act:
            return dg.SkipReason(ruling.decision.sentence)
        return _request(declaration, ruling)

    return dg.ScheduleDefinition(
        name=f"{declaration.name}_retrain_schedule",
        cron_schedule=cron,
        execution_timezone=declaration.spec.timezone,
        execution_fn=evaluate,
        job=retrain,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Makes a retrain due at the declared times; the decision may still hold it back.",
    )


def _rule(instance: dg.DagsterInstance, declaration: Declaration, *, schedule_due: bool) -> Ruling:
    from retrain_assets.monitoring_report.life import write_life

    failed = [
        FailedRun(
            attempt=record.dagster_run.run_id,
            as_of=datetime.fromisoformat(record.dagster_run.tags[AS_OF_TAG]),
            evidence=json.loads(record.dagster_run.tags.get(EVIDENCE_TAG, "{}")),
        )
        for record in _runs(instance, declaration, RETRAIN_TAG, FAILED, limit=20)
        if AS_OF_TAG in record.dagster_run.tags
    ]
    ruling = rule(
        declaration,
        schedule_due=schedule_due,
        retrain_in_flight=bool(_runs(instance, declaration, RETRAIN_TAG, IN_FLIGHT, limit=1)),
        ingest_in_flight=bool(_runs(instance, declaration, INGEST_TAG, IN_FLIGHT, limit=1)),
        failed=failed,
    )
    # A retrain writes the page itself, with what came of it.
    if ruling.changed and not ruling.decision.act:
        write_life(declaration)
    return ruling


def _request(declaration: Declaration, ruling: Ruling) -> dg.RunRequest:
    decision = ruling.decision
    return dg.RunRequest(
        tags={
            PIPELINE_TAG: declaration.name,
            RETRAIN_TAG: declaration.name,
            AS_OF_TAG: ruling.as_of.isoformat(),
            REASON_TAG: ",".join(reason.code for reason in decision.reasons),
            WHY_TAG: "\n".join(reason.sentence for reason in decision.reasons),
            EVIDENCE_TAG: json.dumps({reason.code: reason.identity for reason in decision.reasons}),
        }
    )


def _event(declaration: Declaration, ruling: Ruling) -> dg.AssetMaterialization:
    decision = ruling.decision
    metadata: dict[str, dg.RawMetadataValue] = {
        "decision": dg.MetadataValue.md(decision.sentence),
        "acts": int(decision.act),
        "reasons": dg.MetadataValue.md(_listed(decision.reasons, "none")),
        "held_back_by": dg.MetadataValue.md(_listed(decision.held_back_by, "nothing")),
        "would_change_its_mind": dg.MetadataValue.md(decision.would_change),
        "number_of_reasons": len(decision.reasons),
        "number_of_holds": len(decision.held_back_by),
        "as_of": ruling.as_of.isoformat(),
    }
    metadata |= {f"evidence_{name}": value for name, value in ruling.numbers.items()}
    return dg.AssetMaterialization(
        asset_key=asset_key(declaration, "retraining_decision"),
        description=decision.sentence,
        metadata=metadata,
    )


def _listed(items: Sequence[Reason | Hold], empty: str) -> str:
    return "\n".join(f"- {item.sentence}" for item in items) or empty


def _runs(
    instance: dg.DagsterInstance,
    declaration: Declaration,
    kind: str,
    statuses: Sequence[dg.DagsterRunStatus],
    limit: int,
) -> Sequence[dg.RunRecord]:
    filters = dg.RunsFilter(tags={kind: declaration.name}, statuses=list(statuses))
    return instance.get_run_records(filters=filters, limit=limit)


def _back_off(instance: dg.DagsterInstance, declaration: Declaration, state: str) -> str | None:
    """Why the same state of the source is not read again yet after failed runs; None where it may be."""
    failures = 0
    last: dg.RunRecord | None = None
    for record in _runs(instance, declaration, INGEST_TAG, list(dg.DagsterRunStatus), limit=10):
        if record.dagster_run.status not in FAILED:
            break
        if record.dagster_run.tags.get(STATE_TAG) != state:
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
    silent = datetime.now(UTC) - newest
    if silent > declaration.expected_every:
        return f"Nothing new. The source is late: its newest partition ended {newest:%Y-%m-%d %H:%M} UTC."
    return "Nothing new: every complete partition of the source has been taken in."


def _digest(fingerprints: object) -> str:
    import hashlib

    return hashlib.sha256(json.dumps(fingerprints, sort_keys=True).encode()).hexdigest()[:16]
