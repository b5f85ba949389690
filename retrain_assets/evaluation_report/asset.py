"""The evaluation_report asset: candidate, champion and baseline on the same unseen rows."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import dagster as dg

from retrain_assets.asset import AS_OF_TAG, ATTEMPT_TAG, asset_key, common, fails_in_a_sentence
from retrain_assets.declaration import Declaration

CHECKS = {
    "candidate_is_better": "The candidate is proven better than the champion, or than the baseline where there is "
    "no champion yet.",
    "candidate_beats_baseline": "The candidate is proven better than the naive baseline.",
    "no_slice_is_worse": "The candidate is significantly worse than the champion in no declared slice.",
    "calibration_holds": "The candidate's probabilities are not significantly worse calibrated than the champion's.",
    "explanation_holds": "At most a quarter of the reliance on features has moved from the champion to the candidate.",
    "champion_can_be_scored": "The champion could be read and scored on the rows of the holdout.",
}


def build(declaration: Declaration) -> dg.AssetsDefinition:
    """Declare the asset for a pipeline."""
    key = asset_key(declaration, "evaluation_report")

    def materialize(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        from retrain_assets.evaluation_report.assess import assess_candidate

        tags = context.run.tags
        attempt, again_at = tags.get(ATTEMPT_TAG), None
        if attempt is not None:
            again_at = (
                datetime.fromisoformat(tags[AS_OF_TAG]) if AS_OF_TAG in tags else declaration.data_clock()
            )
        document = assess_candidate(declaration, attempt or context.run.run_id, again_at=again_at)
        page = declaration.reports / document["page"]
        verdict, trial = document["verdict"], " (a trial)" if document["trial"] else ""
        context.log.info(
            f"The verdict{trial} is {verdict['verdict']} ({verdict['reason']}). {verdict['sentence']} Its page: {page}"
        )
        yield dg.MaterializeResult(
            metadata=_metadata(document) | {"page": dg.MetadataValue.url(page.as_uri())},
            check_results=_checks(document),
        )

    definition: dg.AssetsDefinition = dg.asset(
        **common(
            declaration,
            "evaluation_report",
            "Candidate, champion and a naive baseline compared on the same rows, which none of them was trained "
            "on; the verdict says blessed, rejected or inconclusive.",
            {"scikitlearn", "html"},
            build,
        ),
        deps=[asset_key(declaration, "candidate_model")],
        check_specs=[
            dg.AssetCheckSpec(name=name, asset=key, description=text) for name, text in CHECKS.items()
        ],
    )(fails_in_a_sentence(materialize))
    return definition


def _metadata(document: dict[str, Any]) -> dict[str, Any]:
    from retrain_assets.evaluation_report.figures import figures

    verdict = document["verdict"]
    metadata = {
        "verdict": verdict["verdict"],
        "reason": verdict["reason"],
        "sentence": dg.MetadataValue.md(verdict["sentence"]),
        "as_of": document["as_of"],
        "holdout_rows": document["rows"]["holdout"],
        "blocks": document["rows"]["blocks"],
    }
    if document["look"] is not None:
        look = document["look"]
        metadata |= {"look": look["number"], "alpha": look["alpha"], "alpha_cost": look["cost"]}
        metadata |= {"alphas_used_in_a_year": look["used"], "look_sentence": look["sentence"]}
    return metadata | figures(document)


def _checks(document: dict[str, Any]) -> list[dg.AssetCheckResult]:
    from retrain_assets.evaluation_report.slices import told_apart

    verdict = document["verdict"]
    first = document["comparisons"][0] if document["comparisons"] else None
    baseline = first["vs_baseline"] if first else None
    unscorable = verdict["reason"] == "champion_unscorable"
    worse = [
        f"{part['column']} = {told_apart(part['value'])}" for part in document["slices"] if part["worse"]
    ]
    shift = document["explanation_shift"]
    calibrated = document["calibration_test"]
    distance = {} if shift["distance"] is None else {"distance": float(shift["distance"])}
    passed = {
        "candidate_is_better": verdict["verdict"] == "blessed",
        "candidate_beats_baseline": baseline is not None and baseline["lower"] > 0,
        "no_slice_is_worse": not worse,
        "calibration_holds": not calibrated["worse"],
        "explanation_holds": shift["holds"],
        "champion_can_be_scored": not unscorable,
    }
    metadata = {
        "candidate_beats_baseline": _interval(baseline),
        "no_slice_is_worse": {"slices": len(document["slices"]), "worse": ", ".join(worse) or "none"},
        "calibration_holds": {"sentence": calibrated["sentence"]},
        "explanation_holds": {"sentence": shift["sentence"]} | distance,
    }
    return [
        dg.AssetCheckResult(
            check_name=name,
            passed=passed[name],
            severity=dg.AssetCheckSeverity.ERROR
            if name == "champion_can_be_scored"
            else dg.AssetCheckSeverity.WARN,
            metadata=metadata.get(name, {"sentence": verdict["sentence"]}),
        )
        for name in CHECKS
    ]


def _interval(difference: Mapping[str, Any] | None) -> dict[str, Any]:
    """The gain over the baseline in the first metric; nothing where it could not be measured."""
    numbers = {} if difference is None else {k: difference[k] for k in ("improvement", "lower", "upper")}
    return {name: float(value) for name, value in numbers.items() if value is not None}
