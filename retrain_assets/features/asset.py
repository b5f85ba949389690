"""The features asset: what the model sees of each row."""

import dagster as dg

from retrain_assets.asset import asset_key, common, fails_in_a_sentence, table_metadata, tell_withheld
from retrain_assets.declaration import Declaration
from retrain_assets.features.columns import feature_columns
from retrain_assets.features.table import feature_table


def build(declaration: Declaration, partitions: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """Declare the asset for a pipeline."""

    def materialize(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        lake = declaration.lake
        keys = list(context.partition_keys)
        raw = lake.rows("training_data", keys).collect()
        columns = feature_columns(declaration.spec, dict(raw.schema))
        table = feature_table(raw, declaration.spec, columns)
        del raw  # not held beside the table while that is written: a partition may be millions of rows
        lake.replace_partitions("features", table, keys)
        for (key,), part in table.group_by("partition_key"):
            context.add_asset_metadata(
                table_metadata(table.schema, part.height),
                asset_key=asset_key(declaration, "features"),
                partition_key=str(key),
            )
        tell_withheld(context, asset_key(declaration, "features"), lake)
        return dg.MaterializeResult(
            metadata=table_metadata(table.schema, table.height)
            | {"numeric": len(columns.numeric), "categorical": len(columns.categorical)}
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
