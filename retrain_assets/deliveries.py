"""The record of deliveries: what was last read of each partition, and whether all nodes have been through it."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from retrain_assets.lake import Lake


def complete(lake: Lake, keys: Sequence[str], run_id: str) -> None:
    """Record that a run which took partitions in has come to its end; what other runs read is left alone.

    Parameters
    ----------
    lake
        The pipeline's tables.
    keys
        The run's partitions.
    run_id
        The run.
    """
    read = lake.rows("partitions", keys).filter(pl.col("run_id") == run_id)
    ended = read.filter(pl.col("completed").ne_missing(pl.col("fingerprint"))).collect()
    lake.replace_partitions(
        "partitions", ended.with_columns(completed="fingerprint"), ended["partition_key"].to_list()
    )


def reopen(lake: Lake, keys: Sequence[str]) -> None:
    """Let partitions be read again by the next ingest run."""
    settled = lake.rows("partitions", keys).filter(pl.col("completed").is_not_null()).collect()
    again = settled.with_columns(completed=pl.lit(None, pl.String))
    lake.replace_partitions("partitions", again, settled["partition_key"].to_list())


def read_again(lake: Lake, keys: Sequence[str]) -> None:
    """Let accepted partitions be read again by the run after the present one, though this one comes to its end."""
    read = lake.rows("partitions", keys).filter(pl.col("problem").is_null()).collect()
    again = read.with_columns(fingerprint=pl.lit(""))
    lake.replace_partitions("partitions", again, read["partition_key"].to_list())


def forget_content(lake: Lake, keys: Sequence[str]) -> None:
    """Record that partitions are about to be replaced: until another record is made, they are read again and differ.

    A source may be put back to what it was while a run dies between the rows and their record, which would then tell
    of other rows than are there.
    """
    known = lake.rows("partitions", keys).collect()
    unknown = known.with_columns(
        pl.lit(None, pl.String).alias(name) for name in ("completed", "features_hash")
    )
    lake.replace_partitions("partitions", unknown, known["partition_key"].to_list())


def withheld(lake: Lake) -> dict[str, str]:
    """Why each withheld partition is withheld, oldest first."""
    found = lake.read("partitions").filter(pl.col("problem").is_not_null()).sort("partition_key")
    return dict(found.select("partition_key", "problem").iter_rows())


def without_features(lake: Lake) -> list[str]:
    """Partitions whose rows are in the lake and whose features are not, oldest first."""
    taken = lake.read("partitions").filter("accepted", pl.col("rows") > 0)["partition_key"]
    return sorted(set(taken) - lake.partition_keys("features"))
