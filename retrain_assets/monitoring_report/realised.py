"""Partitions whose realised quality is known for the first time, or is another one than was told."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import polars as pl

from retrain_assets.lake import Lake
from retrain_assets.lake_tables import SCHEMAS

Realised = dict[str, float]

_TABLE = "told_quality"


def told_before(lake: Lake) -> Realised:
    """Read the quality of each partition's own rows that was told last, by key.

    The life page tells it too, but others write that as well, before anything was told.
    """
    return dict(lake.read(_TABLE).select("partition_key", "quality").iter_rows())


def record_told(lake: Lake, told: Realised) -> None:
    """Record what was told; a crash between the two tells it twice, and the other way round never."""
    rows = pl.DataFrame({"partition_key": list(told), "quality": list(told.values())}, schema=SCHEMAS[_TABLE])
    lake.replace_partitions(_TABLE, rows, list(told))


def realised_of(life: Mapping[str, Any]) -> Realised:
    """Quality of each partition's own rows in a model's life, by key; those without any are left out."""
    return {part["key"]: part["realised"] for part in life["partitions"] if part.get("realised") is not None}


def newly_realised(before: Realised, after: Realised) -> Realised:
    """Find what has become known or has changed.

    Parameters
    ----------
    before
        What was told.
    after
        What is known.
    """
    # Rows are read in another order each time, which moves the last digits.
    return {
        key: value
        for key, value in after.items()
        if key not in before or not math.isclose(before[key], value, rel_tol=1e-9, abs_tol=1e-12)
    }
