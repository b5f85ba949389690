"""The loss that a model has on a block, estimated without the block's labels: none of it sees concept drift.

What estimates is what monitoring estimates by, fitted on the first block after the model's training.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from retrain_assets.arrays import FloatArray
from retrain_assets.cadence_report.history import Ground
from retrain_assets.cadence_report.losses import Labels, as_loss, has_influence, labels_of, losses
from retrain_assets.cadence_report.orders import Trained
from retrain_assets.candidate_model.model_inputs import model_inputs, sample_of
from retrain_assets.monitoring_report.estimators import ConfidenceBased, DirectLoss, Labelled, ScoredInputs

FEWEST_ROWS = 50
"""Fewer rows with a label give no estimates."""
MOST_FITTED, MOST_ESTIMATED = 2_000, 1_000
"""Rows that a model of a regression's losses is fitted on, and asked about in a block, at most: every model of the
matrix has its own, on every block."""
Estimate = Callable[[pl.DataFrame, FloatArray], float]
"""Takes rows of a block and a model's scores of them, and gives the loss; NaN where it cannot be estimated."""


def fit_estimate(ground: Ground, trained: Trained, rows: pl.DataFrame, score: FloatArray) -> Estimate:
    """Fit what estimates the losses of a model.

    Parameters
    ----------
    ground
        What the rows mean.
    trained
        The model.
    rows
        Rows that the model was not trained on, with labels.
    score
        Its scores of them.

    Returns
    -------
    callable
        Confidence-based for classes, where money decides too; direct loss estimation for numbers. NaN for everything
        where there are too few rows, for a metric that is the user's own function, and for money of a regression;
        and for a block without rows of any weight.
    """
    money = ground.criterion.value is not None
    regresses = ground.task == "regression"
    rows, score = _weighing(ground, rows, score)
    if rows.height < FEWEST_ROWS or not has_influence(ground.criterion, ground.spec) or (money and regresses):
        return lambda *_: float("nan")
    estimate = (_direct if regresses else _expected)(ground, trained, rows, score)

    def estimate_weighing(block: pl.DataFrame, scores: FloatArray) -> float:
        block, scores = _weighing(ground, block, scores)
        return float("nan") if block.is_empty() else estimate(block, scores)

    return estimate_weighing


def _weighing(ground: Ground, rows: pl.DataFrame, score: FloatArray) -> tuple[pl.DataFrame, FloatArray]:
    """The rows that count, and their scores: with none of weight left, nothing can be fitted or averaged."""
    if ground.spec.weight is None:
        return rows, score
    weighs = rows[ground.spec.weight].cast(pl.Float64) > 0
    return rows.filter(weighs), score[weighs.to_numpy()]


def _expected(ground: Ground, trained: Trained, rows: pl.DataFrame, score: FloatArray) -> Estimate:
    del trained
    calibrated = ConfidenceBased(_labelled(ground, rows, score, np.empty((rows.height, 0))))

    def estimate(block: pl.DataFrame, scores: FloatArray) -> float:
        labels = labels_of(block, ground)
        inputs = np.empty((block.height, 0))
        y, repeated, weight = calibrated.cases(ScoredInputs(scores, inputs, labels.weight))
        times = y.size // max(block.height, 1)
        cases = Labels(y, weight, np.zeros(y.size, dtype=np.int64), pl.concat([labels.raw] * times))
        return losses(ground.criterion, cases, repeated)[0]

    return estimate


def _direct(ground: Ground, trained: Trained, rows: pl.DataFrame, score: FloatArray) -> Estimate:
    profile = trained.profile or {}
    labelled = _labelled(ground, rows, score, model_inputs(profile, rows))
    direct = DirectLoss(labelled.chosen(sample_of(rows.height, MOST_FITTED)))
    metric = ground.criterion.metric

    def estimate(block: pl.DataFrame, scores: FloatArray) -> float:
        chosen = sample_of(block.height, MOST_ESTIMATED)
        part = block[chosen]
        weight = labels_of(part, ground).weight
        value = direct.value(metric, ScoredInputs(scores[chosen], model_inputs(profile, part), weight))
        return float("nan") if value is None else as_loss(metric, value)

    return estimate


def _labelled(ground: Ground, rows: pl.DataFrame, score: FloatArray, inputs: FloatArray) -> Labelled:
    labels = labels_of(rows, ground)
    return Labelled(ScoredInputs(score, inputs, labels.weight), labels.y, labels.day)
