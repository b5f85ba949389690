"""A small table of clicks with everything that a model must cope with, and its declaration."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from retrain_assets.candidate_model.fit import Fitted, fit_candidate
from retrain_assets.features.columns import feature_columns
from retrain_assets.features.table import feature_table
from retrain_assets.spec import PipelineSpec, load_spec


def declare(**blocks: Any) -> PipelineSpec:
    """Declare a pipeline over the table; blocks are merged into the defaults."""
    attributes: dict[str, Any] = {
        "name": "ads",
        "source": {"path": "x.parquet", "timestamp": "shown_at"},
        "label": {"column": "clicked", "delay": "1d"},
        "features": {
            "categorical": ["device", "site", "never"],
            "derive": {
                "hour": "EXTRACT(hour FROM shown_at)",
                "half": "slot / 2",
                "slot_name": "'slot ' || CAST(slot AS VARCHAR)",
                "weekend": "day > DATE '2026-01-09'",
            },
        },
        "training": {"params": {"max_iter": 20}},
    }
    for name, block in blocks.items():
        attributes[name] = attributes.get(name, {}) | block if isinstance(block, dict) else block
    return load_spec(attributes, "defs.yaml")


def table(rows: int = 1500, seed: int = 3) -> pl.DataFrame:
    """Draw raw rows: whole numbers, booleans and text with gaps, NaN and infinity, dates, UTC timestamps."""
    rng = np.random.default_rng(seed)
    start = datetime(2026, 1, 5, tzinfo=UTC)
    bid = rng.normal(size=rows)
    device = rng.choice(["phone", "desk", "tablet", "tv"], rows)
    gaps = pl.DataFrame(
        {name: rng.random(rows) < 0.1 for name in ("slot", "mobile", "device", "site", "bid")}
    )
    frame = pl.DataFrame(
        {
            "partition_key": ["2026-01-05"] * rows,
            "row_id": np.arange(rows),
            "shown_at": [start + timedelta(minutes=7 * row) for row in range(rows)],
            "day": [date(2026, 1, 5) + timedelta(days=row // 206) for row in range(rows)],
            "bid": bid,
            "slot": rng.integers(0, 9, rows),
            "mobile": rng.random(rows) < 0.5,
            "device": device,
            "site": rng.integers(100, 140, rows),
            "price": rng.normal(10, 2, rows),
            "clicked": (rng.random(rows) < 1 / (1 + np.exp(-bid - (device == "phone")))).astype(int),
        }
    )
    empty = [pl.when(~gaps[name]).then(pl.col(name)).alias(name) for name in gaps.columns]
    return frame.with_columns(
        *empty,
        pl.lit(None, pl.String).alias("never"),
        pl.lit(None, pl.Float64).alias("nothing"),
        pl.when(pl.col("row_id") % 50 == 7).then(float("inf")).otherwise("price").alias("price"),
    ).with_columns(pl.when(pl.col("row_id") % 40 == 3).then(float("nan")).otherwise("bid").alias("bid"))


def fit(spec: PipelineSpec, raw: pl.DataFrame) -> Fitted:
    """Fit the declared candidate on the features of raw rows."""
    columns = feature_columns(spec, raw.schema)
    return fit_candidate(spec, feature_table(raw, spec, columns), columns)
