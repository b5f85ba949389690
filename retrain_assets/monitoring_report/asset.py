"""The monitoring_report asset: the champion watched, as of each partition's end."""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any

import dagster as dg

from retrain_assets.asset import (
    Finding,
    asset_key,
    common,
    fails_in_a_sentence,
    log_findings,
    partitions_of_run,
    tell_withheld,
)
from retrain_assets.declaration import Declaration
from retrain_assets.deliveries import complete

if TYPE_CHECKING:
    from retrain_assets.monitoring_report.realised import Quality

PROMISE = "champion_holds_its_promise"
_BETWEEN = ("features", "predictions")
"""What lies between a delivery and its report."""


def build(declaration: Declaration, partitions: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """Declare the asset for a pipeline."""
    key = asset_key(declaration, "monitoring_report")
    checks = _checks(declaration)

    def materialize(
        context: dg.AssetExecutionContext,
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        from retrain_assets.monitoring_report.late_labels import review_reports
        from retrain_assets.monitoring_report.record import record_reports
        from retrain_assets.monitoring_report.watch import watch_partitions

        own = set(partitions_of_run(context))
        review = review_reports(declaration)
        made = watch_partitions(declaration, sorted(own.union(review.overtaken)))
        reports = [report for report in made if report["partition_key"] in own]
        for report in reports:
            context.add_asset_metadata(numbers(report), asset_key=key, partition_key=report["partition_key"])
        for report in made:
            if report["partition_key"] not in own:
                context.log_event(_remade(key, report))
        tell_withheld(context, key, declaration.lake)
        page = (declaration.reports / "index.html").as_uri()
        shown = numbers(reports[-1]) if reports else {"said": "There was no champion to watch yet."}
        yield dg.MaterializeResult(metadata=shown | {"page": dg.MetadataValue.url(page)})
        log_findings(context, key, _findings(checks, made))
        for name in checks.values():
            yield _check(name, _findings(checks, reports))
        # Told before it is recorded: a run that dies in between tells it twice, and the other way round never.
        record_reports(declaration, made, review)
        _write_life(context, declaration, key)
        if _goes_all_the_way(context.run.asset_selection, declaration):
            complete(declaration.lake, partitions_of_run(context), context.run.run_id)

    definition: dg.AssetsDefinition = dg.asset(
        **common(
            declaration,
            "monitoring_report",
            "The champion watched as of each partition's end: realised quality on label-mature rows, business "
            "metrics, and drift weighted by what the model relies on.",
            {"polars", "html"},
            build,
        ),
        deps=[asset_key(declaration, "predictions")],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=declaration.expected_every),
        check_specs=[
            dg.AssetCheckSpec(name=name, asset=key, description=_described(reason), partitions_def=partitions)
            for reason, name in checks.items()
        ],
    )(fails_in_a_sentence(materialize))
    return definition


def _write_life(context: dg.AssetExecutionContext, declaration: Declaration, key: dg.AssetKey) -> None:
    """Write the life page, and tell what it knows of the quality of partitions that was not told yet."""
    from retrain_assets.monitoring_report.life import write_life
    from retrain_assets.monitoring_report.realised import (
        newly_realised,
        realised_of,
        record_told,
        told_before,
        why_told,
    )

    life = write_life(declaration)
    before = told_before(declaration.lake)
    realised = newly_realised(before, realised_of(life))
    for partition, quality in realised.items():
        said = why_told(before.get(partition), quality)
        context.log_event(_realised(key, partition, quality, said))
    record_told(declaration.lake, realised)


def _remade(key: dg.AssetKey, report: Mapping[str, Any]) -> dg.AssetMaterialization:
    """Tell of a report of another partition than the run's that it was made anew."""
    said = "Made anew: labels came that count as of this partition's end, and were not in when it was reported on."
    return dg.AssetMaterialization(
        asset_key=key,
        partition=report["partition_key"],
        metadata=numbers(report) | {"remade": said},
    )


def _realised(key: dg.AssetKey, partition: str, quality: "Quality", said: str) -> dg.AssetObservation:
    """Tell of a partition how well its own rows were scored, which its report, as of its end, cannot know."""
    return dg.AssetObservation(
        asset_key=key, partition=partition, metadata={f"own_{quality.metric}": quality.value, "said": said}
    )


def _goes_all_the_way(selection: AbstractSet[dg.AssetKey] | None, declaration: Declaration) -> bool:
    """Whether a run makes all that is made of a delivery; one of some nodes leaves the others' work undone."""
    return not selection or {asset_key(declaration, node) for node in _BETWEEN} <= selection


def _checks(declaration: Declaration) -> dict[str, str]:
    """Name of the check of each kind of finding that is declared."""
    when = declaration.spec.retrain_when
    found = {"performance": "performance_holds"} if when.performance else {}
    found |= {f"business:{item.name}": f"{item.name}_is_in_range" for item in when.business}
    found |= {"drift": "no_important_drift"} if when.drift else {}
    return found | ({"watch": PROMISE} if declaration.spec.promotion_watch else {})


def _described(reason: str) -> str:
    if reason == "performance":
        return "The realised performance has not fallen by more than the declared drop, and keeps its declared level."
    if reason == "watch":
        return (
            "A champion on watch after its promotion is not shown to be worse than the one that it replaced."
        )
    if reason == "drift":
        return "Features that carry the declared share of the importance have not moved."
    return f"The business metric {reason.partition(':')[2]} is in its declared range, with its 95 % interval."


def numbers(report: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of a report that Dagster plots."""
    found: dict[str, Any] = {"rows": report["rows"], "model_version": report["version"]}
    for kind in ("realised", "business"):
        for name, level in report[kind].items():
            if level is not None:
                found |= {
                    f"{kind}_{name}": level["value"],
                    f"{kind}_{name}_lower": level["lower"],
                    f"{kind}_{name}_upper": level["upper"],
                }
    found |= _estimated(report)
    found |= {f"psi_{name}": shift["psi"] for name, shift in report["drift"].items()}
    found["moved_importance"] = report["moved_importance"]
    found["joint_drift_auc"] = (report.get("joint_drift") or {}).get("auc")
    watched = report.get("watch")
    if watched is not None:
        found |= {f"watch_{name}": watched["numbers"].get(name) for name in ("worse_by", "lower", "e_value")}
    found["alarms"] = sum(finding["crossed"] for finding in report["findings"])
    return {name: _plain(value) for name, value in found.items() if value is not None}


def _estimated(report: Mapping[str, Any]) -> dict[str, float | None]:
    """Estimates by metric and method, and how far those were off whose labels came in."""
    found: dict[str, float | None] = {}
    for name, methods in report.get("estimated", {}).items():
        for method, estimate in methods.items():
            found |= {
                f"estimated_{name}_{method}": estimate["value"],
                f"estimated_{name}_{method}_lower": estimate["lower"],
                f"estimated_{name}_{method}_upper": estimate["upper"],
            }
    for row in report.get("reconciled", {}).get("partitions", ()):
        found[f"difference_{row['metric']}_{row['method']}"] = row["difference"]
    return found


def _plain(value: float) -> float:
    """A number without numpy's type, which Dagster does not store."""
    return value if isinstance(value, int) else float(value)


def _findings(checks: Mapping[str, str], reports: Sequence[Mapping[str, Any]]) -> list[Finding]:
    return [
        Finding(
            checks[reason],
            report["partition_key"],
            not finding["crossed"],
            dg.AssetCheckSeverity.WARN,
            {"sentence": finding["sentence"]} | _known(finding["numbers"] if reason == "watch" else {}),
        )
        for report in reports
        for reason, finding in _by_reason(report)
        if reason in checks
    ]


def _by_reason(report: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    found = [(finding["reason"], finding) for finding in report["findings"]]
    return found if report.get("watch") is None else [*found, ("watch", report["watch"])]


def _known(numbers: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in numbers.items() if value is not None}


def _check(name: str, findings: Sequence[Finding]) -> dg.AssetCheckResult:
    """The check's result over all partitions of the run."""
    found = [finding for finding in findings if finding.check == name]
    return dg.AssetCheckResult(
        check_name=name,
        passed=all(finding.passed for finding in found),
        severity=dg.AssetCheckSeverity.WARN,
        metadata=found[-1].metadata if found else {"sentence": _nothing(name)},
    )


def _nothing(check: str) -> str:
    if check == PROMISE:
        return "No new champion was on watch."
    return "There was no champion to watch yet."
