"""The gain in money, in the document of an evaluation."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from retrain_assets.evaluation_report.figures import figures
from retrain_assets_tests.evaluation_report.test_evaluate import (
    SPLIT,
    declare,
    good,
    holdout,
    judge,
    poor,
    probability,
)

EVALUATION = {"holdout": "10d", "slices": ["device"]}
BENEFITS = {
    "true_positive": 5,
    "false_positive": -1,
    "true_negative": 0,
    "false_negative": 0,
    "currency": "EUR",
}


def promoted(**promotion):
    """Declare benefits, and what else promotions go by."""
    return declare(evaluation=EVALUATION, promotion={"value": BENEFITS} | promotion)


def money(y, score):
    """The money of each row, acted on above one sixth."""
    return np.where(score > 1 / 6, np.where(y == 1, 5, -1), 0)


def test_the_gain_is_told_a_row_and_a_day():
    """Beside the metric that decides stands the mean gain a row, as by hand, and times the 400 rows of a day."""
    rows, y = holdout()
    document = judge(spec=promoted(), rows=rows, y=y)
    assert (document["metric"], document["value"]["decides"]) == ("log_loss", False)
    gains = money(y, good(rows)) - money(y, poor(rows))
    value = document["value"]
    assert value["per_row"]["improvement"] == pytest.approx(gains.mean(), rel=1e-5)
    assert (value["period"], value["rows_per_period"], value["against"]) == ("day", 400, "champion")
    for name, amount in value["per_period"].items():
        assert amount == pytest.approx(400 * value["per_row"][name], rel=1e-4), name
    *_, entry = document["comparisons"]
    assert (entry["metric"], entry["unit"]) == ("value", "EUR per row")
    assert entry["candidate"] == pytest.approx(money(y, good(rows)).mean(), rel=1e-5)
    assert entry["vs_champion"]["lower"] == value["per_row"]["lower"]
    assert value["sentence"].startswith("Acting above a probability of 0.167, the candidate brings in ")
    assert "EUR a day more than the champion (95 % interval of the gain: " in value["sentence"]
    assert figures(document)["value_per_day_improvement"] == value["per_period"]["improvement"]
    assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_the_interval_is_that_of_the_blocks():
    """The interval of the mean gain is Student's of ten daily sums, as computed by hand."""
    from scipy.stats import t

    rows, y = holdout()
    gains = money(y, good(rows)) - money(y, poor(rows))
    day = (rows["at"] - SPLIT).dt.total_days().to_numpy()
    found = judge(spec=promoted(), rows=rows, y=y)["comparisons"][-1]["vs_champion"]
    assert found["estimator"] == "cluster_robust"
    sums = np.bincount(day, gains - gains.mean(), minlength=10)[:10]
    error = np.sqrt(10 / 9 * (sums @ sums)) / gains.size
    half = t.ppf(0.975, 9) * error
    assert found["upper"] - found["improvement"] == pytest.approx(half, rel=0.02)


def test_value_decides_where_it_is_declared():
    """A candidate with the better log loss and the same decisions is blessed by the metric, and not by value."""
    rows, y = holdout()

    def sharper(part):
        score = good(part)
        return np.where(score > 1 / 6, 0.5 * score + 0.5 * np.maximum(score, 0.5), score)

    def champion(part):
        return np.where(good(part) > 1 / 6, 0.17, 0.16)

    by_metric = judge(sharper, champion, spec=promoted(), rows=rows, y=y)
    by_value = judge(sharper, champion, spec=promoted(decide_by="value"), rows=rows, y=y)
    assert by_metric["verdict"]["reason"] == "better"
    assert by_value["verdict"]["reason"] == "no_gain"
    assert (by_value["metric"], by_value["unit"]) == ("value", "EUR per row")
    assert by_value["comparisons"][0]["metric"] == "value"
    assert by_value["importance_metric"] == {"metric": "log_loss", "unit": "nats per row"}
    assert "value improves by 0 EUR per row" in by_value["verdict"]["sentence"]
    assert {part["improvement"] for part in by_value["slices"]} == {0}


def test_a_better_value_is_blessed_in_money():
    """Where value decides, the sentence of the verdict is in money."""
    verdict = judge(spec=promoted(decide_by="value"))["verdict"]
    assert verdict["reason"] == "better"
    assert "EUR per row" in verdict["sentence"]


def test_the_first_model_brings_in_more_than_a_constant():
    """Without a champion the money is that over the decision which the baseline takes of all rows."""
    value = judge(champion=None, spec=promoted(decide_by="value"))["value"]
    assert value["against"] == "baseline"
    assert value["per_row"]["lower"] > 0


def test_rows_without_an_amount_decide_nothing():
    """An amount that is missing keeps value from deciding, with the column; and where it only tells, it is a guard."""
    rows, y = holdout()
    rows = rows.with_columns(worth=pl.when(pl.int_range(pl.len()) > 2).then(pl.lit(7.0)))
    benefits = BENEFITS | {"true_positive": "worth"}
    problem = "the column 'worth' holds no number in 3 of 4,000 rows"
    decided = judge(spec=promoted(value=benefits, decide_by="value"), rows=rows, y=y)
    assert decided["verdict"]["reason"] == "too_few_rows"
    assert problem in decided["verdict"]["sentence"]
    assert (decided["value"], decided["slices"]) == (None, [])
    told = judge(spec=promoted(value=benefits), rows=rows, y=y)
    assert told["verdict"]["reason"] == "better"
    assert any(problem in guard for guard in told["guards"])


def test_a_loss_is_told_as_one():
    """A candidate that brings in less is said to lose, with a negative interval."""
    value = judge(
        lambda part: 1 - probability(part["signal"].to_numpy()), good, spec=promoted(decide_by="value")
    )["value"]
    assert value["per_period"]["upper"] < 0
    assert " loses " in value["sentence"]
    assert " against the champion " in value["sentence"]


def test_rows_that_the_champion_knows_count_for_the_period():
    """A period has as many rows where half of them are left out of the comparison as where all are judged."""
    rows, y = holdout()
    later = np.arange(rows.height) >= rows.height // 2
    some = judge(spec=promoted(), rows=rows.filter(later), y=y[later], left_out=int((~later).sum()))
    assert some["value"]["rows_per_period"] == 400
    per_row = some["value"]["per_row"]["improvement"]
    assert some["value"]["per_period"]["improvement"] == pytest.approx(400 * per_row, rel=1e-4)
