"""The evaluation as a whole: from rows and models to the document."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from retrain_assets.errors import TrainingError
from retrain_assets.evaluation_report.evaluate import evaluate
from retrain_assets.evaluation_report.explanation import Model
from retrain_assets.evaluation_report.figures import figures
from retrain_assets.spec import load_spec

DRAWS = "retrain_assets_tests.comparison.draws"
SPLIT = datetime(2026, 1, 5, tzinfo=UTC)
DELAY = timedelta(days=1)


def declare(**blocks):
    """Declare a classifier with a holdout of ten days."""
    least = {
        "name": "clicks",
        "source": {"path": "rows.csv", "timestamp": "at"},
        "label": {"column": "clicked", "delay": "1d"},
        "evaluation": {"holdout": "10d", "slices": ["device"]},
    }
    return load_spec(least | blocks, "defs.yaml")


def holdout(rows=4_000, days=10, seed=1):
    """Rows of so many days with a signal, and their labels."""
    rng = np.random.default_rng(seed)
    times = [SPLIT + timedelta(days=days) * part for part in np.sort(rng.uniform(size=rows))]
    signal = rng.normal(-1, 1.5, rows)
    frame = pl.DataFrame(
        {
            "at": times,
            "signal": signal,
            "junk": rng.normal(size=rows),
            "device": rng.choice(["phone", "tv"], rows),
        },
        schema_overrides={"at": pl.Datetime("us", "UTC")},
    )
    return frame, (rng.uniform(size=rows) < probability(signal)).astype(float)


def probability(signal):
    """Apply the logistic function."""
    return 1 / (1 + np.exp(-signal))


def good(rows):
    """Score by the true probabilities."""
    return probability(rows["signal"].to_numpy())


def poor(rows):
    """Score by the right sign, far too timidly."""
    return probability(0.2 * rows["signal"].to_numpy() - 1)


def out_of_reach(_rows):
    """Fail as the code of a model of the user's own may."""
    raise RuntimeError("the device is busy")


def judge(candidate=good, champion=poor, spec=None, rows=None, y=None, **changes):
    """Evaluate with the usual facts."""
    if rows is None:
        rows, y = holdout()
    facts = {
        "task": "classification",
        "champion_problem": None,
        "baseline": 0.3,
        "features": ["signal", "junk"],
        "split": SPLIT,
        "as_of": SPLIT + timedelta(days=10) + DELAY,
    }
    return evaluate(
        spec or declare(), rows=rows, y=y, candidate=candidate, champion=champion, **(facts | changes)
    )


def test_the_document_holds_every_figure():
    """A better candidate is blessed, and the document holds scikit-learn's values and every part."""
    rows, y = holdout()
    document = judge(left_out=12, train_rows=9_000)
    assert document["verdict"]["reason"] == "better"
    assert document["rows"] == {"train": 9_000, "holdout": 4_000, "blocks": 10, "left_out": 12}
    assert [entry["metric"] for entry in document["comparisons"]] == ["log_loss", "brier_score", "roc_auc"]
    first, _, auc = document["comparisons"]
    assert first["candidate"] == pytest.approx(log_loss(y, good(rows)), rel=1e-5)
    assert first["champion"] == pytest.approx(log_loss(y, poor(rows)), rel=1e-5)
    assert first["baseline"] == pytest.approx(log_loss(y, np.full(4_000, 0.3)), rel=1e-5)
    assert auc["candidate"] == pytest.approx(roc_auc_score(y, good(rows)), rel=1e-5)
    assert auc["vs_champion"]["improvement"] == 0  # the same order of rows
    assert set(first["vs_champion"]) == {
        "improvement", "lower", "upper", "p_value", "standard_error", "smallest_detectable",
        "effective_rows", "blocks", "alpha", "estimator", "degrees", "correlation", "past_days",
        "effective_blocks", "inflation", "errors",
    }  # fmt: skip
    assert [curve["model"] for curve in document["calibration"]] == ["candidate", "champion"]
    assert {part["value"] for part in document["slices"]} == {"phone", "tv"}
    assert document["importances"][0]["feature"] == "signal"
    assert document["importances"][0]["candidate"] > document["importances"][0]["champion"] > 0
    assert document["importances"][1] == {"feature": "junk", "candidate": 0, "champion": 0}
    assert document["importance_rows"] == 4_000
    assert document["explanation_shift"]["distance"] == 0  # both rely on the signal alone
    assert document["guards"] == []


