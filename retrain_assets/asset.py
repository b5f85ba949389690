"""What the assets of every node have in common: what describes them, how they fail, how their checks are told."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import dagster as dg
import polars as pl
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData as Target,
)

from retrain_assets.declaration import Declaration
from retrain_assets.deliveries import withheld
from retrain_assets.errors import PartitionError, RetrainError
from retrain_assets.lake import Lake

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")

PIPELINE_TAG = "retrain_assets/pipeline"
AS_OF_TAG = "retrain_assets/as_of"
REASON_TAG = "retrain_assets/reason"
WHY_TAG = "retrain_assets/why"
ATTEMPT_TAG = "retrain_assets/attempt"
EVIDENCE_TAG = "retrain_assets/evidence"
RETRAIN_TAG = "retrain_assets/retrain"
INGEST_TAG = "retrain_assets/ingest"
CADENCE_TAG = "retrain_assets/cadence"
ROLLBACK_TAG = "retrain_assets/rollback"


def asset_key(declaration: Declaration, node: str) -> dg.AssetKey:
    """Key of a node of the pipeline's graph."""
    return dg.AssetKey([declaration.name, node])


def common(
    declaration: Declaration, node: str, description: str, kinds: set[str], code: Callable[..., Any]
) -> dict[str, Any]:
    """Arguments that an asset and an asset spec take alike.

    Parameters
    ----------
    declaration
        The pipeline.
    node
        Name of the node, as in the folder tree.
    description
        What the asset is, for a reader of the graph.
    kinds
        Technologies shown on the node.
    code
        The function whose place is the asset's code reference.
    """
    file = inspect.getsourcefile(code)
    line = inspect.getsourcelines(code)[1]
    # Dagster adds the defs.yaml itself.
    reference = dg.LocalFileCodeReference(file_path=str(file), line_number=line, label=Path(str(file)).name)
    return {
        "key": asset_key(declaration, node),
        "description": description,
        "kinds": kinds,
        "owners": declaration.spec.owners,
        "group_name": declaration.name,
        "metadata": {"dagster/code_references": dg.CodeReferencesMetadataValue(code_references=[reference])},
    }


def partitions_definition(declaration: Declaration) -> dg.TimeWindowPartitionsDefinition:
    """The pipeline's partitions as Dagster knows them; keys equal those of the lake."""
    start = declaration.first_day().isoformat()
    zone = declaration.spec.timezone
    match declaration.spec.source.partition:
        case "daily":
            return dg.DailyPartitionsDefinition(start_date=start, timezone=zone)
        case "weekly":
            return dg.WeeklyPartitionsDefinition(start_date=start, timezone=zone, day_offset=1)
        case "monthly":
            return dg.MonthlyPartitionsDefinition(start_date=start, timezone=zone)


def table_metadata(schema: Mapping[str, pl.DataType], rows: int) -> dict[str, Any]:
    """Row count and column schema, in the form that Dagster's UI shows."""
    columns = [dg.TableColumn(name=name, type=str(dtype)) for name, dtype in schema.items()]
    return {
        "dagster/row_count": rows,
        "dagster/column_schema": dg.TableSchema(columns=columns),
    }


def fails_in_a_sentence(body: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """Make what a user can mend the first thing that Dagster shows of a failed step, and never try it again.

    Parameters
    ----------
    body
        The function of an asset or op, a generator or not. What is no ``RetrainError`` passes as it is.
    """
    if inspect.isgeneratorfunction(body):

        @wraps(body)
        def run(*arguments: _Arguments.args, **named: _Arguments.kwargs) -> Iterator[Any]:
            with _sentence_first():
                yield from body(*arguments, **named)

        return run  # type: ignore[return-value]  # the same generator, with another frame around it

    @wraps(body)
    def call(*arguments: _Arguments.args, **named: _Arguments.kwargs) -> _Result:
        with _sentence_first():
            return body(*arguments, **named)

    return call


@contextmanager
def _sentence_first() -> Iterator[None]:
    try:
        yield
    except RetrainError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error


def partitions_of_run(context: dg.AssetExecutionContext) -> list[str]:
    """Keys of the partitions that a run is for, oldest first.

    Raises
    ------
    PartitionError
        When it was started for none, or for a range whose ends are none: Dagster would go on to the next one.
    """
    job = context.run.job_name
    if not (context.has_partition_key or context.has_partition_key_range):
        raise PartitionError(
            f"A run of {job} takes partitions in, and this one names none: start it with "
            f"dg launch --job {job} --partition <key>, or --partition-range <first>...<last>."
        )
    keys, span = list(context.partition_keys), context.partition_key_range
    if not keys or (keys[0], keys[-1]) != (span.start, span.end):
        raise PartitionError(
            f"There is no range of partitions from {span.start} to {span.end}: name the first and then the last one, "
            "each by its first day, a week by its Monday."
        )
    return keys


def tell_withheld(context: dg.AssetExecutionContext, key: dg.AssetKey, lake: Lake) -> None:
    """Say of the partitions of a run that are withheld why they are.

    A run over a range has one result for all of them, so that Dagster shows a withheld one as materialized.
    """
    for partition, problem in withheld(lake).items():
        if partition in partitions_of_run(context):
            context.add_asset_metadata({"withheld": problem}, asset_key=key, partition_key=partition)


@dataclass(frozen=True)
class Finding:
    """What a check found in one partition."""

    check: str
    partition: str
    passed: bool
    severity: dg.AssetCheckSeverity
    metadata: Mapping[str, Any]


def log_findings(context: dg.AssetExecutionContext, key: dg.AssetKey, findings: Sequence[Finding]) -> None:
    """Log what the checks of an asset found in each partition.

    A run over a range has no partition of its own, even if the range is one partition, and so have the results
    that the asset returns in it: Dagster would show the checks of its partitions as skipped. In a run of one
    partition those results are that partition's, and only findings in others are logged. To be called after the
    asset was materialized, because a result counts for the materialization that it targets.
    """
    returned = context.partition_key if context.has_partition_key else None
    findings = [finding for finding in findings if finding.partition != returned]
    if not findings:
        return
    targets = _newest_materializations(context.instance, key, {finding.partition for finding in findings})
    for finding in findings:
        context.log_event(
            dg.AssetCheckEvaluation(
                asset_key=key,
                check_name=finding.check,
                passed=finding.passed,
                severity=finding.severity,
                metadata=dict(finding.metadata),
                target_materialization_data=targets.get(finding.partition),
                partition=finding.partition,
            )
        )


def _newest_materializations(
    instance: dg.DagsterInstance, key: dg.AssetKey, partitions: set[str]
) -> dict[str, Target]:
    kind = dg.DagsterEventType.ASSET_MATERIALIZATION
    newest = list(instance.get_latest_storage_id_by_partition(key, kind, partitions).values())
    found = instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=key, storage_ids=newest), limit=max(len(newest), 1)
    )
    return {
        str(record.partition_key): Target(
            storage_id=record.storage_id, run_id=record.run_id, timestamp=record.timestamp
        )
        for record in found.records
    }
