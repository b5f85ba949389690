"""The columns of a batch that great_expectations looks at, as pandas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import polars as pl

from retrain_assets.spec import ExpectationSpec
from retrain_assets.training_data.expectations.comparable_values import comparable
from retrain_assets.training_data.expectations.results import columns_of
from retrain_assets.training_data.expectations.row_condition import condition_columns
from retrain_assets.training_data.expectations.row_condition_forms import read_condition

if TYPE_CHECKING:
    import pandas as pd


def needed_columns(expectations: Sequence[ExpectationSpec], delivered: Sequence[str]) -> list[str]:
    """List the columns to convert: all of them as soon as an expectation is about the table's columns."""
    wanted: set[str] = set()
    for expectation in expectations:
        named = columns_of(expectation)
        of_table = not named and not expectation.type.startswith("expect_table_row_count")
        if of_table or "column_index" in expectation.arguments:
            return list(delivered)
        condition = read_condition(expectation.arguments)
        wanted.update(named, condition_columns(condition) if condition is not None else ())
    return [name for name in delivered if name in wanted]


def paired_columns(
    expectations: Sequence[ExpectationSpec], schema: Mapping[str, pl.DataType]
) -> frozenset[str]:
    """Find the numbers that are compared with whole numbers or flags of another column."""
    found: set[str] = set()
    for expectation in expectations:
        pair = [name for name in columns_of(expectation) if name in schema]
        if "column_A" in expectation.arguments and any(
            schema[name].is_integer() or schema[name] == pl.Boolean for name in pair
        ):
            found.update(pair)
    return frozenset(found)


def to_pandas(frame: pl.DataFrame, columns: Sequence[str], paired: frozenset[str]) -> pd.DataFrame:
    """Convert columns, in the form in which they are judged, without changing a value.

    Whole numbers and flags with gaps become Python objects, as pandas would make floats of them; so do the
    columns that they are compared with, as pandas compares gaps with objects only.

    Parameters
    ----------
    frame
        The delivered rows.
    columns
        The columns to convert.
    paired
        Those of them that are compared with another column of whole numbers or flags.
    """
    import pandas as pd

    judged = frame.select(comparable(name, frame.schema[name]) for name in columns)
    converted = {}
    for series in judged:
        exact = series.dtype == pl.Float64 or (
            series.dtype in (pl.Boolean, pl.Int64) and series.null_count() == 0
        )
        if series.dtype.is_temporal() or (exact and series.name not in paired):
            converted[series.name] = series.to_pandas()
        else:
            converted[series.name] = pd.Series(series.to_list(), dtype=object)
    return pd.DataFrame(converted, index=pd.RangeIndex(frame.height))
