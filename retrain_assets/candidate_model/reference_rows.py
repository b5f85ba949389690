"""A sample of the rows that a candidate was trained on, kept so that monitoring never rescans training data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from retrain_assets.arrays import FloatArray
from retrain_assets.candidate_model.model_inputs import MOST_ROWS, model_inputs, sample_of
from retrain_assets.lake import Lake

TABLE = "reference_rows"


def keep_reference_rows(lake: Lake, attempt: str, profile: Mapping[str, Any], features: pl.DataFrame) -> None:
    """Keep at most 10,000 training rows of an attempt as numbers, in single precision.

    Parameters
    ----------
    lake
        The pipeline's lake.
    attempt
        The attempt's id.
    profile
        Its reference profile.
    features
        The features of its training rows, or of a sample of them.
    """
    chosen = features[sample_of(features.height, MOST_ROWS // 2)]
    inputs = model_inputs(profile, chosen).astype(np.float32)
    frame = pl.DataFrame({"attempt": [attempt] * len(inputs), "inputs": list(inputs)}, schema=_SCHEMA)
    if not frame.is_empty():
        lake.append(TABLE, frame)


def reference_rows(lake: Lake, attempt: str) -> FloatArray | None:
    """Read the sample of an attempt, shape (n, columns of its profile); None where none was kept."""
    if not lake.exists(TABLE):
        return None
    found = lake.scan(TABLE).filter(pl.col("attempt") == attempt).select("inputs").collect()["inputs"]
    return found.list.explode().to_numpy().reshape(len(found), -1).astype(np.float64) if len(found) else None


_SCHEMA = {"attempt": pl.String(), "inputs": pl.List(pl.Float32())}
