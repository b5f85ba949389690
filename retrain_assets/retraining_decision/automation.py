"""The retraining sensor and the schedule: whether a retrain is due."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice

import dagster as dg
from dagster._utils.schedules import cron_string_iterator

from retrain_assets.asset import (
    AS_OF_TAG,
    ATTEMPT_TAG,
    EVIDENCE_TAG,
    INGEST_TAG,
    PIPELINE_TAG,
    REASON_TAG,
    RETRAIN_TAG,
    ROLLBACK_TAG,
    WHY_TAG,
    asset_key,
)
from retrain_assets.automation import FAILED, IN_FLIGHT, runs_of
from retrain_assets.champion.standing import ACTOR
from retrain_assets.declaration import Declaration
from retrain_assets.retraining_decision.decision import Decision, Hold, Reason
from retrain_assets.retraining_decision.gather import Ruling, rule
from retrain_assets.retraining_decision.past import FailedRun
from retrain_assets.retraining_decision.reasons import NEXT_LOOK
from retrain_assets.retraining_decision.record import last_act, record_decision
from retrain_assets.retraining_decision.rollback import (
    CODE,
    Rollback,
    record_rollback,
    rollback_due,
    rollback_sentence,
)

_FORESEEN = 60
LAUNCH = timedelta(seconds=50)
"""Time that a run takes at most from the decision until the daemon has it; a tick later its request counts as lost."""


def retraining_sensor(
    declaration: Declaration, retrain: dg.UnresolvedAssetJobDefinition, rollback: dg.JobDefinition
) -> dg.SensorDefinition:
    """Declare the sensor that asks for a retrain when there is a reason and nothing holds it back.

    It asks for a rollback, and for nothing else then, when the watch after a promotion has found the new champion
    worse than the one that it replaced.
    """

    def evaluate(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        going_back = _roll_back(context.instance, declaration, rollback.name)
        if going_back is not None:
            return going_back
        ruling = _rule(context.instance, declaration, schedule_due=False)
        return dg.SensorResult(
            run_requests=[_request(declaration, ruling, retrain.name)] if ruling.decision.act else [],
            skip_reason=None if ruling.decision.act else dg.SkipReason(ruling.decision.sentence),
        )

    return dg.SensorDefinition(
        name=f"{declaration.name}_retraining_sensor",
        evaluation_fn=evaluate,
        jobs=[retrain, rollback],
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Decides, with its reasons written down, whether the model is trained again, and whether a "
        "new champion is rolled back.",
    )


def retrain_schedule(
    declaration: Declaration, retrain: dg.UnresolvedAssetJobDefinition, cron: str
) -> dg.ScheduleDefinition:
    """Declare the schedule; its tick is one more reason for the same decision."""

    def evaluate(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        ruling = _rule(context.instance, declaration, schedule_due=True)
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

    # Asked first: a run that ends meanwhile is still in flight, rather than neither that nor failed.
    in_flight = bool(runs_of(instance, declaration, RETRAIN_TAG, IN_FLIGHT, limit=1))
    failed = [_failed(record) for record in runs_of(instance, declaration, RETRAIN_TAG, FAILED, limit=20)]
    ruling = rule(
        declaration,
        schedule_due=schedule_due,
        retrain_in_flight=in_flight or _is_about_to_start(instance, declaration),
        # Asked in this order: what an ingest run finds is on record before it has ended.
        ingest_in_flight=bool(runs_of(instance, declaration, INGEST_TAG, IN_FLIGHT, limit=1)),
        rollback_due=_due(instance, declaration) is not None,
        failed=failed,
        ticks=_next_ticks(declaration),
    )
    if ruling.changed:
        # Told before it is recorded: a crash between the two tells it twice, and the other way round never.
        instance.report_runless_asset_event(_event(declaration, ruling))
        record_decision(declaration, ruling.decision, ruling.as_of)
        # A retrain writes the page itself, with what came of it.
        if not ruling.decision.act:
            write_life(declaration)
    return ruling


def _next_ticks(declaration: Declaration) -> list[datetime]:
    """When the schedule is due next, by the clock on the wall, as the daemon goes by it."""
    cron, zone = declaration.spec.retrain_when.schedule, declaration.spec.timezone
    if cron is None:
        return []
    return list(islice(cron_string_iterator(datetime.now(UTC).timestamp(), cron, zone), _FORESEEN))


def _is_about_to_start(instance: dg.DagsterInstance, declaration: Declaration) -> bool:
    """Whether a retrain was asked for a moment ago, by the other of sensor and schedule, and its run is not there yet."""
    asked = last_act(declaration)
    if asked is None or datetime.now(UTC) - asked > LAUNCH:
        return False
    newest = runs_of(instance, declaration, RETRAIN_TAG, list(dg.DagsterRunStatus), limit=1)
    return not newest or newest[0].create_timestamp < asked


def _roll_back(instance: dg.DagsterInstance, declaration: Declaration, job: str) -> dg.SensorResult | None:
    """Ask for the rollback that is due; None where none is."""
    from retrain_assets.monitoring_report.life import write_life

    due = _due(instance, declaration)
    if due is None:
        return None
    if runs_of(instance, declaration, ROLLBACK_TAG, IN_FLIGHT, limit=1):
        return dg.SensorResult(
            skip_reason="A rollback is in flight; what follows is decided when it has ended."
        )
    as_of = due.as_of.isoformat()
    sentence = rollback_sentence(declaration.name, due)
    # Told before it is recorded, as a decision to retrain is.
    instance.report_runless_asset_event(
        dg.AssetMaterialization(
            asset_key=asset_key(declaration, "retraining_decision"),
            description=sentence,
            metadata={"decision": dg.MetadataValue.md(sentence), "rolls_back": due.version, "as_of": as_of},
        )
    )
    record_rollback(declaration, due)
    write_life(declaration)
    config = {"actor": ACTOR, "reason": due.reason, "version": due.version}
    request = dg.RunRequest(
        job_name=job,
        run_config={"ops": {f"{job}_op": {"config": config}}},
        tags={PIPELINE_TAG: declaration.name, AS_OF_TAG: as_of, REASON_TAG: CODE, WHY_TAG: due.reason},
    )
    return dg.SensorResult(run_requests=[request])


def _due(instance: dg.DagsterInstance, declaration: Declaration) -> Rollback | None:
    """The rollback that is due; None where none is, or where it has failed with the present data."""
    due = rollback_due(declaration)
    if due is None:
        return None
    failed = runs_of(instance, declaration, ROLLBACK_TAG, FAILED, limit=20)
    if any(record.dagster_run.tags.get(AS_OF_TAG) == due.as_of.isoformat() for record in failed):
        return None
    return due


def _failed(record: dg.RunRecord) -> FailedRun:
    run = record.dagster_run
    moment = run.tags.get(AS_OF_TAG)
    return FailedRun(
        run=run.run_id,
        as_of=None if moment is None else datetime.fromisoformat(moment),
        evidence=json.loads(run.tags.get(EVIDENCE_TAG, "{}")),
        ended=record.update_timestamp,
        canceled=run.status == dg.DagsterRunStatus.CANCELED,
        resumed=run.tags.get(ATTEMPT_TAG),
    )


def _request(declaration: Declaration, ruling: Ruling, job: str | None = None) -> dg.RunRequest:
    decision = ruling.decision
    resumed = {} if decision.resumes is None else {ATTEMPT_TAG: decision.resumes}
    return dg.RunRequest(
        job_name=job,
        # What was trained needs no second training, and what was judged is judged again only at a look.
        asset_selection=[asset_key(declaration, node) for node in _nodes(decision)] if resumed else None,
        tags=resumed
        | {
            PIPELINE_TAG: declaration.name,
            RETRAIN_TAG: declaration.name,
            AS_OF_TAG: ruling.as_of.isoformat(),
            REASON_TAG: ",".join(reason.code for reason in decision.reasons),
            WHY_TAG: "\n".join(reason.sentence for reason in decision.reasons),
            EVIDENCE_TAG: json.dumps({reason.code: reason.identity for reason in decision.reasons}),
        },
    )


def _nodes(decision: Decision) -> tuple[str, ...]:
    """What is run for an earlier attempt."""
    looks = decision.reasons[0].code == NEXT_LOOK
    return ("evaluation_report", "registered_model") if looks else ("registered_model",)


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
