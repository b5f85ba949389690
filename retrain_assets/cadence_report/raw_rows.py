"""Raw columns beside the features: what money is declared by columns of the source, or by a function of whole rows."""

from __future__ import annotations

import polars as pl

from retrain_assets.comparison import Criterion
from retrain_assets.declaration import Declaration

RAW = "raw:"
"""Begins the names of raw columns, which features of the same name would else hide."""


def with_raw(declaration: Declaration, rows: pl.DataFrame, criterion: Criterion) -> pl.DataFrame:
    """Add the raw columns that models are judged by.

    Parameters
    ----------
    declaration
        The pipeline.
    rows
        Rows of the table of features.
    criterion
        What decides.
    """
    if criterion.value is None:
        return rows
    raw = declaration.lake.scan("training_data")
    known = [name for name in raw.collect_schema() if name not in ("partition_key", "row_id")]
    wanted = known if criterion.columns is None else [name for name in criterion.columns if name in known]
    identity = ["partition_key", "row_id"]
    beside = raw.select(*identity, pl.col(wanted).name.prefix(RAW)).collect()
    return rows.join(beside, on=identity, how="left", maintain_order="left")


def raw_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """Give the raw columns of some rows, under their own names."""
    names = [name for name in rows.columns if name.startswith(RAW)]
    return rows.select(pl.col(name).alias(name.removeprefix(RAW)) for name in names)