def test_the_document_is_plain_json():
    """The document survives JSON unchanged, without NaN."""
    document = judge()
    assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_equal_models_are_never_exchanged():
    """A candidate that scores as the champion does is rejected for want of a gain."""
    document = judge(candidate=poor)
    assert document["verdict"]["reason"] == "no_gain"
    assert document["comparisons"][0]["vs_champion"]["p_value"] == 1


def test_a_worse_candidate_is_rejected():
    """A candidate worse than the champion is rejected."""
    assert judge(candidate=poor, champion=good)["verdict"]["verdict"] == "rejected"


def test_a_gain_that_the_rows_cannot_rule_out_is_inconclusive():
    """A slight gain on few rows is not rejected: the next look has a date after as_of."""
    rows, y = holdout(rows=300)

    def slightly_better(part):
        return probability(0.9 * part["signal"].to_numpy())

    def champion(part):
        noise = np.random.default_rng(3).normal(0, 0.4, part.height)
        return probability(part["signal"].to_numpy() + noise)

    document = judge(slightly_better, champion, rows=rows, y=y)
    assert document["verdict"]["reason"] == "gain_unclear"
    assert datetime.fromisoformat(document["verdict"]["next_look"]) > datetime.fromisoformat(
        document["as_of"]
    )


def test_a_gain_bought_with_a_loss_in_a_slice_is_rejected():
    """A candidate that is better on all rows, and worse for the few of one device, is rejected and names it."""
    rows, y = holdout(rows=6_000)
    tv = np.random.default_rng(8).uniform(size=6_000) < 0.1
    rows = rows.with_columns(device=pl.when(pl.Series(tv)).then(pl.lit("tv")).otherwise(pl.lit("phone")))

    def reversed_for_tv(part):
        return probability(part["signal"].to_numpy() * np.where(part["device"].to_numpy() == "tv", -0.5, 1))

    document = judge(reversed_for_tv, rows=rows, y=y)
    assert document["comparisons"][0]["vs_champion"]["lower"] > 0
    assert (document["verdict"]["verdict"], document["verdict"]["reason"]) == ("rejected", "slice_worse")
    assert "worsens where device = tv by " in document["verdict"]["sentence"]
    assert [(part["value"], part["worse"]) for part in document["slices"]] == [("phone", False), ("tv", True)]
    undeclared = declare(evaluation={"holdout": "10d"})
    assert judge(reversed_for_tv, spec=undeclared, rows=rows, y=y)["verdict"]["reason"] == "better"


def test_the_first_model_is_measured_against_the_baseline():
    """Without a champion the candidate is compared with the constant alone."""
    document = judge(champion=None)
    assert document["verdict"]["reason"] == "first_champion"
    first = document["comparisons"][0]
    assert (first["champion"], first["vs_champion"]) == (None, None)
    assert document["importances"][0]["champion"] is None
    assert document["slices"][0]["champion"] is None


def test_an_unreadable_champion_makes_the_verdict_inconclusive():
    """A champion that cannot be read keeps its place, and the sentence says why."""
    verdict = judge(champion=None, champion_problem="Its file is gone.")["verdict"]
    assert verdict["reason"] == "champion_unscorable"
    assert verdict["sentence"] == "The champion could not be scored, so it stays: Its file is gone."


@pytest.mark.parametrize(
    "champion",
    [
        lambda rows: rows["removed_since"].to_numpy(),
        lambda rows: np.full(rows.height, np.nan),
        lambda _: np.ones(3),
        lambda rows: 1 / rows.height * None,
        out_of_reach,
    ],
)
def test_a_champion_that_fails_to_score_stays(champion):
    """A missing column, NaN, too few scores or an error inside: inconclusive, the candidate is measured."""
    document = judge(champion=champion)
    assert document["verdict"]["reason"] == "champion_unscorable"
    assert document["comparisons"][0]["candidate"] > 0


