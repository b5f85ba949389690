"""Figures of fairness by group."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from retrain_assets.errors import TrainingError
from retrain_assets.evaluation_report.figures import figures
from retrain_assets_tests.evaluation_report.test_evaluate import declare, good, holdout, judge, poor
from retrain_assets_tests.evaluation_report.test_value_gain import BENEFITS


def people(rows=4_000):
    """Rows with a gender, whose signal is higher for the one of them, and labels."""
    frame, y = holdout(rows)
    gender = np.where(frame["signal"].to_numpy() > np.random.default_rng(9).normal(-1, 2, rows), "f", "m")
    return frame.with_columns(gender=pl.Series(gender)), y


def sensitive(**promotion):
    """Declare the column of gender as sensitive."""
    return declare(evaluation={"holdout": "10d", "sensitive": ["gender"]}, promotion=promotion)


def by_hand(rows, y, score, threshold=0.5):
    """Rates of a group, counted."""
    found = {}
    for group in ("f", "m"):
        own = rows["gender"].to_numpy() == group
        acts = score[own] > threshold
        found[group] = {
            "selection_rate": acts.mean(),
            "true_positive_rate": acts[y[own] == 1].mean(),
            "false_positive_rate": acts[y[own] == 0].mean(),
        }
    return found


def test_rates_and_their_differences():
    """Each model's rates by group are those that one counts, and the differences are between the groups."""
    rows, y = people()
    document = judge(spec=sensitive(), rows=rows, y=y)
    [entry] = document["fairness"]
    assert entry["column"] == "gender"
    for model, score in (("candidate", good(rows)), ("champion", poor(rows))):
        expected = by_hand(rows, y, score)
        for group in entry["groups"]:
            assert group[model] == pytest.approx(expected[group["group"]], rel=1e-5, abs=1e-9)
        for name in entry["figures"]:
            gap = abs(expected["f"][name] - expected["m"][name])
            assert entry["differences"][model][name] == pytest.approx(gap, rel=1e-5, abs=1e-9)
    assert sum(group["rows"] for group in entry["groups"]) == 4_000
    told = figures(document)
    gap = entry["differences"]["candidate"]["selection_rate"]
    assert told["candidate_gender_selection_rate_difference"] == gap > 0.1
    assert document["verdict"]["reason"] == "better"
    assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_figures_and_differences_have_intervals():
    """Each figure lies in its interval, which is wider for the smaller part of the rows; so does each difference."""
    rows, y = people()
    [entry] = judge(spec=sensitive(), rows=rows, y=y)["fairness"]
    for model in ("candidate", "champion"):
        for name in entry["figures"]:
            lower, upper = entry["difference_intervals"][model][name]
            assert 0 <= lower <= entry["differences"][model][name] <= upper
            for group in entry["groups"]:
                lower, upper = group["intervals"][model][name]
                assert 0 <= lower <= group[model][name] <= upper <= 1
    sure, rare = (
        np.diff(entry["groups"][0]["intervals"]["candidate"][name])
        for name in ("selection_rate", "true_positive_rate")
    )
    assert 0 < sure < rare
    assert entry["difference_intervals"]["candidate"]["selection_rate"][0] > 0.1


def test_decisions_are_those_of_the_declared_benefits():
    """Where benefits are declared, a row is decided for where acting on it pays."""
    rows, y = people()
    [entry] = judge(spec=sensitive(value=BENEFITS), rows=rows, y=y)["fairness"]
    expected = by_hand(rows, y, good(rows), 1 / 6)
    for group in entry["groups"]:
        assert group["candidate"] == pytest.approx(expected[group["group"]], rel=1e-5)


def test_rows_without_an_amount_cost_no_more_than_themselves():
    """Where some rows hold no amount that decides, the others' fairness is told, and so is how many they are."""
    rows, y = people()
    known = np.arange(y.size) % 10 > 0
    held = rows.with_columns(worth=pl.when(pl.Series(known)).then(BENEFITS["true_positive"]))
    document = judge(spec=sensitive(value=BENEFITS | {"true_positive": "worth"}), rows=held, y=y)
    [entry] = document["fairness"]
    expected = by_hand(rows.filter(known), y[known], good(rows)[known], 1 / 6)
    for group in entry["groups"]:
        assert group["candidate"] == pytest.approx(expected[group["group"]], rel=1e-5)
    assert document["value"] is None
    assert (
        "Fairness is measured on 3,600 of 4,000 rows: the others hold no amount of promotion.value ('worth'), so "
        "that nothing follows from their scores." in document["guards"]
    )


@pytest.mark.parametrize("threshold", [None, 0.3])
def test_fairness_does_not_need_money(threshold):
    """Without any amount decisions are those above one half, which is told, or above the declared threshold."""
    rows, y = people()
    value = BENEFITS | {"true_positive": "worth", "threshold": threshold}
    held = rows.with_columns(worth=pl.lit(None, pl.Float64))
    document = judge(spec=sensitive(value=value), rows=held, y=y)
    [entry] = document["fairness"]
    expected = by_hand(rows, y, good(rows), threshold or 0.5)
    for group in entry["groups"]:
        assert group["candidate"] == pytest.approx(expected[group["group"]], rel=1e-5)
    told = [guard for guard in document["guards"] if guard.startswith("Fairness is that of decisions above")]
    assert len(told) == (threshold is None)


