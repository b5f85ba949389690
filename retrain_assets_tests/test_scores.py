"""Scores as columns and as arrays: one a row, or a probability for each class."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain_assets.scores import constant_scores, is_scored, score_columns, score_schema, scores_of
from retrain_assets_tests.candidate_model.clicks import declare

NAMES = ["a", "b", "c"]
SEVERAL = declare(label={"column": "clicked", "delay": "1d", "classes": NAMES})
probabilities = st.lists(st.lists(st.floats(0, 1), min_size=3, max_size=3), max_size=20)


@given(probabilities)
def test_what_is_put_into_columns_comes_out_again(rows):
    """Scores of both forms keep every bit, and the columns are those of the declared schema."""
    scores = np.array(rows, dtype=np.float64).reshape(len(rows), 3)
    table = pl.DataFrame(score_columns(scores, NAMES))
    assert dict(table.schema) == score_schema(SEVERAL)
    assert table["predicted"].to_list() == [NAMES[code] for code in scores.argmax(axis=1)]
    if rows:
        np.testing.assert_array_equal(scores_of(table["score"]), scores)
        [one] = score_columns(scores[:, 0], ())
        np.testing.assert_array_equal(scores_of(one), scores[:, 0])
        assert {"score": one.dtype} == score_schema(declare())


@pytest.mark.parametrize("kind", [pl.Float64, pl.List(pl.Float64)])
def test_missing_scores_are_not_scored(kind):
    """A row without a score has none of either form, also where no row has one."""
    value = 0.2 if kind == pl.Float64 else [0.2, 0.3, 0.5]
    assert is_scored(scores_of(pl.Series([value, None], dtype=kind))).tolist() == [True, False]
    assert is_scored(scores_of(pl.Series([None, None], dtype=kind))).tolist() == [False, False]


def test_a_constant_is_one_score_or_one_of_each_class():
    """The naive model gives all rows the same score, or the same shares."""
    assert constant_scores(0.3, 2).tolist() == [0.3, 0.3]
    assert constant_scores([0.2, 0.8], 2).tolist() == [[0.2, 0.8]] * 2
