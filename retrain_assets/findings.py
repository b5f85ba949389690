"""What checks find in single partitions, so that Dagster shows it partition by partition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData as Target,
)


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
    that the asset returns in it: Dagster would show the checks of its partitions as skipped. To be called after
    the asset was materialized, because a result counts for the materialization that it targets.
    """
    if context.has_partition_key:
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
