"""RetrainingPipeline: a declared model becomes assets, checks, jobs, a schedule and sensors."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Self

import dagster as dg
from pydantic import BaseModel

from retrain_assets.asset import (
    CADENCE_TAG,
    INGEST_TAG,
    PIPELINE_TAG,
    RETRAIN_TAG,
    asset_key,
    common,
    partitions_definition,
)
from retrain_assets.automation import cron_fault
from retrain_assets.cadence_report import asset as cadence_report
from retrain_assets.candidate_model import asset as candidate_model
from retrain_assets.declaration import Declaration
from retrain_assets.evaluation_report import asset as evaluation_report
from retrain_assets.features import asset as features
from retrain_assets.loading import check_name_is_free, faults_told_last, read_declaration
from retrain_assets.monitoring_report import asset as monitoring_report
from retrain_assets.predictions import asset as predictions
from retrain_assets.registered_model import asset as registered_model
from retrain_assets.registered_model.jobs import (
    approve_job,
    promote_job,
    release_job,
    rollback_job,
)
from retrain_assets.retraining_decision.automation import retrain_schedule, retraining_sensor
from retrain_assets.spec import PipelineSpec
from retrain_assets.spec.attributes import Attributes
from retrain_assets.spec.scaffolder import PipelineScaffolder
from retrain_assets.training_data import asset as training_data
from retrain_assets.training_data.automation import source_sensor

_INGEST = ("training_data", "features", "predictions", "monitoring_report")
_RETRAIN = ("candidate_model", "evaluation_report", "registered_model")
_CADENCE = ("cadence_report",)


@dg.scaffold_with(PipelineScaffolder)
@dataclass
class RetrainingPipeline(dg.Component):
    """A model that is retrained when it should be, and replaced only when a better one is proven.

    dg scaffold defs looks at the rows and writes the declaration. It takes:

    - --path: a Parquet or CSV file, a glob, or a path with {partition:%Y-%m-%d};
    - or --url and --table: a database's SQLAlchemy address, and a table of it;
    - --timestamp: the column with the event time of a row (needed);
    - --timestamp-format: its strftime form, where it is text in no ISO form;
    - --label: the column to predict (needed);
    - --delay: how long after its timestamp a row's label is known, such as 30d.
    """

    declaration: Declaration

    @classmethod
    def get_model_cls(cls) -> type[BaseModel]:
        """The model of the attributes, which ``dg`` shows and checks."""
        return Attributes

    @classmethod
    def load(cls, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> Self:
        """Read the declaration.

        Raises
        ------
        SpecError
            With a sentence a fault, each naming the file and the field.
        """
        folder = Path(context.path)
        file = folder if folder.is_file() else folder / "defs.yaml"
        with faults_told_last():
            written = {} if attributes is None else attributes.model_dump()
            return cls(
                read_declaration(
                    written, file, partial(_filled_in, context=context.resolution_context), _refused
                )
            )

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Build the pipeline's part of the code location.

        Raises
        ------
        SpecError
            When another pipeline of the code location has the same name.
        """
        pipelines = context.component_tree.get_all_components(of_type=RetrainingPipeline)
        with faults_told_last():
            check_name_is_free(self.declaration, [each.declaration for each in pipelines])
        return build_definitions(self.declaration)


