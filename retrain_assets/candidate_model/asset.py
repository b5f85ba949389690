"""The candidate_model asset: a model fitted with what was known at a moment."""

import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import dagster as dg

from retrain_assets.asset import (
    AS_OF_TAG,
    EVIDENCE_TAG,
    PIPELINE_TAG,
    REASON_TAG,
    WHY_TAG,
    asset_key,
    common,
    fails_in_a_sentence,
)
from retrain_assets.declaration import Declaration
from retrain_assets.errors import TrainingError


class CandidateConfig(dg.Config):
    """What a retrain run can be asked for."""

    as_of: str | None = None
    """Moment of knowledge (ISO 8601); default: the newest period's end. Before the champion's it makes a trial."""
    params: dict[str, Any] = {}  # noqa: RUF012  Dagster's Config copies defaults
    """Parameters of the estimator for a trial, which is evaluated and not promoted by itself; a person can promote it."""


@dg.resource(description="The MLflow run of the Dagster run; candidates are logged as its children.")
def mlflow_resource(init_context: dg.InitResourceContext) -> Iterator[Any]:
    """Open dagster-mlflow's run for the Dagster run, and end it with the status that the steps had."""
    from retrain_assets.run_imports import import_for_good, import_skops

    import_skops()
    import_for_good("mlflow")
    import mlflow

    from retrain_assets.champion.tracking import ensure_experiment, tracking_uri

    run = init_context.run
    experiment = "retrain_assets" if run is None else _pipeline_of(run)
    ensure_experiment(experiment)
    # dagster-mlflow keeps the run that is active in the process, even that of an earlier Dagster run.
    while mlflow.active_run() is not None:
        mlflow.end_run("KILLED")
    with warnings.catch_warnings():
        # That dagster-mlflow is in beta is no news to somebody who retrains a model.
        warnings.simplefilter("ignore", dg.BetaWarning)
        from dagster_mlflow.resources import MlFlow

        tracked = MlFlow(
            SimpleNamespace(
                log=init_context.log,
                dagster_run=run,
                run_id=run.run_id if run is not None else None,
                resource_config={"experiment_name": experiment, "mlflow_tracking_uri": tracking_uri()},
            )
        )
    try:
        yield tracked
    finally:
        mlflow.end_run("FAILED" if _some_step_failed(init_context) else "FINISHED")


def _pipeline_of(run: dg.DagsterRun) -> str:
    """Name of the pipeline that a run is of: its assets tell where it was launched from the graph, without tags."""
    names = {key.path[0] for key in run.asset_selection or ()}
    return run.tags.get(PIPELINE_TAG) or (names.pop() if len(names) == 1 else "retrain_assets")


def _some_step_failed(init_context: dg.InitResourceContext) -> bool:
    """The resource does not learn of a step's exception, so the run's own log has to tell."""
    if init_context.instance is None or init_context.run is None:
        return False
    failures = init_context.instance.all_logs(
        init_context.run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE
    )
    return bool(failures)


def build(declaration: Declaration) -> dg.AssetsDefinition:
    """Declare the asset for a pipeline."""

    def materialize(
        context: dg.AssetExecutionContext, config: CandidateConfig
    ) -> Iterator[dg.MaterializeResult[None]]:
        import json

        from retrain_assets.candidate_model.train import Request, train_candidate

        tags = context.run.tags
        record = train_candidate(
            declaration,
            Request(
                attempt=context.run.run_id,
                as_of=_moment(config.as_of or tags.get(AS_OF_TAG)),
                params=config.params,
                reasons=tuple(tags.get(REASON_TAG, "asked").split(",")),
                why=tuple(tags.get(WHY_TAG, "A person asked for it.").split("\n")),
                evidence=json.loads(tags.get(EVIDENCE_TAG, "{}")),
                parent_run_id=context.resources.mlflow.active_run().info.run_id,
            ),
        )
        if record["said"] is not None:
            context.log.info(record["said"])
        yield dg.MaterializeResult(
            metadata={
                "as_of": record["as_of"],
                "rows": record["rows"],
                "features": len(record["features"]),
                "seconds": record["seconds"],
                "train_end": record["windows"]["train_end"],
                "trial": record["trial"],
                "mlflow_run_id": record["mlflow_run_id"],
                "why": dg.MetadataValue.md(" ".join(record["why"])),
            },
            check_results=[
                dg.AssetCheckResult(
                    check_name="training_window_is_sound",
                    passed=not record["guards"],
                    severity=dg.AssetCheckSeverity.WARN,
                    metadata={"rows": record["rows"], "findings": "\n".join(record["guards"]) or "none"},
                )
            ],
        )

    key = asset_key(declaration, "candidate_model")
    definition: dg.AssetsDefinition = dg.asset(
        **common(
            declaration,
            "candidate_model",
            "A model fitted on the training window, with only what was known as of one moment; nothing is "
            "registered yet.",
            {"scikitlearn", "mlflow"},
            build,
        ),
        deps=[asset_key(declaration, "features")],
        code_version=declaration.code_version(),
        required_resource_keys={"mlflow"},
        check_specs=[
            dg.AssetCheckSpec(
                name="training_window_is_sound",
                asset=key,
                description="No feature is empty in the training window, and no other guard was raised while fitting.",
            )
        ],
    )(fails_in_a_sentence(materialize))
    return definition


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    form = "write it in ISO 8601 with an offset, such as 2026-01-05T00:00:00Z."
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise TrainingError(f"as_of {text!r} is no moment: {form}") from None
    if moment.tzinfo is None:
        raise TrainingError(f"as_of {text!r} has no time zone: {form}")
    return moment.astimezone(UTC)