def test_weights_count():
    """A group's rates are those of its weighted rows."""
    rows, y = people()
    weight = np.random.default_rng(1).uniform(0.5, 3, y.size)
    spec = declare(evaluation={"holdout": "10d", "sensitive": ["gender"]}, weight="w")
    [entry] = judge(spec=spec, rows=rows.with_columns(w=weight), y=y, champion=None)["fairness"]
    own = rows["gender"].to_numpy() == entry["groups"][0]["group"]
    expected = np.average(good(rows)[own] > 0.5, weights=weight[own])
    assert entry["groups"][0]["candidate"]["selection_rate"] == pytest.approx(expected, rel=1e-5)
    assert list(entry["differences"]) == ["candidate"]


@pytest.mark.parametrize("weighed", [False, True])
def test_a_regression_has_errors_by_group(weighed):
    """In regression the figures are the mean absolute error and the mean error of each group, by weight."""
    rows, _ = people()
    weight = np.random.default_rng(1).uniform(0.5, 3, 4_000) if weighed else np.ones(4_000)
    y = rows["signal"].to_numpy() + np.random.default_rng(0).normal(size=4_000)
    spec = declare(
        evaluation={"holdout": "10d", "sensitive": ["gender"]},
        training={"estimator": "sklearn.linear_model.Ridge"},
        weight="w" if weighed else None,
    )
    rows = rows.with_columns(w=weight)
    document = judge(
        lambda part: part["signal"].to_numpy(), None, spec, rows, y, task="regression", baseline=-1.0
    )
    [entry] = document["fairness"]
    for group in entry["groups"]:
        own = rows["gender"].to_numpy() == group["group"]
        error = (rows["signal"].to_numpy() - y)[own]
        expected = {
            "mean_absolute_error": np.average(np.abs(error), weights=weight[own]),
            "mean_error": np.average(error, weights=weight[own]),
        }
        assert group["candidate"] == pytest.approx(expected, rel=1e-4)


def test_several_classes_have_the_share_of_errors():
    """With several classes the figure is the share of a group that is decided wrongly."""
    from retrain_assets.evaluation_report.fairness import fairness
    from retrain_assets.evaluation_report.slices import Scored

    rows, _ = people(600)
    random = np.random.default_rng(3)
    y, score = random.integers(0, 3, 600).astype(float), random.dirichlet(np.ones(3), 600)
    scored = Scored(y, score, None, np.arange(600) % 7, None)
    [entry], _ = fairness(sensitive(), rows, scored, "multiclass")
    for group in entry["groups"]:
        own = rows["gender"].to_numpy() == group["group"]
        assert group["candidate"] == {"error_rate": pytest.approx((score.argmax(axis=1) != y)[own].mean())}


def test_groups_with_few_rows_are_not_measured():
    """A group that has too few rows of one label is left out and named; with one group nothing is shown."""
    rows, y = people()
    mostly = rows.with_columns(
        gender=pl.when(pl.int_range(pl.len()) < 60).then(pl.lit("x")).otherwise("gender")
    )
    rare = np.where(np.arange(y.size) < 60, 0.0, y)
    document = judge(spec=sensitive(), rows=mostly, y=rare)
    [entry] = document["fairness"]
    assert {group["group"] for group in entry["groups"]} == {"f", "m"}
    assert (
        "The group gender = x is not measured for fairness: too few rows of one label." in document["guards"]
    )
    alone = judge(spec=sensitive(), rows=rows.with_columns(gender=pl.lit("f")), y=y)
    assert alone["fairness"] == []
    assert any("Fairness by gender is not shown" in guard for guard in alone["guards"])


def test_a_column_that_is_missing_is_told():
    """A sensitive column that the rows lack is an error that names the field."""
    rows, y = holdout()
    with pytest.raises(TrainingError, match=r"evaluation\.sensitive: 'gender' is no column of the source"):
        judge(spec=sensitive(), rows=rows, y=y)


def test_a_group_without_weight_is_told_and_not_measured():
    """A group whose rows all weigh nothing does not count, which a sentence tells, and the evaluation goes on."""
    rows, y = people()
    rows = rows.with_columns(
        gender=pl.when(pl.arange(pl.len()) % 3 == 0).then(pl.lit("x")).otherwise("gender"),
    ).with_columns(w=pl.when(pl.col("gender") == "x").then(0.0).otherwise(1.0))
    spec = declare(evaluation={"holdout": "10d", "sensitive": ["gender"]}, weight="w")
    document = judge(spec=spec, rows=rows, y=y)
    [entry] = document["fairness"]
    assert {group["group"] for group in entry["groups"]} == {"f", "m"}
    weightless = rows.filter(gender="x").height
    assert (
        f"{weightless:,} of {rows.height:,} rows of the holdout have a weight of 0 and do not count."
        in document["guards"]
    )
