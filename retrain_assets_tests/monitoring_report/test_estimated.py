"""Estimates of a champion's life: made without labels, held against them later, withdrawn at a concept drift."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from retrain_assets.candidate_model.profile import build_profile
from retrain_assets.comparison import METRICS
from retrain_assets.monitoring_report.asset import numbers
from retrain_assets.monitoring_report.estimated import Estimates, scored_inputs
from retrain_assets.monitoring_report.performance import measure_value
from retrain_assets.monitoring_report.rows import LabelledRows
from retrain_assets.monitoring_report.watched import Champion
from retrain_assets_tests.pipelines import declare

START = datetime(2026, 1, 5, tzinfo=UTC)
DAY = timedelta(days=1)
PER_DAY, DAYS, FLIP = 300, 26, 16


class Amounts:
    """A model whose features are its raw columns."""

    def predict(self, rows):
        """Score rows."""
        return rows["score"].to_numpy()

    def features(self, rows):
        """Make features of rows."""
        return rows.select("amount")


@pytest.fixture(scope="module")
def life(tmp_path_factory):
    """Report daily on a champion whose feature turns round on day 16."""
    declaration = declare(tmp_path_factory.mktemp("life"))
    rng = np.random.default_rng(8)
    day = np.repeat(np.arange(DAYS), PER_DAY)
    amount = rng.normal(size=day.size)
    score = 1 / (1 + np.exp(-1.5 * amount))
    truth = np.where(day < FLIP, score, 1 - score)
    frame = pl.DataFrame(
        {
            "partition_key": [f"{START + int(d) * DAY:%Y-%m-%d}" for d in day],
            "row_id": np.arange(day.size),
            "asked_at": [
                START + int(d) * DAY + timedelta(minutes=int(m))
                for d, m in zip(day, np.tile(np.arange(PER_DAY), DAYS), strict=True)
            ],
            "amount": amount,
            "score": score,
            "repaid": (rng.uniform(size=day.size) < truth).astype(np.int64),
        }
    ).cast({"asked_at": pl.Datetime("us", "UTC")})
    keys = frame["partition_key"].unique().sort().to_list()
    declaration.lake.replace_partitions("training_data", frame, keys)
    rows = LabelledRows.of(frame, frame["repaid"].cast(float).to_numpy(), declaration.time_columns)
    profile = build_profile(frame.head(2000), ["amount"], [], None)
    champion = Champion(1, START, profile, {}, (METRICS["log_loss"], METRICS["roc_auc"]))

    def watch(chosen, previous=None):
        estimates = Estimates(declaration, champion, Amounts(), rows)
        reports = {}
        for key in chosen:
            own = frame.filter(pl.col("partition_key") == key)
            today = scored_inputs(champion, own, own.select("amount"), own["score"].to_numpy(), None)
            report = estimates.report(key, today, previous)
            as_of = declaration.partitions.bounds(key)[1].isoformat()
            previous = report | {"partition_key": key, "as_of": as_of, "promoted_at": START.isoformat()}
            reports[key] = previous
        return reports

    reports = watch(keys)
    other = reports[keys[-2]] | {"promoted_at": (START - DAY).isoformat()}
    return reports, watch(keys[-1:], other)[keys[-1]], rows, keys


def test_estimates_begin_when_the_reference_is_complete(life):
    """The first holdout of mature labels is needed; the report is JSON."""
    reports, _, _, keys = life
    assert reports[keys[6]]["estimated"] == {}
    first = reports[keys[8]]["estimated"]["log_loss"]
    assert set(first) == {"confidence_based", "importance_weighted"}
    assert (
        first["confidence_based"]["lower"]
        < first["confidence_based"]["value"]
        < first["confidence_based"]["upper"]
    )
    assert json.loads(json.dumps(reports[keys[12]])) == reports[keys[12]]


def test_an_estimate_is_reconciled_once_when_its_labels_are_in(life):
    """Each estimated partition is held against its own labels, in the report with which they came in."""
    reports, _, rows, keys = life
    found = [
        row for key in keys for row in reports[key]["reconciled"]["partitions"] if row["metric"] == "log_loss"
    ]
    own = [row["partition_key"] for row in found if row["method"] == "confidence_based"]
    assert own[0] == keys[7]
    assert own == sorted(set(own))
    row = next(row for row in reports[keys[11]]["reconciled"]["partitions"] if row["metric"] == "log_loss")
    assert row["partition_key"] == keys[10]
    start = START + 10 * DAY
    assert row["realised"] == measure_value(
        METRICS["log_loss"], rows.between(start, start + DAY, start + 2 * DAY)
    )
    assert row["estimated"] == reports[keys[10]]["estimated"]["log_loss"]["confidence_based"]["value"]


def test_a_concept_drift_withdraws_all_estimates_within_a_week(life):
    """The features are as they were, so that estimates stay good while the loss is not; then the reason stands there."""
    reports, _, _, keys = life
    told = reports[keys[FLIP + 7]]["estimated"]["log_loss"]
    assert {method: estimate["value"] for method, estimate in told.items()} == dict.fromkeys(told)
    assert "the realised value lay outside its 95 % interval" in told["confidence_based"]["withdrawn"]
    assert reports[keys[FLIP]]["estimated"]["log_loss"]["confidence_based"]["withdrawn"] is None


def test_figures_are_plotted(life):
    """Estimate, interval and difference are metadata; what is withdrawn is none."""
    reports, _, _, keys = life
    blank = {
        "rows": 1,
        "version": 1,
        "realised": {},
        "business": {},
        "drift": {},
        "moved_importance": None,
        "findings": [],
    }
    shown = numbers(reports[keys[12]] | blank)
    assert {"estimated_log_loss_confidence_based", "estimated_log_loss_confidence_based_lower"} <= set(shown)
    assert "difference_log_loss_confidence_based" in shown
    assert "estimated_log_loss_confidence_based" not in numbers(reports[keys[FLIP + 7]] | blank)


def test_another_champion_starts_afresh(life):
    """What was withdrawn for one champion says nothing about the next."""
    _, again, _, _ = life
    assert again["estimated"]["log_loss"]["confidence_based"]["withdrawn"] is None


@pytest.mark.parametrize("weight", [None, np.nan, 0.0])
def test_rows_whose_weights_are_not_known_have_no_estimate(weight):
    """Weights may come with the labels: until then there is nothing to estimate, and the report is made."""
    raw = pl.DataFrame({"amount": [1.0, 2.0], "weight": pl.Series([weight] * 2, dtype=pl.Float64)})
    profile = build_profile(raw, ["amount"], [], None)
    champion = Champion(1, START, profile, {}, (METRICS["log_loss"],))
    scores = np.array([0.2, 0.8])
    assert scored_inputs(champion, raw, raw.select("amount"), scores, "weight") is None
    assert scored_inputs(champion, raw, raw.select("amount"), scores, None) is not None
