"""Letting quarantined rows in whose rules have been mended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import polars as pl

from retrain_assets.declaration import Declaration
from retrain_assets.deliveries import without_features
from retrain_assets.features.refresh import refresh_features
from retrain_assets.lake import Lake
from retrain_assets.lake_tables import SCHEMAS
from retrain_assets.training_data.quarantine import release


def release_quarantined(declaration: Declaration, keys: Sequence[str]) -> dict[str, int]:
    """Judge quarantined rows by the present declaration and add the good ones to their partitions.

    Rows of a delivery that was withheld as a whole stay: taking their partition in again judges all of it. So
    do those of a partition whose ingest run died before it made features.

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
    unfinished = pl.col("partition_key").is_in(without_features(lake))
    accepted = lake.scan("partitions").filter("accepted", pl.col("problem").is_null(), ~unfinished)
    waiting = aside.join(accepted, on="partition_key", how="semi").collect()
    good, _ = release(waiting, declaration.spec.expectations, schema)
    if declaration.spec.source.key is not None:
        good = _unique(lake, good)
    if good.is_empty():
        return {}
    # Rows count as waiting until the last of these commits, and none adds a row twice: after a crash between
    # two of them the next release completes it.
    new = _lacking(lake, good)
    if not new.is_empty():
        lake.append("training_data", new)
    refresh_features(declaration, good["partition_key"].unique().sort().to_list())
    _mark_released(lake, good)
    return dict(good.group_by("partition_key").len().sort("partition_key").iter_rows())


def left_aside(declaration: Declaration, keys: Sequence[str]) -> str:
    """Say how many rows are in quarantine still, and which rules they were put aside by.

    Parameters
    ----------
    declaration
        The pipeline.
    keys
        The partitions; none means all.
    """
    aside = declaration.lake.scan("quarantine").filter(pl.col("released_at").is_null())
    if keys:
        aside = aside.filter(pl.col("partition_key").is_in(list(keys)))
    lines = aside.select("partition_key", "row_id", "rule").unique().collect()
    if lines.is_empty():
        return "No row is in quarantine."
    rows = lines.select("partition_key", "row_id").n_unique()
    by_rule = lines.group_by("rule").len().sort("len", "rule", descending=[True, False])
    rules = ", ".join(f"{rule} ({count:,})" for rule, count in by_rule.iter_rows())
    return (
        f"In quarantine {'is' if rows == 1 else 'are'} {rows:,} {'row' if rows == 1 else 'rows'} still, put aside by "
        f"{rules}. Mend the rule in the declaration and release again, or deliver them mended."
    )


def _unique(lake: Lake, good: pl.DataFrame) -> pl.DataFrame:
    """Leave out rows whose key stands in another partition by now, and all but the oldest of those that share one."""
    chosen = good.sort("partition_key", maintain_order=True).unique(
        "row_id", keep="first", maintain_order=True
    )
    held = lake.scan("training_data").select("row_id", other="partition_key")
    twice = held.join(chosen.lazy().select("row_id", "partition_key"), on="row_id")
    elsewhere = twice.filter(pl.col("other") != pl.col("partition_key")).select("row_id").collect()
    return chosen.join(elsewhere, on="row_id", how="anti", maintain_order="left")


def _lacking(lake: Lake, good: pl.DataFrame) -> pl.DataFrame:
    identity = ["partition_key", "row_id"]
    present = lake.rows("training_data", good["partition_key"].unique().to_list()).select(identity)
    return good.join(present.collect(), on=identity, how="anti", maintain_order="left")


def _mark_released(lake: Lake, good: pl.DataFrame) -> None:
    keys = good["partition_key"].unique().to_list()
    aside = lake.rows("quarantine", keys).collect()
    freed = pl.col("row_id").is_in(good["row_id"].implode()) & pl.col("released_at").is_null()
    staying = aside.filter(~freed, pl.col("released_at").is_null()).group_by("partition_key")
    accepted = lake.rows("training_data", keys).group_by("partition_key").agg(pl.len().alias("rows"))
    records = (
        lake.rows("partitions", keys)
        .collect()
        .update(accepted.collect().cast({"rows": pl.Int64}), on="partition_key")
        .drop("quarantined")
        .join(staying.agg(quarantined=pl.col("row_id").n_unique()), on="partition_key", how="left")
        # Asked for again by the source sensor, the partition gets scores and a report of the released rows.
        .with_columns(pl.col("quarantined").fill_null(0).cast(pl.Int64), completed=pl.lit(None, pl.String))
        .select(pl.selectors.by_name(*SCHEMAS["partitions"], require_all=False))
    )
    lake.replace_partitions("partitions", records, keys)
    now = pl.lit(datetime.now(UTC)).cast(SCHEMAS["quarantine"]["released_at"])
    marked = aside.with_columns(released_at=pl.when(freed).then(now).otherwise("released_at"))
    lake.replace_partitions("quarantine", marked, keys)
