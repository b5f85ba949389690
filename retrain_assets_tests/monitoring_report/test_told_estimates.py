"""What a life's page tells of estimates, and of a constant beside the model."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from retrain_assets.comparison import METRICS
from retrain_assets.lake_tables import SCHEMAS
from retrain_assets.monitoring_report.page import life_page
from retrain_assets.monitoring_report.scored import ScoredRows
from retrain_assets.monitoring_report.told_estimates import told_estimates
from retrain_assets_tests.pages.lives import life
from retrain_assets_tests.pipelines import declare


def report(key, value, *, realised=(), reason=None):
    """Make a report's part that estimates."""
    estimate = {"value": value, "lower": 0.4, "upper": 0.5, "withdrawn": reason}
    came = [
        {
            "partition_key": day,
            "metric": "log_loss",
            "method": "confidence_based",
            "realised": 0.46,
            "difference": -0.01,
            "inside": True,
        }
        for day in realised
    ]
    return {
        "partition_key": key,
        "version": 2,
        "estimated": {"log_loss": {"confidence_based": estimate}},
        "reconciled": {"partitions": came, "methods": {}},
    }


def test_estimates_are_told_newest_first_with_what_came_of_them(tmp_path):
    """What labels have shown stands beside its estimate, what they have not is empty, and a withdrawal is a sentence."""
    declaration = declare(tmp_path)
    assert told_estimates(declaration, "log_loss") == {"rows": [], "withdrawn": []}
    reports = [
        report("2026-01-05", 0.45),
        report("2026-01-06", 0.44, realised=["2026-01-05"]),
        report("2026-01-07", None, reason="It is withdrawn."),
    ]
    table = pl.DataFrame(
        [
            {
                "partition_key": item["partition_key"],
                "as_of": datetime(2026, 1, 6 + number, tzinfo=UTC),
                "payload": json.dumps(item),
            }
            for number, item in enumerate(reports)
        ],
        schema=SCHEMAS["monitoring"],
    )
    declaration.lake.replace_partitions("monitoring", table, table["partition_key"].to_list())
    told = told_estimates(declaration, "log_loss")
    assert [(row["partition_key"], row["estimated"], row["realised"]) for row in told["rows"]] == [
        ("2026-01-06", 0.44, None),
        ("2026-01-05", 0.45, 0.46),
    ]
    assert told["withdrawn"] == ["It is withdrawn."]
    assert told_estimates(declaration, "roc_auc") == {"rows": [], "withdrawn": []}


def rows_of(label, score, weight=None):
    """Make the scored rows of one partition."""
    label, score = np.array(label, dtype=float), np.array(score, dtype=float)
    return ScoredRows(
        pl.DataFrame(),
        label,
        {"score": score, "never_retrained": score},
        {"day": slice(0, label.size)},
        {},
        True,
        None if weight is None else np.array(weight, dtype=float),
    )


def test_the_constant_knows_the_level_of_its_rows():
    """Its log loss is the entropy of the rows' own rate, on scored rows alone, and falls when the rate does."""
    rows = rows_of([1, 0, 0, 0, 1], [0.5, 0.2, 0.1, 0.3, np.nan])
    entropy = -(0.25 * np.log(0.25) + 0.75 * np.log(0.75))
    assert rows.constant(METRICS["log_loss"], ["day"]) == pytest.approx(entropy)
    rarer = rows_of([1] + [0] * 9, [0.1] * 10)
    assert rarer.constant(METRICS["log_loss"], ["day"]) < entropy
    assert rows.constant(METRICS["log_loss"], ["another day"]) is None


def test_the_constant_of_several_classes_and_of_numbers():
    """It is the classes' shares, and the mean."""
    shares = rows_of([0, 0, 1, 2], [[0.4, 0.3, 0.3]] * 4)
    assert shares.constant(METRICS["log_loss"], ["day"]) == pytest.approx(1.5 * np.log(2))
    numbers = rows_of([1, 2, 6], [0.0, 0.0, 0.0])
    assert numbers.constant(METRICS["mean_absolute_error"], ["day"]) == pytest.approx(2)


def test_a_figure_too_great_for_a_number_is_none():
    """The square of a prediction that has gone astray may overflow: there is no such place on the page."""
    astray = rows_of([1.0, 2.0], [1e200, 0.0])
    with np.errstate(all="ignore"):
        assert astray.value(METRICS["mean_squared_error"], "score", ["day"]) is None
    assert astray.value(METRICS["mean_absolute_error"], "score", ["day"]) == pytest.approx(5e199)


def test_sample_weights_count_on_the_page():
    """A row of weight 0 counts neither for the model nor for the constant."""
    alone = rows_of([1, 0, 0], [0.7, 0.2, 0.4])
    weighed = rows_of([1, 0, 0, 1], [0.7, 0.2, 0.4, 0.01], [1, 1, 1, 0])
    for metric in (METRICS["log_loss"], METRICS["brier_score"]):
        assert weighed.value(metric, "score", ["day"]) == pytest.approx(alone.value(metric, "score", ["day"]))
        assert weighed.constant(metric, ["day"]) == pytest.approx(alone.constant(metric, ["day"]))


def test_the_page_shows_constant_and_estimates():
    """A loss has the constant beside it, a score does not; estimates and withdrawals have a section."""
    page = life_page(life())
    assert "best constant of the week" in page
    assert "confidence-based" in page
    assert "The importance-weighted estimate of log_loss is withdrawn." in page
    assert "best constant of the week" not in life_page(life() | {"greater_is_better": True})
    assert "without labels" not in life_page(life() | {"estimates": {"rows": [], "withdrawn": []}})