def build_definitions(declaration: Declaration) -> dg.Definitions:
    """Build all of a pipeline: assets with their checks, jobs, schedule, sensors, and the MLflow resource."""
    partitions = partitions_definition(declaration)
    ingest = _job(declaration, "ingest", _INGEST, INGEST_TAG, "Take partitions in, score and monitor them.")
    retrain = _job(declaration, "retrain", _RETRAIN, RETRAIN_TAG, "Train a candidate, judge it, act on it.")
    cadence = _job(declaration, "cadence", _CADENCE, CADENCE_TAG, "Replay history under other retrainings.")
    rollback = rollback_job(declaration)
    manual = declaration.spec.promotion.approval == "manual"
    cron = declaration.spec.retrain_when.schedule
    replay = declaration.spec.cadence
    return dg.Definitions(
        assets=[
            dg.AssetSpec(**_source(declaration)),
            training_data.build(declaration, partitions),
            features.build(declaration, partitions),
            candidate_model.build(declaration),
            evaluation_report.build(declaration),
            registered_model.build(declaration),
            predictions.build(declaration, partitions),
            monitoring_report.build(declaration, partitions),
            cadence_report.build(declaration),
            dg.AssetSpec(**_decision(declaration)),
        ],
        jobs=[
            ingest,
            retrain,
            cadence,
            rollback,
            promote_job(declaration),
            release_job(declaration),
            *([approve_job(declaration)] if manual else []),
        ],
        schedules=[
            *([retrain_schedule(declaration, retrain, cron)] if cron else []),
            *([_cadence_schedule(declaration, cadence, replay.schedule)] if replay else []),
        ],
        sensors=[
            source_sensor(declaration, ingest, partitions),
            retraining_sensor(declaration, retrain, rollback),
        ],
        resources={"mlflow": candidate_model.mlflow_resource},
    )


def _source(declaration: Declaration) -> dict[str, Any]:
    return common(
        declaration,
        "source",
        f"Where the labelled rows come from: {declaration.source_address}. The source sensor observes it.",
        {"source"},
        source_sensor,
    )


def _decision(declaration: Declaration) -> dict[str, Any]:
    return common(
        declaration,
        "retraining_decision",
        "Whether the model is trained again, with every reason and everything that holds it back; the retraining "
        "sensor reports each change of the decision.",
        {"decision"},
        retraining_sensor,
    ) | {"deps": [asset_key(declaration, "monitoring_report")]}


def _job(
    declaration: Declaration, kind: str, nodes: tuple[str, ...], tag: str, description: str
) -> dg.UnresolvedAssetJobDefinition:
    return dg.define_asset_job(
        name=f"{declaration.name}_{kind}",
        selection=dg.AssetSelection.assets(*(asset_key(declaration, node) for node in nodes)),
        tags={PIPELINE_TAG: declaration.name, tag: declaration.name},
        executor_def=dg.in_process_executor,
        description=description,
    )


def _cadence_schedule(
    declaration: Declaration, job: dg.UnresolvedAssetJobDefinition, cron: str
) -> dg.ScheduleDefinition:
    return dg.ScheduleDefinition(
        name=f"{declaration.name}_cadence_schedule",
        cron_schedule=cron,
        execution_timezone=declaration.spec.timezone,
        job=job,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Replays history at the declared times; what earlier reports computed is not computed again.",
    )


def _filled_in(written: Any, context: dg.ResolutionContext) -> Any:
    """Put values into templates. Any other text stays as written: Dagster would make a number of the text "1"."""
    if isinstance(written, dict):
        return {name: _filled_in(value, context.at_path(name)) for name, value in written.items()}
    if isinstance(written, list):
        return [_filled_in(value, context.at_path(place)) for place, value in enumerate(written)]
    return context.resolve_value(written) if isinstance(written, str) and "{{" in written else written


def _refused(spec: PipelineSpec) -> list[str]:
    """Say which values Dagster would refuse, in words that name the field."""
    faults = []
    for owner in spec.owners:
        try:
            dg.AssetSpec("owned", owners=[owner])
        except dg.DagsterInvalidDefinitionError:
            faults.append(f"owners: {owner!r} is no owner; write an e-mail address, or team: and a name.")
    crons = {"retrain_when.schedule": spec.retrain_when.schedule}
    if spec.cadence is not None:
        crons["cadence.schedule"] = spec.cadence.schedule
    told = {field: None if cron is None else cron_fault(cron) for field, cron in crons.items()}
    faults += [f"{field}: {fault}" for field, fault in told.items() if fault is not None]
    freshness = {
        "source.expected_every": spec.source.expected_every,
        "retrain_when.max_age": spec.retrain_when.max_age,
    }
    faults += [
        f"{field}: less than a minute cannot be watched; write a longer duration, such as 1h or 7d."
        for field, length in freshness.items()
        if length is not None and length < timedelta(minutes=1)
    ]
    return faults