def test_a_candidate_that_fails_to_score_is_an_error():
    """A candidate without finite scores is an error that counts the rows."""
    with pytest.raises(TrainingError, match="no finite score for 4,000 of 4,000 rows"):
        judge(candidate=lambda rows: np.full(rows.height, np.inf))


@pytest.mark.parametrize(
    ("rows", "days", "labels", "reason", "part"),
    [
        (0, 10, None, "too_few_rows", "the holdout has 0 rows with a known label"),
        (29, 10, None, "too_few_rows", "the holdout has 29 rows"),
        (2_000, 10, 0, "too_few_rows", "only 0 of the holdout's 2,000 rows carry the rarer label"),
        (2_000, 6, None, "too_few_blocks", "its 2,000 rows lie in 6 days"),
        (2_000, 1, None, "too_few_blocks", "its 2,000 rows lie in one block"),
    ],
)
def test_too_little_evidence_is_inconclusive(rows, days, labels, reason, part):
    """No rows, few rows, one class or few days decide nothing, and the document is complete all the same."""
    frame, y = holdout(rows, days)
    y = y if labels is None else np.full(rows, float(labels))
    document = judge(rows=frame, y=y)
    assert document["verdict"]["reason"] == reason
    assert part in document["verdict"]["sentence"]
    json.dumps(document, allow_nan=False)


def test_an_undefined_metric_is_told_and_the_others_stay():
    """With one class in the holdout log loss is given and AUC is not, with a sentence."""
    rows, y = holdout()
    document = judge(rows=rows, y=np.zeros_like(y))
    assert [entry["metric"] for entry in document["comparisons"]] == ["log_loss", "brier_score"]
    assert any("ROC AUC is undefined" in sentence for sentence in document["guards"])


def test_rows_without_label_or_weight_are_left_out():
    """Missing labels and weights leave the comparison, and a sentence counts them; weights count."""
    rows, y = holdout()
    rows = rows.with_columns(w=pl.Series([None, 0.0, *[2.0] * 3_998]))
    y[2] = np.nan
    document = judge(spec=declare(weight="w"), rows=rows, y=y)
    assert document["rows"]["holdout"] == 3_997
    assert document["guards"] == [
        "2 of 4,000 rows of the holdout have no label or no weight and were left out.",
        "1 of 4,000 rows of the holdout have a weight of 0 and do not count.",
    ]
    expected = log_loss(y[3:], good(rows[3:]))
    assert document["comparisons"][0]["candidate"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("weight", "reason", "counts"),
    [
        (
            lambda rows: (rows["at"] < SPLIT + timedelta(days=5)).cast(pl.Float64),
            "too_few_blocks",
            (2_015, 5),
        ),
        (lambda rows: pl.Series([1.0] * 20 + [0.0] * (rows.height - 20)), "too_few_rows", (20, 1)),
        (lambda rows: pl.Series([0.0] * rows.height), "too_few_rows", (0, 0)),
    ],
)
def test_rows_of_weight_zero_are_no_evidence(weight, reason, counts):
    """Rows of weight 0 make up neither the rows nor the blocks that a verdict needs."""
    rows, y = holdout()
    document = judge(spec=declare(weight="w"), rows=rows.with_columns(w=weight(rows)), y=y)
    assert (document["verdict"]["verdict"], document["verdict"]["reason"]) == ("inconclusive", reason)
    assert (document["rows"]["holdout"], document["rows"]["blocks"]) == counts


@pytest.mark.parametrize("wrong", [-1.0, float("inf")])
def test_a_weight_that_is_none_is_told_with_its_column(wrong):
    """A negative or infinite weight among the rows that judge ends the evaluation with the column's name."""
    rows, y = holdout()
    rows = rows.with_columns(w=pl.Series([wrong, *[1.0] * 3_999]))
    with pytest.raises(TrainingError, match="weight: the column 'w' has 1 values that are negative or inf"):
        judge(spec=declare(weight="w"), rows=rows, y=y)


