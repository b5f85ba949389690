"""The training_data asset: the source's rows, judged, bad ones put aside."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import dagster as dg

from retrain_assets.asset import (
    Finding,
    asset_key,
    common,
    fails_in_a_sentence,
    log_findings,
    partitions_of_run,
    table_metadata,
)
from retrain_assets.declaration import Declaration
from retrain_assets.training_data.expectations.vocabulary import check_names, describe

if TYPE_CHECKING:
    from retrain_assets.training_data.acceptance import PartitionOutcome

DELIVERY_CHECK = "partition_is_accepted"
LABELS_CHECK = "labels_are_joined"


def build(declaration: Declaration, partitions: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """Declare the asset for a pipeline."""
    key = asset_key(declaration, "training_data")
    names = check_names(declaration.spec.expectations)

    def materialize(
        context: dg.AssetExecutionContext,
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        from retrain_assets.training_data.ingest import ingest

        outcomes: list[PartitionOutcome] = []
        findings: dict[str, list[Finding]] = {name: [] for name in (DELIVERY_CHECK, *names)}
        for outcome in ingest(declaration, partitions_of_run(context), context.run.run_id):
            _tell(context, declaration, outcome)
            findings[DELIVERY_CHECK].append(_delivery(outcome))
            for finding in _expectations(declaration, outcome, names):
                findings[finding.check].append(finding)
            outcomes.append(replace(outcome, delivered=None))
        # Without a materialization the later nodes do not run; rows that they lack from before need them.
        if any(outcome.accepted or outcome.unfinished for outcome in outcomes):
            schema = declaration.lake.schema("training_data") or {}
            yield dg.MaterializeResult(metadata=_totals(outcomes, schema))
        if declaration.spec.label.source is not None:
            findings[LABELS_CHECK] = [_labels(context, declaration)]
        log_findings(context, key, [finding for found in findings.values() for finding in found])
        for name, found in findings.items():
            yield _check(name, found)

    definition: dg.AssetsDefinition = dg.asset(
        **common(
            declaration,
            "training_data",
            "The source's rows as they came: rows that break an expectation are in quarantine, a partition that "
            "fails critically is withheld, and its earlier version stays.",
            {"polars", "deltalake", "greatexpectations"},
            build,
        ),
        deps=[asset_key(declaration, "source")],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        output_required=False,
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=declaration.expected_every),
        check_specs=list(_check_specs(declaration, names, partitions)),
    )(fails_in_a_sentence(materialize))
    return definition


def _labels(context: dg.AssetExecutionContext, declaration: Declaration) -> Finding:
    """Take in what the source of labels holds that is new, and look how many rows have their label."""
    from retrain_assets.training_data.label_source.intake import take_labels
    from retrain_assets.training_data.label_source.joined import joined_labels

    taken = take_labels(declaration, context.run.run_id)
    problems = [item.problem for item in taken if item.problem is not None]
    for problem in problems:
        context.log.warning(problem)
    joined = joined_labels(declaration)
    numbers = {
        "sentence": " ".join([joined.sentence, *problems]),
        "new_labels": sum(item.new for item in taken),
        "withdrawn_labels": sum(item.withdrawn for item in taken),
        "unusable_labels": sum(item.unusable for item in taken),
        "mature_rows": joined.mature,
        "labelled_rows": joined.labelled,
    }
    passed = joined.enough and not problems
    partition = partitions_of_run(context)[-1]
    return Finding(LABELS_CHECK, partition, passed, dg.AssetCheckSeverity.WARN, numbers)


def _check_specs(
    declaration: Declaration, names: Sequence[str], partitions: dg.PartitionsDefinition[str]
) -> Iterator[dg.AssetCheckSpec]:
    key = asset_key(declaration, "training_data")
    yield dg.AssetCheckSpec(
        name=DELIVERY_CHECK,
        asset=key,
        description="The delivered partition could be read, and no critical expectation failed.",
        partitions_def=partitions,
    )
    if declaration.spec.label.source is not None:
        yield dg.AssetCheckSpec(
            name=LABELS_CHECK,
            asset=key,
            description="The labels that come from elsewhere could be read, and find the rows that are old enough.",
            partitions_def=partitions,
        )
    for name, expectation in zip(names, declaration.spec.expectations, strict=True):
        yield dg.AssetCheckSpec(
            name=name, asset=key, description=describe(expectation), partitions_def=partitions
        )


def _tell(context: dg.AssetExecutionContext, declaration: Declaration, outcome: "PartitionOutcome") -> None:
    if outcome.problem is not None:
        context.log.warning(outcome.problem)
    schema = declaration.lake.schema("training_data") or {}
    context.add_asset_metadata(
        table_metadata(schema, outcome.rows) | _numbers(outcome),
        asset_key=asset_key(declaration, "training_data"),
        partition_key=outcome.key,
    )


def _numbers(outcome: "PartitionOutcome") -> dict[str, Any]:
    numbers = {
        "rows": outcome.rows,
        "quarantined": outcome.quarantined,
        "duplicates": outcome.duplicates,
        "accepted": outcome.accepted,
        "changed": outcome.changed,
    }
    return numbers if outcome.problem is None else numbers | {"problem": outcome.problem}


def _delivery(outcome: "PartitionOutcome") -> Finding:
    severity = dg.AssetCheckSeverity.ERROR
    return Finding(DELIVERY_CHECK, outcome.key, outcome.accepted, severity, _numbers(outcome))


def _expectations(
    declaration: Declaration, outcome: "PartitionOutcome", names: Sequence[str]
) -> list[Finding]:
    """Validate one delivered partition with great_expectations, where anything is expected of it."""
    if not names:
        return []
    from retrain_assets.training_data.expectations.great_expectations_suite import validate

    if outcome.delivered is None:
        unread = {"sentence": "The partition could not be read, so nothing was evaluated."}
        return [Finding(name, outcome.key, False, dg.AssetCheckSeverity.WARN, unread) for name in names]
    docs = declaration.reports / "data_docs" / outcome.key
    results = validate(outcome.delivered, declaration.spec.expectations, declaration.name, docs)
    return [
        Finding(
            name,
            outcome.key,
            result.success,
            dg.AssetCheckSeverity.ERROR if result.severity == "critical" else dg.AssetCheckSeverity.WARN,
            {
                "sentence": result.sentence,
                "unexpected_rows": result.unexpected,
                "evaluated_rows": result.evaluated,
                "data_docs": dg.MetadataValue.url((docs / "index.html").as_uri()),
            },
        )
        for name, result in zip(names, results, strict=True)
    ]


def _check(name: str, findings: Sequence[Finding]) -> dg.AssetCheckResult:
    """The check's result over all partitions of the run."""
    failed = [finding for finding in findings if not finding.passed]
    return dg.AssetCheckResult(
        check_name=name,
        passed=not failed,
        severity=failed[0].severity if failed else dg.AssetCheckSeverity.WARN,
        metadata=dict(findings[0].metadata)
        if len(findings) == 1
        else {
            "partitions": len(findings),
            "failed_partitions": ", ".join(finding.partition for finding in failed) or "none",
        },
    )


def _totals(outcomes: "Sequence[PartitionOutcome]", schema: Mapping[str, Any]) -> dict[str, Any]:
    rows = sum(outcome.rows for outcome in outcomes)
    return table_metadata(schema, rows) | {
        "rows": rows,
        "quarantined": sum(outcome.quarantined for outcome in outcomes),
        "duplicates": sum(outcome.duplicates for outcome in outcomes),
        "partitions": len(outcomes),
        "withheld": sum(not outcome.accepted for outcome in outcomes),
    }
