"""Slices."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from retrain_assets.comparison import METRICS, compare
from retrain_assets.errors import TrainingError
from retrain_assets.evaluation_report.slices import Scored, Slice, SliceTest, compare_slices

MAE = METRICS["mean_absolute_error"]
TEST = SliceTest("regression")


def scored(rows, champion=True, blocks=7, seed=0):
    """Rows with two models' scores."""
    rng = np.random.default_rng(seed)
    y, one, other = rng.normal(size=(3, rows))
    return Scored(y, one, other if champion else None, np.arange(rows) % blocks, None)


def test_a_slice_is_the_comparison_of_its_rows():
    """A slice's values and interval are those of its rows alone; the commonest value comes first."""
    rows = pl.DataFrame({"device": ["phone"] * 200 + ["tv"] * 100 + [None] * 60 + ["rare"] * 49})
    parts = scored(409)
    slices, notes = compare_slices(rows, ["device"], parts, MAE, TEST)
    assert [(part.value, part.rows) for part in slices] == [("phone", 200), ("tv", 100), ("(missing)", 60)]
    alone = compare(
        MAE, parts.y[200:300], parts.candidate[200:300], parts.champion[200:300], parts.blocks[200:300]
    )
    assert (slices[1].candidate, slices[1].champion) == (alone.candidate, alone.reference)
    assert (slices[1].lower, slices[1].upper) == pytest.approx((alone.lower, alone.upper))
    assert notes == []


def test_only_the_twelve_commonest_values_are_shown():
    """A column of many values, numbers or booleans too, shows twelve."""
    rows = pl.DataFrame({"n": np.arange(1_500) % 20, "b": np.arange(1_500) % 2 == 0})
    slices, _ = compare_slices(rows, ["n", "b"], scored(1_500), MAE, TEST)
    assert len([part for part in slices if part.column == "n"]) == 12
    assert [part.value for part in slices if part.column == "b"] == ["false", "true"]


def test_without_a_champion_a_slice_has_its_value_only():
    """The first model's slices have neither champion nor improvement."""
    slices, _ = compare_slices(pl.DataFrame({"a": ["x"] * 80}), ["a"], scored(80, champion=False), MAE, TEST)
    assert slices[0].candidate > 0
    assert (slices[0].champion, slices[0].improvement, slices[0].lower) == (None, None, None)


def test_a_slice_within_one_block_has_no_interval():
    """Rows of a single block give an improvement without bounds."""
    slices, _ = compare_slices(pl.DataFrame({"a": ["x"] * 80}), ["a"], scored(80, blocks=1), MAE, TEST)
    assert slices[0].improvement is not None
    assert slices[0].lower is None


def test_values_are_told_apart_by_their_ends():
    """A value that ends in a space, or is empty, is quoted; any other stands as it is."""
    named = [Slice("channel", value, 60, 0.5).name for value in ("branch", "branch ", "", "my branch")]
    assert named == ["channel = branch", 'channel = "branch "', 'channel = ""', "channel = my branch"]


def test_an_undefined_slice_is_told():
    """A slice with one class has no AUC: it is left out, and a sentence says so."""
    parts = scored(160)
    parts = Scored(
        np.r_[np.zeros(80), np.arange(80) % 2],
        *(getattr(parts, n) for n in ("candidate", "champion")),
        parts.blocks,
        None,
    )
    rows = pl.DataFrame({"a": ["x"] * 80 + ["y"] * 80})
    slices, notes = compare_slices(rows, ["a"], parts, METRICS["roc_auc"], SliceTest("classification"))
    assert [part.value for part in slices] == ["y"]
    assert notes[0].startswith("The slice a = x is not shown. ROC AUC is undefined")


def test_an_unknown_slice_column_is_an_error():
    """A slice column that the source lacks is named."""
    with pytest.raises(TrainingError, match=r"evaluation.slices: 'b' is no column"):
        compare_slices(pl.DataFrame({"a": ["x"]}), ["b"], scored(1), MAE, TEST)


@pytest.mark.parametrize(("value", "kind"), [([1, 2], r"List\(Int64\)"), (b"\xff\xfe", "Binary")])
def test_a_column_whose_values_are_no_texts(value, kind):
    """A column of lists or of bytes makes no slices, and the sentence says what it holds."""
    rows = pl.DataFrame({"device": [value] * 200})
    with pytest.raises(
        TrainingError, match=f"The column 'device' is of type {kind}, whose values are no texts"
    ):
        compare_slices(rows, ["device"], scored(200), MAE, TEST)
