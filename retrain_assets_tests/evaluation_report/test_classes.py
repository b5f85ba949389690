"""Rows and slices of several classes: which of them can judge."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from retrain_assets.comparison import METRICS
from retrain_assets.evaluation_report.judged_rows import rows_problem
from retrain_assets.evaluation_report.slices import Scored, SliceTest, compare_slices

TEST = SliceTest("multiclass")


@pytest.mark.parametrize(("others", "enough"), [(0, False), (9, False), (10, True)])
def test_rows_of_almost_one_class_cannot_judge(others, enough):
    """Ten rows of another class than the commonest are needed, whichever of the others they are."""
    y = np.concatenate([np.full(100, 2.0), np.arange(others) % 2])
    said = (
        f"only {others} of the holdout's {100 + others} rows carry another label than the commonest, and at least 10 "
        "are needed"
    )
    assert rows_problem(y, "multiclass") == (None if enough else said)


def test_a_slice_without_a_class_has_a_log_loss_and_no_f1():
    """Where a slice lacks a class its log loss is compared; macro F1 is undefined there, which is told."""
    rng = np.random.default_rng(3)
    y = np.concatenate([np.arange(300) % 3, np.arange(100) % 2]).astype(np.float64)
    candidate, champion = rng.dirichlet([2.0, 2.0, 2.0], (2, y.size))
    scored = Scored(y, candidate, champion, np.arange(y.size) % 7, None)
    rows = pl.DataFrame({"part": ["all"] * 300 + ["two"] * 100})
    slices, notes = compare_slices(rows, ["part"], scored, METRICS["log_loss"], TEST)
    assert [(part.value, part.p_value is not None) for part in slices] == [("all", True), ("two", True)]
    assert notes == []
    slices, [note] = compare_slices(rows, ["part"], scored, METRICS["f1_macro"], TEST)
    assert [part.value for part in slices] == ["all"]
    assert note.startswith(
        "The slice part = two is not shown. macro F1 is undefined: no row carries the label"
    )
