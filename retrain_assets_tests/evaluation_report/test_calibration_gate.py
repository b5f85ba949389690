"""The gate of calibration: the error of probabilities, and when a candidate's is significantly greater."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from retrain_assets.comparison import compare
from retrain_assets.errors import TrainingError
from retrain_assets.evaluation_report.calibration import score_bins
from retrain_assets.evaluation_report.calibration_error import CALIBRATION, calibration_terms
from retrain_assets_tests.evaluation_report.test_evaluate import (
    declare,
    good,
    holdout,
    judge,
    poor,
    probability,
)

EVALUATION = {"holdout": "10d", "slices": ["device"]}


def steeper(rows):
    """Score in the right order, twice as surely as is right."""
    return probability(2.5 * rows["signal"].to_numpy())


def gated(max_error=0.02, **promotion):
    """Declare the gate."""
    return declare(evaluation=EVALUATION, promotion={"calibration": {"max_error": max_error}} | promotion)


def by_pairs(y, score, blocks, weight):
    """The squared error row by row in loops: each tenth's gap on a block, times that on all other blocks."""
    bins, total = score_bins(score), 0.0
    for tenth in np.unique(bins):
        for block in np.unique(blocks):
            own = (bins == tenth) & (blocks == block)
            other = (bins == tenth) & (blocks != block)
            if own.any() and other.any():
                gap = np.average((score - y)[other], weights=weight[other])
                total += gap * (weight * (score - y))[own].sum()
    return total / weight.sum()


def drawn(rng, rows=1_400):
    """Labels of a logistic signal, the signal, and seven blocks of like size."""
    signal = rng.normal(-1, 1.5, rows)
    return (rng.uniform(size=rows) < probability(signal)).astype(float), signal, np.arange(rows) % 7


def test_the_error_is_the_mean_product_of_gaps_on_different_blocks():
    """The mean of the terms is what loops over tenths and blocks give, with weights and without."""
    rng = np.random.default_rng(4)
    y, signal, blocks = drawn(rng)
    for weight in (np.ones(y.size), rng.uniform(0.5, 2, y.size)):
        terms = calibration_terms(y, probability(2 * signal), blocks, weight)
        expected = by_pairs(y, probability(2 * signal), blocks, weight)
        assert np.average(terms, weights=weight) == pytest.approx(expected)


def test_the_error_has_no_bias():
    """Over many draws calibrated probabilities have no error on average, and others the mean square of their gaps."""
    rng = np.random.default_rng(5)
    calibrated, steep, known = [], [], []
    for _ in range(200):
        y, signal, blocks = drawn(rng)
        calibrated.append(calibration_terms(y, probability(signal), blocks).mean())
        score = probability(2 * signal)
        steep.append(calibration_terms(y, score, blocks).mean())
        gaps = [(score - probability(signal))[score_bins(score) == tenth].mean() for tenth in range(10)]
        known.append(np.mean(np.square(gaps)))
    assert np.mean(calibrated) == pytest.approx(0, abs=3 * np.std(calibrated) / np.sqrt(200))
    assert np.mean(steep) == pytest.approx(np.mean(known), abs=3 * np.std(steep) / np.sqrt(200))


def test_models_that_are_calibrated_alike_seldom_differ():
    """Of 400 pairs of equally miscalibrated models at most 2.5 %, and two standard errors, are found worse."""
    rng = np.random.default_rng(6)
    found = 0
    for _ in range(400):
        signals = rng.normal(-1, 1.5, (2, 1_400))
        half = rng.uniform(size=1_400) < 0.5
        # Each model knows the signal of its own half of the rows, and of the others the mean probability.
        y = (rng.uniform(size=1_400) < probability(np.where(half, *signals))).astype(float)
        mean = probability(-1 + 1.5 * np.random.default_rng(0).normal(size=10_000)).mean()
        ours, theirs = (
            np.where(knows, probability(1.5 * signal), mean)
            for knows, signal in zip((half, ~half), signals, strict=True)
        )
        blocks = np.arange(1_400) % 7
        terms = [calibration_terms(y, score, blocks) for score in (ours, theirs)]
        found += compare(CALIBRATION, y, *terms, blocks).upper < 0
    assert found / 400 <= 0.025 + 2 * np.sqrt(0.025 * 0.975 / 400)


CLASSES = ["bus", "car", "tram"]


