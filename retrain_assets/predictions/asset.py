"""The predictions asset: every row scored by the champion of its time."""

import dagster as dg

from retrain_assets.asset import (
    asset_key,
    common,
    fails_in_a_sentence,
    partitions_of_run,
    table_metadata,
    tell_withheld,
)
from retrain_assets.declaration import Declaration


def build(declaration: Declaration, partitions: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """Declare the asset for a pipeline."""
    key = asset_key(declaration, "predictions")

    def materialize(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        from retrain_assets.predictions.scoring import score_partitions

        scored = score_partitions(declaration, partitions_of_run(context))
        schema = declaration.lake.schema("predictions") or {}
        for problem in dict.fromkeys(problem for part in scored for problem in part.problems):
            context.log.warning(problem)
        for part in scored:
            said = (
                "There was no champion yet when this partition ended, so it has no predictions."
                if part.version is None
                else f"{part.new} rows were scored by version {part.version}; {part.rows} have a score in all."
            )
            context.add_asset_metadata(
                table_metadata(schema, part.rows)
                | {"new_rows": part.new, "model_version": part.version or 0, "said": said},
                asset_key=key,
                partition_key=part.key,
            )
        tell_withheld(context, key, declaration.lake)
        return dg.MaterializeResult(
            metadata=table_metadata(schema, sum(part.rows for part in scored))
            | {"new_rows": sum(part.new for part in scored)}
        )

    definition: dg.AssetsDefinition = dg.asset(
        **common(
            declaration,
            "predictions",
            "Every row scored by the champion of its time, with the version that scored it; a score once given "
            "is never rewritten.",
            {"scikitlearn", "deltalake"},
            build,
        ),
        deps=[asset_key(declaration, "features"), asset_key(declaration, "registered_model")],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=declaration.expected_every),
    )(fails_in_a_sentence(materialize))
    return definition
