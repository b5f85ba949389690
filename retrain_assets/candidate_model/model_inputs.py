"""Features as numbers for the small models that watch a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from retrain_assets.arrays import FloatArray

SEED = 20_260_105
MOST_ROWS = 20_000
"""Rows that a small model is fitted on at most: more hardly change it, and cost seconds a partition."""


def model_inputs(profile: Mapping[str, Any], features: pl.DataFrame) -> FloatArray:
    """Turn features into numbers, shape (rows, columns of the profile); NaN where there is no value.

    A category is the place of its value among the profile's, from the most frequent one on; all others share
    one number.

    Parameters
    ----------
    profile
        As made by :func:`retrain_assets.candidate_model.profile.build_profile`.
    features
        The features; a column that they lack counts as empty.
    """
    columns = []
    for name in profile["numeric"]:
        found = features[name] if name in features.columns else pl.Series([None] * features.height)
        columns.append(found.cast(pl.Float64).to_numpy())
    for name, column in profile["categorical"].items():
        found = features[name] if name in features.columns else pl.Series([None] * features.height)
        values = column["values"]
        places = found.cast(pl.String).replace_strict(
            values, range(len(values)), default=len(values), return_dtype=pl.Float64
        )
        columns.append(places.set(found.is_null(), None).to_numpy())
    if not columns:
        return np.empty((features.height, 0))
    stacked = np.column_stack(columns).astype(np.float64)
    stacked[~np.isfinite(stacked)] = np.nan
    return stacked


def sample_of(rows: int, most: int = MOST_ROWS) -> np.ndarray:
    """Positions of a sample of rows, rising, the same ones for the same number; all where there are few."""
    if rows <= most:
        return np.arange(rows)
    return np.sort(np.random.default_rng(SEED).choice(rows, most, replace=False))