def test_a_regression_is_judged_in_the_labels_unit():
    """Regression compares absolute and squared errors, and its calibration holds mean predictions."""
    rows, _ = holdout()
    y = rows["signal"].to_numpy() + np.random.default_rng(0).normal(size=4_000)
    document = judge(
        lambda part: part["signal"].to_numpy(),
        lambda part: part["signal"].to_numpy() * 0.5,
        declare(training={"estimator": "sklearn.linear_model.Ridge"}),
        rows,
        y,
        task="regression",
        baseline=-1.0,
    )
    assert (document["metric"], document["verdict"]["reason"]) == ("mean_absolute_error", "better")
    assert "units of the label" in document["verdict"]["sentence"]
    assert len(document["calibration"][0]["bins"]) == 10


def test_a_function_and_a_quantile_are_judged_by():
    """A function of the user's own decides by a resampled interval, and a quantile's loss stands beside it."""
    rows, _ = holdout(rows=1_000)
    y = rows["signal"].to_numpy() + np.random.default_rng(0).normal(size=1_000)
    metrics = [
        {"function": f"{DRAWS}:cost", "greater_is_better": False, "unit": "EUR"},
        {"metric": "mean_pinball_loss", "quantile": 0.9},
    ]
    document = judge(
        lambda part: part["signal"].to_numpy(),
        lambda part: part["signal"].to_numpy() * 0.5,
        declare(evaluation={"holdout": "10d", "metrics": metrics, "slices": ["device"]}),
        rows,
        y,
        task="regression",
        baseline=-1.0,
    )
    assert (document["metric"], document["unit"], document["verdict"]["reason"]) == ("cost", "EUR", "better")
    own, quantile = document["comparisons"]
    assert own["vs_champion"]["estimator"] == "poisson_bootstrap"
    assert own["vs_champion"]["effective_rows"] is None
    assert own["candidate"] == pytest.approx(np.abs(y - rows["signal"].to_numpy()).mean(), rel=1e-5)
    assert quantile["metric"] == "mean_pinball_loss_q90"
    assert set(figures(document)) >= {
        "candidate_cost",
        "improvement_cost_lower",
        "champion_mean_pinball_loss_q90",
    }
    assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_models_with_derivations_are_scored_on_their_own_features():
    """Candidate and champion each derive their features, and derived ones have importances."""
    candidate = Model(
        lambda part: probability(part["z"].to_numpy()), lambda raw: raw.with_columns(z=pl.col("signal"))
    )
    document = judge(candidate, poor, features=["z"])
    assert document["verdict"]["reason"] == "better"
    (entry,) = document["importances"]
    assert entry["candidate"] > 0 and entry["champion"] is None


def test_entities_can_be_blocks():
    """Rows of one device as a block: two devices are too few."""
    document = judge(spec=declare(evaluation={"holdout": "10d", "block": "device"}))
    assert document["verdict"]["reason"] == "too_few_blocks"
    assert "2 values of device" in document["verdict"]["sentence"]


def test_a_blessing_tells_where_a_constant_is_better():
    """A candidate that ranks best and gives wild probabilities is blessed by rank, with what is wrong beside it."""

    def wild(part):
        return probability(part["signal"].to_numpy() + 4)

    def noise(part):
        return probability(part["junk"].to_numpy())

    spec = declare(evaluation={"holdout": "10d", "metrics": ["roc_auc", "brier_score"]})
    document = judge(wild, noise, spec)
    [caveat] = [guard for guard in document["guards"] if "naive baseline" in guard]
    assert caveat.startswith(
        "By Brier score the candidate is worse than the naive baseline, a constant, by 0."
    )
    assert document["verdict"]["reason"] == "better"
    assert document["verdict"]["sentence"].endswith(caveat)
    rejected = judge(wild, good, spec)
    assert rejected["verdict"]["verdict"] == "rejected"
    assert "naive baseline" not in rejected["verdict"]["sentence"]
