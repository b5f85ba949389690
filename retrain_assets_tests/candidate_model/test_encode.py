from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from retrain_assets.candidate_model.encode import RowsToMatrix, fewest_values, pack_schema, unpack_schema
from retrain_assets.errors import TrainingError
from retrain_assets_tests.candidate_model.clicks import table


def encoder(frame: pl.DataFrame, numeric=(), categorical=(), **settings) -> RowsToMatrix:
    """Make an encoder for the columns of a frame."""
    schema = {name: frame.schema[name] for name in (*numeric, *categorical)}
    return RowsToMatrix(pack_schema(schema), [], list(numeric), list(categorical), **settings)


def test_schema_survives_packing():
    """Every type of the table comes back as it was."""
    assert dict(unpack_schema(pack_schema(table(5).schema))) == dict(table(5).schema)


def test_categories_are_ranked_by_frequency():
    """The most frequent category is 0, ties go by the alphabet, and a missing one is NaN."""
    frame = pl.DataFrame({"kind": ["b", "c", "c", None, "a"]})
    matrix = encoder(frame, categorical=["kind"]).fit(frame).transform(frame)
    np.testing.assert_array_equal(matrix[:, 0], [2, 0, 0, np.nan, 1])


def test_rare_and_unseen_categories_share_a_code():
    """Categories beyond the most frequent ones, and those never seen, have one code of their own."""
    frame = pl.DataFrame({"kind": ["a", "a", "b", "b", "c"]})
    fitted = encoder(frame, categorical=["kind"], max_categories=2).fit(frame)
    codes = fitted.transform(pl.DataFrame({"kind": ["a", "c", "new", None]}))[:, 0]
    np.testing.assert_array_equal(codes, [0, 2, 2, np.nan])


def test_empty_columns_are_left_out():
    """A column without any value in fit is left out of the matrix, and named."""
    frame = table(100)
    fitted = encoder(frame, numeric=["bid", "nothing"], categorical=["device", "never"]).fit(frame)
    assert fitted.left_out_ == ["nothing", "never"]
    assert fitted.get_feature_names_out().tolist() == ["bid", "device"]
    assert fitted.categorical_mask().tolist() == [False, True]
    assert fitted.transform(frame).shape == (100, 2)


def test_columns_with_hardly_a_value_are_left_out_of_many_rows():
    """In many rows a column needs more than one value, since an estimator looks at a sample of them."""
    assert [fewest_values(rows) for rows in (500, 10_000, 10_001, 1_000_000)] == [1, 1, 20, 100]


def test_numbers_have_no_infinity():
    """NaN, infinity and null are all NaN in the matrix."""
    frame = pl.DataFrame({"bid": [1.0, float("nan"), float("inf"), -float("inf"), None]})
    matrix = encoder(frame, numeric=["bid"]).fit(frame).transform(frame)
    np.testing.assert_array_equal(matrix[:, 0], [1, np.nan, np.nan, np.nan, np.nan])


def test_pandas_rows_give_the_same_matrix():
    """Whole numbers with gaps, booleans with gaps and text give the same matrix from pandas."""
    frame = table(300)
    fitted = encoder(frame, ["bid", "slot", "mobile"], ["device", "site", "never"]).fit(frame)
    np.testing.assert_array_equal(fitted.transform(frame.to_pandas()), fitted.transform(frame))


def test_missing_column_is_named():
    """Rows that lack a column that the model was trained with are refused."""
    frame = table(50)
    fitted = encoder(frame, ["bid", "slot"], ["device"]).fit(frame)
    with pytest.raises(TrainingError, match=r"lack the column 'slot', .* \(1 of 3 are missing\)"):
        fitted.transform(frame.drop("slot"))


def test_values_of_another_type_are_refused():
    """Text where the model was trained with whole numbers is refused by column and types."""
    frame = table(50)
    fitted = encoder(frame, ["slot"]).fit(frame)
    with pytest.raises(
        TrainingError, match=r"'slot' is of type String and holds values that do not fit .* Int64"
    ):
        fitted.transform(frame.with_columns(slot=pl.lit("many")))


def test_fractions_are_not_cut_off():
    """A whole-number feature that later holds fractions keeps them."""
    frame = pl.DataFrame({"slot": [1, 2, 3]})
    fitted = encoder(frame, ["slot"]).fit(frame)
    assert fitted.transform(pl.DataFrame({"slot": [1.5, 2.0, None]}))[0, 0] == 1.5