def several(signal):
    """Probabilities of three classes by three signals, shape (n, 3)."""
    raised = np.exp(signal - signal.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


def choice(rng, chances):
    """Draw a class for each row."""
    return (rng.uniform(size=len(chances))[:, None] > chances.cumsum(axis=1)).sum(axis=1).astype(float)


def test_of_several_classes_the_error_is_the_mean_of_each_against_the_rest():
    """The terms' mean is that of the classes' errors one by one; two classes in two columns are one in one."""
    rng = np.random.default_rng(14)
    chances, blocks, weight = (
        several(rng.normal(size=(1_400, 3))),
        np.arange(1_400) % 7,
        rng.uniform(0.5, 2, 1_400),
    )
    y, score = choice(rng, chances), several(np.log(chances) * 2)
    alone = [by_pairs((y == code).astype(float), score[:, code], blocks, weight) for code in range(3)]
    terms = calibration_terms(y, score, blocks, weight)
    assert np.average(terms, weights=weight) == pytest.approx(np.mean(alone))
    y, signal, blocks = drawn(rng)
    both = np.column_stack([1 - probability(2 * signal), probability(2 * signal)])
    one = calibration_terms(y, both[:, 1], blocks)
    assert calibration_terms(y, both, blocks) == pytest.approx(one, abs=0.02)
    assert calibration_terms(y, both, blocks).mean() == pytest.approx(one.mean(), rel=0.01)


def test_of_several_classes_the_error_has_no_bias():
    """Calibrated probabilities have no error on average, and steep ones the mean square of the classes' gaps."""
    rng = np.random.default_rng(15)
    calibrated, steep, known = [], [], []
    blocks = np.arange(1_400) % 7
    for _ in range(150):
        chances = several(rng.normal(size=(1_400, 3)))
        y, score = choice(rng, chances), several(np.log(chances) * 2)
        calibrated.append(calibration_terms(y, chances, blocks).mean())
        steep.append(calibration_terms(y, score, blocks).mean())
        gaps = [
            (score - chances)[score_bins(score[:, code]) == tenth, code].mean()
            for code in range(3)
            for tenth in range(10)
        ]
        known.append(np.mean(np.square(gaps)))
    assert np.mean(calibrated) == pytest.approx(0, abs=3 * np.std(calibrated) / np.sqrt(150))
    assert np.mean(steep) == pytest.approx(np.mean(known), abs=3 * np.std(steep) / np.sqrt(150))


@pytest.mark.parametrize("power", [1.0, 1.5])
def test_models_of_several_classes_that_are_calibrated_alike_seldom_differ(power):
    """Of 300 pairs of models, calibrated or equally off, at most 2.5 %, and two standard errors, are found worse."""
    rng = np.random.default_rng(16)
    mean = several(np.random.default_rng(0).normal(size=(20_000, 3))).mean(axis=0)
    found = 0
    for _ in range(300):
        chances, other = several(rng.normal(size=(1_400, 3))), several(rng.normal(size=(1_400, 3)))
        half = (rng.uniform(size=1_400) < 0.5)[:, None]
        # Each model knows the probabilities of its own half of the rows, and of the others their mean.
        y, blocks = choice(rng, np.where(half, chances, other)), np.arange(1_400) % 7
        ours = np.where(half, several(np.log(chances) * power), mean)
        theirs = np.where(half, mean, several(np.log(other) * power))
        terms = [calibration_terms(y, score, blocks) for score in (ours, theirs)]
        found += compare(CALIBRATION, y, *terms, blocks).upper < 0
    assert found / 300 <= 0.025 + 2 * np.sqrt(0.025 * 0.975 / 300)


def test_the_gate_rejects_probabilities_of_several_classes_too():
    """What decides the better class more often, and is far too sure of it, is rejected where the gate is declared."""
    rows, _ = holdout(rows=8_000)
    rng = np.random.default_rng(17)
    signals = np.column_stack([rows["signal"] + 1, rows["junk"], rng.normal(size=rows.height)])
    rows = rows.with_columns(pl.Series(f"s{code}", signals[:, code]) for code in range(3))
    y = choice(rng, several(signals))

    def sure(part):
        return several(3 * part.select("s0", "s1", "s2").to_numpy())

    def dull(part):
        return several(0.5 * part.select("s0", pl.lit(0).alias("b"), pl.lit(0).alias("c")).to_numpy())

    label = {"column": "clicked", "delay": "1d", "classes": CLASSES}
    by_hits = {"metrics": ["accuracy"], "holdout": "10d"}
    facts = {"rows": rows, "y": y, "task": "multiclass", "baseline": [0.4, 0.3, 0.3], "features": ["s0"]}
    undeclared = judge(sure, dull, declare(label=label, evaluation=by_hits), **facts)
    assert undeclared["verdict"]["reason"] == "better"
    assert undeclared["calibration_test"]["worse"]
    gate = declare(label=label, evaluation=by_hits, promotion={"calibration": {"max_error": 0.1}})
    document = judge(sure, dull, gate, **facts)
    found = document["calibration_test"]
    assert document["verdict"]["reason"] == "calibration_worse"
    assert found["candidate"] > 0.1
    assert (
        "(root mean square over classes, and tenths of the rows by each one's probability;"
        in found["sentence"]
    )


def test_the_gate_rejects_what_is_better_and_worse_calibrated():
    """A candidate with the better AUC, twice as sure as it should be, is blessed without the gate, not with it."""
    rows, y = holdout(rows=8_000)

    def noisy(part):
        return probability(0.7 * (part["signal"] + part["junk"]).to_numpy() - 0.3)

    by_rank = {"metrics": ["roc_auc", "log_loss"], "holdout": "10d"}
    undeclared = judge(steeper, noisy, declare(evaluation=by_rank), rows, y)
    assert undeclared["verdict"]["reason"] == "better"
    assert undeclared["calibration_test"]["worse"] and not undeclared["calibration_test"]["fails"]
    promotion = {"calibration": {"max_error": 0.02}}
    document = judge(steeper, noisy, declare(evaluation=by_rank, promotion=promotion), rows, y)
    verdict, found = document["verdict"], document["calibration_test"]
    assert (verdict["verdict"], verdict["reason"]) == ("rejected", "calibration_worse")
    assert found["fails"] and found["candidate"] > 0.02
    assert found["sentence"] in verdict["sentence"]
    assert "where 0.02 is allowed" in found["sentence"]
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    tolerant = declare(evaluation=by_rank, promotion={"calibration": {"max_error": 0.5}})
    assert judge(steeper, noisy, tolerant, rows, y)["verdict"]["reason"] == "better"


def test_a_better_calibrated_candidate_passes_the_gate():
    """A calibrated candidate beside a timid champion is blessed, and the sentence tells both errors."""
    document = judge(good, poor, gated())
    found = document["calibration_test"]
    assert document["verdict"]["reason"] == "better"
    assert not found["worse"] and found["lower"] > 0
    assert found["candidate"] < found["champion"]
    assert "are not shown to be worse calibrated than the champion's" in found["sentence"]


def test_a_worse_candidate_is_worse_first():
    """The gate only takes blessings away: what is worse by the metric is rejected for that."""
    assert judge(steeper, good, gated())["verdict"]["reason"] == "worse"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"champion": None}, "There is no champion's calibration to compare with."),
        ({"rows": 400, "days": 5}, "Too few rows, or fewer than 7 blocks, to test calibration on."),
        (
            {"task": "regression"},
            "Calibration is tested where there are probabilities.",
        ),
    ],
)
def test_where_calibration_is_not_tested(changes, sentence):
    """Without a champion, on few blocks and in regression nothing is tested, and it is said."""
    size = {name: changes.pop(name) for name in ("rows", "days") if name in changes}
    rows, y = holdout(**size)
    found = judge(rows=rows, y=y, **changes)["calibration_test"]
    assert found["sentence"] == sentence
    assert (found["worse"], found["candidate"]) == (False, None)


def test_a_gate_without_probabilities_is_refused():
    """A gate that is declared for a regression is told in a sentence."""
    with pytest.raises(TrainingError, match=r"promotion\.calibration: the gate is one of probabilities, and"):
        judge(spec=gated(), task="regression")


def test_rows_without_weight_do_not_count():
    """A row of weight 0 changes no error and no interval."""
    rows, y = holdout()
    kept = np.arange(y.size) >= 500
    weighted = rows.with_columns(w=kept.astype(float))
    found = judge(spec=declare(evaluation=EVALUATION, weight="w"), rows=weighted, y=y)["calibration_test"]
    alone = judge(rows=rows[500:], y=y[500:])["calibration_test"]
    assert found == alone
