"""Letting quarantined rows in whose rules have been mended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import polars as pl

from retrain_assets.declaration import Declaration
from retrain_assets.features.derive import feature_columns
from retrain_assets.features.table import feature_table
from retrain_assets.training_data.quarantine import release


def release_quarantined(declaration: Declaration, keys: Sequence[str]) -> dict[str, int]:
    """Judge quarantined rows by the present declaration and add the good ones to their partitions.

    Parameters
    ----------
    declaration
        The pipeline.
    keys
        The partitions; none means all.

    Returns
    -------
    dict
        Rows released by partition; partitions without any are left out.
    """
    lake = declaration.lake
    aside = lake.scan("quarantine").filter(pl.col("released_at").is_null())
    if keys:
        aside = aside.filter(pl.col("partition_key").is_in(list(keys)))
    schema = lake.schema("training_data")
    if schema is None:
        return {}
    accepted = lake.scan("partitions").filter(pl.col("accepted")).select("partition_key")
    waiting = aside.join(accepted, on="partition_key", how="semi").collect()
    good, _ = release(waiting, declaration.spec.expectations, schema)
    present = lake.rows("training_data", good["partition_key"].unique().to_list()).select("row_id")
    good = good.join(present.collect(), on="row_id", how="anti")
    if good.is_empty():
        return {}
    # A crash between these commits leaves rows that are both accepted and waiting; the join above heals it.
    lake.append("training_data", good)
    columns = feature_columns(declaration.spec, dict(good.schema))
    lake.append("features", feature_table(good, declaration.spec, columns))
    _mark_released(declaration, good)
    return dict(good.group_by("partition_key").len().sort("partition_key").iter_rows())


def _mark_released(declaration: Declaration, good: pl.DataFrame) -> None:
    lake = declaration.lake
    keys = good["partition_key"].unique().to_list()
    rows = lake.rows("quarantine", keys).collect()
    freed = pl.col("row_id").is_in(good["row_id"].implode()) & pl.col("released_at").is_null()
    marked = rows.with_columns(
        released_at=pl.when(freed)
        .then(pl.lit(datetime.now(UTC)))
        .otherwise("released_at")
        .cast(rows.schema["released_at"])
    )
    lake.replace_partitions("quarantine", marked, keys)
    counts = good.group_by("partition_key").len("freed")
    records = (
        lake.rows("partitions", keys)
        .collect()
        .join(counts, on="partition_key")
        .with_columns(
            rows=pl.col("rows") + pl.col("freed"),
            quarantined=pl.col("quarantined") - pl.col("freed"),
        )
        .drop("freed")
    )
    lake.replace_partitions("partitions", records, keys)
