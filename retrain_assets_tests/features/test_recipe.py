"""What counts as another recipe of the table of features, and what does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from retrain_assets.features.columns import feature_columns
from retrain_assets.features.recipe import recipe
from retrain_assets_tests.pipelines import FIRST_DAY, declare, loans_of

SCHEMA = {
    "partition_key": pl.String(),
    "row_id": pl.Int64(),
    **loans_of(FIRST_DAY, rows=1).schema,
    "known_at": pl.Datetime("us", "UTC"),
}
DERIVED = {"numeric": ["amount"], "derive": {"burden": "amount / age"}}


def of(schema: dict[str, pl.DataType] = SCHEMA, **changes: Any) -> str:
    """The recipe of the loans as declared."""
    spec = declare(Path(), **({"features": DERIVED} | changes)).spec
    return recipe(spec, feature_columns(spec, schema))


@pytest.mark.parametrize(
    "changes",
    [
        {"features": DERIVED | {"numeric": ["amount", "age"]}},
        {"features": DERIVED | {"numeric": ["age"]}},
        {"features": DERIVED | {"numeric": ["amount", "age"], "categorical": ["region"]}},
        {"features": DERIVED | {"categorical": ["region", "age"]}},
        {"features": DERIVED | {"exclude": ["burden"]}},
        {"features": DERIVED | {"derive": {"burden": "amount * age"}}},
        {"features": DERIVED | {"derive": {"burden": "amount / age", "twice": "amount * 2"}}},
        {"label__column": "known_at"},
        {"label__known_at": "known_at"},
        {"source__known_at": "known_at"},
        {"source__timestamp": "known_at"},
        {"weight": "age"},
        {"evaluation__slices": ["loan"]},
    ],
    ids=str,
)
def test_another_recipe(changes):
    """A change that gives the table another column or another value is another recipe."""
    assert of(**changes) != of()


@pytest.mark.parametrize(
    "changes",
    [
        {"features": DERIVED | {"exclude": ["loan"]}},
        {"label__positive": 0},
        {"label__delay": "3d"},
        {"training__params": {"max_iter": 3}},
        {"evaluation__holdout": "14d"},
        {"description": "Otherwise the same."},
    ],
    ids=str,
)
def test_same_recipe(changes):
    """A change that leaves the table as it is leaves the recipe."""
    assert of(**changes) == of()


def test_another_raw_column():
    """A raw column that no feature is made of changes no recipe; one more that a function is given does."""
    more = SCHEMA | {"income": pl.Float64()}
    assert of(more) == of()
    function = {"features": {"numeric": ["amount"], "derive": {"function": f"{__name__}:made"}}}
    assert of(more, **function) != of(**function)


def made(rows: pl.DataFrame) -> pl.DataFrame:
    """Derive a feature, as a declared function does."""
    return rows.with_columns(burden=pl.col("amount") / pl.col("age"))
