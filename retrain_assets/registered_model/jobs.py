"""Jobs by which a person changes what the loop decided: roll back, force a version, release quarantined rows."""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum

import dagster as dg

from retrain_assets.asset import INGEST_TAG, PIPELINE_TAG, ROLLBACK_TAG, asset_key, fails_in_a_sentence
from retrain_assets.declaration import Declaration


class RollbackConfig(dg.Config):
    """Who rolls back, and why."""

    actor: str
    reason: str
    version: int | None = None
    """The champion that is meant; none is the one at the moment at which the run was created."""


class PromoteConfig(dg.Config):
    """Which version or candidate becomes champion, who says so, and why."""

    actor: str
    reason: str
    version: int | None = None
    """A registered version."""
    attempt: str | None = None
    """Id of the run whose candidate is registered and promoted, where it has no version yet."""


class Answer(Enum):
    """What a person may say to a candidate that waits."""

    approve = "approve"
    decline = "decline"


class ApproveConfig(dg.Config):
    """What is decided on the candidate that waits for approval, who says so, and why."""

    decision: Answer
    actor: str
    reason: str
    version: int | None = None
    """The candidate that is meant; none is the one that waited at the moment at which the run was created."""


class ReleaseConfig(dg.Config):
    """Which quarantined rows are judged again."""

    partitions: list[str] = []  # noqa: RUF012  Dagster's Config copies defaults
    """Keys of the partitions; none means all."""


def rollback_job(declaration: Declaration) -> dg.JobDefinition:
    """Declare the job that puts the previous champion back and bars the present one."""
    name = f"{declaration.name}_rollback"

    @dg.op(name=f"{name}_op", description="Put the previous champion back; the present one is barred.")
    @fails_in_a_sentence
    def roll_back(context: dg.OpExecutionContext, config: RollbackConfig) -> None:
        from retrain_assets.registered_model.intervene import roll_back_champion

        version = roll_back_champion(
            declaration, config.actor, config.reason, asked_at=_asked_at(context), meant=config.version
        )
        _tell(context, declaration, version)

    # Tried again after a crash it would take the next version too.
    once = {"dagster/max_retries": "0", ROLLBACK_TAG: declaration.name}
    return _job(
        declaration, name, roll_back, "Go back to the previous champion; the present one is barred.", once
    )


def promote_job(declaration: Declaration) -> dg.JobDefinition:
    """Declare the job by which a person makes a version champion."""
    name = f"{declaration.name}_promote"

    @dg.op(
        name=f"{name}_op",
        description="Make a version, or a run's candidate, champion by a person's decision.",
    )
    @fails_in_a_sentence
    def force(context: dg.OpExecutionContext, config: PromoteConfig) -> None:
        from retrain_assets.registered_model.intervene import force_champion

        entry = force_champion(
            declaration,
            version=config.version,
            attempt=config.attempt,
            actor=config.actor,
            reason=config.reason,
        )
        _tell(context, declaration, entry.version, entry.evidence["verdict"])

    return _job(
        declaration,
        name,
        force,
        "Make a version, or a run's candidate, champion by a person's decision.",
    )


def approve_job(declaration: Declaration) -> dg.JobDefinition:
    """Declare the job by which a person approves or declines the candidate that waits."""
    name = f"{declaration.name}_approve"

    @dg.op(name=f"{name}_op", description="Approve or decline the candidate that waits for approval.")
    @fails_in_a_sentence
    def decide(context: dg.OpExecutionContext, config: ApproveConfig) -> None:
        from retrain_assets.registered_model.approve import decide_on_waiting

        approve = config.decision is Answer.approve
        version = decide_on_waiting(
            declaration,
            approve=approve,
            actor=config.actor,
            reason=config.reason,
            asked_at=_asked_at(context),
            version=config.version,
        )
        if approve:
            _tell(context, declaration, version)
        else:
            context.log.info(f"Version {version} of {declaration.name} is declined; the champion stays.")

    return _job(declaration, name, decide, "Approve or decline the candidate that waits for approval.")


def release_job(declaration: Declaration) -> dg.JobDefinition:
    """Declare the job that lets quarantined rows in whose rules have been mended."""
    name = f"{declaration.name}_release"

    @dg.op(
        name=f"{name}_op",
        description="Judge quarantined rows by the present declaration and let the good ones in.",
    )
    @fails_in_a_sentence
    def release(context: dg.OpExecutionContext, config: ReleaseConfig) -> None:
        from retrain_assets.training_data.release import left_aside, release_quarantined

        released = release_quarantined(declaration, config.partitions)
        context.log.info(
            f"{sum(released.values()):,} rows were released. {left_aside(declaration, config.partitions)}"
        )
        for key, rows in released.items():
            context.log.info(f"{rows} rows of partition {key} were released.")
            context.log_event(
                dg.AssetMaterialization(
                    asset_key=asset_key(declaration, "training_data"),
                    partition=key,
                    metadata={"released_rows": rows},
                )
            )

    # It writes what ingest runs write, so they wait for each other.
    alone = {INGEST_TAG: declaration.name}
    return _job(declaration, name, release, "Let quarantined rows in whose rules have been mended.", alone)


def _job(
    declaration: Declaration,
    name: str,
    op: dg.OpDefinition,
    description: str,
    tags: Mapping[str, str] | None = None,
) -> dg.JobDefinition:
    def body() -> None:
        op()

    return dg.job(
        name=name,
        description=description,
        tags={PIPELINE_TAG: declaration.name, **(tags or {})},
        executor_def=dg.in_process_executor,
    )(body)


def _asked_at(context: dg.OpExecutionContext) -> datetime | None:
    """When the run was created: who asked for it meant what stood then, whatever happened while it was queued."""
    record = context.instance.get_run_record_by_id(context.run_id)
    return None if record is None else record.create_timestamp


def _tell(
    context: dg.OpExecutionContext, declaration: Declaration, version: int, sentence: str | None = None
) -> None:
    context.log.info(
        " ".join(filter(None, [f"Version {version} is champion of {declaration.name}.", sentence]))
    )
    told = {} if sentence is None else {"sentence": dg.MetadataValue.md(sentence)}
    context.log_event(
        dg.AssetMaterialization(
            asset_key=asset_key(declaration, "registered_model"),
            metadata={"version": version, "at": datetime.now(UTC).isoformat(), **told},
            tags={"dagster/data_version": str(version)},
        )
    )
