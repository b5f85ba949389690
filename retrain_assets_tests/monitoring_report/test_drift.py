"""Drift: an index that means the same whatever the number of rows."""

from __future__ import annotations

import json
import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrain_assets.candidate_model.profile import build_profile, count_bins
from retrain_assets.monitoring_report.drift import drift, shift


def draw(rows, seed=0, move=0.0):
    """Draw a number with gaps, a category with gaps, and a score."""
    rng = np.random.default_rng(seed)
    number = np.where(rng.uniform(size=rows) < 0.1, np.nan, rng.normal(move, 1, rows))
    kind = rng.choice(["a", "b", None], rows, p=[0.6 - move / 4, 0.3 + move / 4, 0.1])
    return pl.DataFrame({"number": number, "kind": kind.tolist()}), rng.beta(2, 8, rows)


@pytest.fixture(scope="module")
def profile():
    """Make the profile of 20,000 rows."""
    features, scores = draw(20_000)
    return build_profile(features, ["number"], ["kind"], scores)


def test_a_profile_survives_json_and_counts_every_row(profile):
    """All counts of a column add up to the rows, and the profile can be stored as JSON."""
    assert json.loads(json.dumps(profile)) == profile
    for column in (profile["numeric"]["number"], profile["categorical"]["kind"], profile["score"]):
        assert sum(column["counts"]) == profile["rows"] == 20_000
    assert profile["categorical"]["kind"]["values"] == ["a", "b"]
    assert profile["numeric"]["number"]["counts"][-1] == pytest.approx(2000, abs=150)


@pytest.mark.parametrize("rows", [300, 5_000, 100_000])
@pytest.mark.parametrize("move", [0.0, 0.6])
def test_the_index_does_not_depend_on_the_number_of_rows(profile, rows, move):
    """The same move gives the same index from hundreds of rows as from many thousands."""
    found = [drift(profile, *draw(rows, seed, move)).features["number"].psi for seed in range(1, 21)]
    exact = drift(profile, *draw(1_000_000, 99, move)).features["number"].psi
    assert np.mean(found) == pytest.approx(exact, abs=0.04)


def test_two_samples_of_one_population_have_next_to_no_index():
    """Of 300 rows in twelve bins each the raw index is .073 by chance alone; that is taken off."""
    rng = np.random.default_rng(5)
    share = np.full(12, 1 / 12)
    found = [shift(rng.multinomial(300, share), rng.multinomial(300, share)).psi for _ in range(400)]
    assert np.mean(found) < 0.02


def test_few_rows_are_not_certain_to_have_moved(profile):
    """Of hundred small quiet batches none counts as moved, though their raw index is large."""
    quiet = [drift(profile, *draw(40, seed)) for seed in range(100)]
    assert not any(report.moved(0.2) for report in quiet)


def test_an_empty_bin_does_not_explode():
    """Values never seen before give a large index, not an infinite one."""
    assert math.isfinite(shift([1000, 0], [0, 1000]).psi)
    assert shift([1000, 0], [0, 1000]).psi > 5
    assert shift([1000, 0], [1000, 1]).psi < 0.01


def test_a_constant_column_is_seen_to_move():
    """A column that was constant in training has moved when it takes another value, above or below."""
    constant = pl.DataFrame({"x": [5.0] * 1000})
    profile = build_profile(constant, ["x"], [], None)
    assert drift(profile, constant, None).features["x"].psi == 0
    for value in (4.0, 7.0):
        assert drift(profile, pl.DataFrame({"x": [value] * 1000}), None).moved(0.2) == ("x",)


def test_missing_columns_infinite_values_and_no_rows_are_borne(profile):
    """A batch may lack a column, hold infinities, or be empty."""
    report = drift(profile, pl.DataFrame({"number": [math.inf, -math.inf, math.nan, 1.0]}), None)
    assert report.rows == 4
    assert report.score is None
    assert drift(profile, draw(0)[0], np.empty(0)).moved(0.2) == ()
    empty = build_profile(pl.DataFrame({"x": [None, math.nan]}, schema={"x": pl.Float64}), ["x"], [], None)
    assert empty["numeric"]["x"] == {"edges": [], "counts": [0, 2]}


def test_moved_features_are_weighed_by_importance(profile):
    """Features that moved carry their share; negative importances count as none, unknown ones alike."""
    report = drift(profile, *draw(5_000, 1, 1.2))
    assert report.moved(0.2) == ("number", "kind")
    assert report.moved_importance(0.2, {"number": 3.0, "kind": 1.0}) == 1
    assert drift(profile, *draw(5_000, 1)).moved_importance(0.2, {"number": 3.0}) == 0
    features, _ = draw(5_000, 1, 1.2)
    half = drift(profile, features.with_columns(kind=draw(5_000, 2)[0]["kind"]), None)
    assert half.moved(0.2) == ("number",)
    assert half.moved_importance(0.2, {"number": 1.0, "kind": 3.0}) == pytest.approx(0.25)
    assert half.moved_importance(0.2, {"number": -1.0, "kind": 3.0}) == 0
    assert half.moved_importance(0.2, {}) == pytest.approx(0.5)


def test_a_plan_and_a_frame_count_alike(profile):
    """Counting streams a lazy plan to the same report."""
    features, scores = draw(3_000, 5)
    assert drift(profile, features.lazy(), scores) == drift(profile, features, scores)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.floats(-10, 10), st.just(math.nan), st.integers(-3, 3)), max_size=40),
    st.lists(st.floats(-9, 9), max_size=8, unique=True).map(sorted),
)
def test_bins_hold_what_lies_between_their_edges(values, edges):
    """Every number is in the bin that is closed on the right, every gap in the last."""
    frame = pl.DataFrame({"x": pl.Series(values, dtype=pl.Float64, strict=False)})
    expected = [0] * (len(edges) + 2)
    for value in values:
        gap = value is None or math.isnan(value)
        expected[-1 if gap else int(np.searchsorted(edges, value, side="left"))] += 1
    assert count_bins(frame, {"x": edges}, {})["x"] == expected


def test_the_score_of_several_classes_is_the_predicted_class():
    """Rows are counted by their most probable class, which moves when another class becomes so more often."""
    rng = np.random.default_rng(1)
    features, _ = draw(5_000)
    before, like, other = (rng.dirichlet(shares, 5_000) for shares in ([5, 3, 2], [5, 3, 2], [2, 3, 5]))
    profile = build_profile(features, ["number"], ["kind"], before)
    assert profile["score"]["counts"] == np.bincount(before.argmax(axis=1), minlength=3).tolist()
    assert json.loads(json.dumps(profile)) == profile
    assert drift(profile, features, like).score.psi == pytest.approx(0, abs=0.01)
    assert drift(profile, features, other).score.lower > 0.2
