"""Types of delivered columns that Delta tables lack."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from retrain_assets.training_data.column_types import storable

LONG = 1_800_000_000_000_000_001


@pytest.mark.parametrize(
    ("dtype", "values", "stored"),
    [
        (pl.Decimal(38, 0), [LONG, LONG + 1, None], [LONG, LONG + 1, None]),
        (pl.Decimal(38, 10), [LONG, LONG + 1, None], [LONG, LONG + 1, None]),
        (pl.Decimal(38, 0), [100 * LONG, -1], [str(100 * LONG), "-1"]),
        (pl.Decimal(38, 5), [100 * LONG, -1], [str(100 * LONG), "-1"]),
        (pl.Decimal(10, 0), [1, 2], [1, 2]),
        (pl.Decimal(10, 2), [1, "2.5", None], [1.0, 2.5, None]),
        (pl.Decimal(38, 2), [LONG, "0.5"], [float(LONG), 0.5]),
    ],
)
def test_identifiers_in_decimals_are_not_rounded(
    dtype: pl.DataType, values: list[Any], stored: list[Any]
) -> None:
    """Two long keys, written as decimals, stay two; prices are floats."""
    given = [None if value is None else Decimal(value) for value in values]
    found = storable(pl.Series("id", given, dtype=dtype), "a.parquet").to_list()
    assert found == stored
    assert list(map(type, found)) == list(map(type, stored))
