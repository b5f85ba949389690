"""Declared columns against those of the source."""

from __future__ import annotations

import polars as pl

from retrain_assets.training_data.columns import check_columns
from retrain_assets_tests.training_data.declared import DAYS, declared, rows

COLUMNS = dict(rows(DAYS[0]).schema)


def test_columns_that_are_there_are_fine() -> None:
    """A declaration whose columns exist, derived names included, has no fault."""
    spec = declared(
        {"path": "a.csv", "key": "id"},
        features={"numeric": ["bid", "hour"], "derive": {"hour": "EXTRACT(hour FROM shown_at)"}},
        evaluation={"slices": ["hour"], "block": "id"},
        expectations=[
            {"type": "expect_column_values_to_not_be_null", "column": "count"},
            {"type": "expect_table_columns_to_match_set", "column_set": ["anything"]},
        ],
    )
    assert check_columns(spec, COLUMNS, "defs.yaml") == []


def test_every_missing_column_is_named_with_the_nearest() -> None:
    """Each field that names a column which is not there is a sentence of its own."""
    spec = declared(
        {"path": "a.csv", "timestamp": "shown_on", "key": "ids", "known_at": "k1"},
        label={"column": "clickd", "delay": "1d", "known_at": "k2"},
        weight="w",
        features={"numeric": ["bids"], "categorical": ["device"], "exclude": ["e"]},
        evaluation={"slices": ["s"], "block": "site"},
        expectations=[{"type": "expect_column_values_to_not_be_null", "column": "bit"}],
    )
    found = check_columns(spec, COLUMNS, "defs.yaml")
    assert [line.split(": ")[1] for line in found] == [
        "source.timestamp",
        "source.key",
        "source.known_at",
        "label.column",
        "label.known_at",
        "weight",
        "features.numeric",
        "features.categorical",
        "features.exclude",
        "evaluation.slices",
        "evaluation.block",
        "expectations[0].column",
    ]
    assert found[0] == (
        "defs.yaml: source.timestamp: there is no column 'shown_on' in the source. Did you mean 'shown_at'?"
    )


def test_text_is_no_number() -> None:
    """A column of text among the numeric features is a sentence; one without values yet is not."""
    spec = declared({"path": "a.csv"}, features={"numeric": ["id"]})
    assert check_columns(spec, COLUMNS, "defs.yaml") == [
        "defs.yaml: features.numeric: the column 'id' holds text (String). If a word such as NA stands for a missing "
        "number, name it in source.read.null_values. List it in features.categorical, or derive a number from it."
    ]
    assert check_columns(spec, COLUMNS | {"id": pl.Null()}, "defs.yaml") == []
