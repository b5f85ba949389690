"""The registered_model asset: the champion, after the newest evaluation was acted on."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg

from retrain_assets.asset import ATTEMPT_TAG, asset_key, common, fails_in_a_sentence
from retrain_assets.declaration import Declaration

if TYPE_CHECKING:
    from retrain_assets.champion.registry import Alignment


CHECK = "alias_follows_ledger"
CHECK_DESCRIPTION = (
    "Before this run the alias champion named the version that the ledger says, and the ledger knew every "
    "registered version; what differed has been mended."
)


def build(declaration: Declaration) -> dg.AssetsDefinition:
    """Declare the asset for a pipeline."""
    max_age = declaration.spec.retrain_when.max_age

    def materialize(
        context: dg.AssetExecutionContext,
    ) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]:
        from retrain_assets.champion.registry import reconcile
        from retrain_assets.monitoring_report.life import write_life
        from retrain_assets.registered_model.register import register_candidate
        from retrain_assets.registered_model.waiting import expire_waiting

        # Told before anything is acted on, so that it is told too when the run fails.
        yield _follows_ledger(reconcile(declaration.name, declaration.ledger))
        expire_waiting(declaration)
        registration = register_candidate(declaration, context.run.tags.get(ATTEMPT_TAG, context.run.run_id))
        context.log.info(registration.sentence)
        write_life(declaration)
        # A candidate that is unproven, or waits, materializes nothing, so that the champion goes on ageing.
        if registration.outcome in ("promoted", "confirmed") and registration.version is not None:
            yield dg.MaterializeResult(
                data_version=dg.DataVersion(str(registration.version)),
                metadata={
                    "version": registration.version,
                    "outcome": registration.outcome,
                    "sentence": dg.MetadataValue.md(registration.sentence),
                    "page": dg.MetadataValue.url((declaration.reports / "index.html").as_uri()),
                },
            )

    definition: dg.AssetsDefinition = dg.asset(
        **common(
            declaration,
            "registered_model",
            "The champion in the MLflow registry: replaced when a candidate was proven better, confirmed when "
            "one was rejected, untouched when the evidence was inconclusive.",
            {"mlflow", "deltalake"},
            build,
        ),
        deps=[asset_key(declaration, "evaluation_report")],
        check_specs=[
            dg.AssetCheckSpec(
                name=CHECK, asset=asset_key(declaration, "registered_model"), description=CHECK_DESCRIPTION
            )
        ],
        output_required=False,
        freshness_policy=None if max_age is None else dg.FreshnessPolicy.time_window(fail_window=max_age),
    )(fails_in_a_sentence(materialize))
    return definition


def _follows_ledger(alignment: "Alignment") -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=CHECK,
        passed=not alignment.findings,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"sentence": " ".join(alignment.findings) or "The registry agreed with the ledger."},
    )
