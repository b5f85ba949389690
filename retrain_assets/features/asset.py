"""The features asset: what the model sees of each row."""

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
from retrain_assets.features.refresh import refresh_features


def build(declaration: Declaration, partitions: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """Declare the asset for a pipeline."""

    def materialize(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        keys = partitions_of_run(context)
        made = refresh_features(declaration, keys)
        if made.said is not None:
            context.log.info(made.said)
        own = {key: made.rows[key] for key in keys if key in made.rows}
        for key, rows in own.items():
            context.add_asset_metadata(
                table_metadata(made.schema, rows),
                asset_key=asset_key(declaration, "features"),
                partition_key=key,
            )
        tell_withheld(context, asset_key(declaration, "features"), declaration.lake)
        return dg.MaterializeResult(
            metadata=table_metadata(made.schema, sum(own.values()))
            | {
                "numeric": len(made.columns.numeric),
                "categorical": len(made.columns.categorical),
                "rebuilt_partitions": len(made.rows) if made.rebuilt else 0,
            }
        )

    definition: dg.AssetsDefinition = dg.asset(
        **common(
            declaration,
            "features",
            "What the model sees of each accepted row: the declared columns and derivations, typed alike in "
            "every partition.",
            {"polars", "deltalake"},
            build,
        ),
        deps=[asset_key(declaration, "training_data")],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )(fails_in_a_sentence(materialize))
    return definition
