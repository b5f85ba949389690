"""Losses of blocks and of their days."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from retrain_assets.cadence_report.losses import Labels, losses
from retrain_assets.comparison import METRICS, Criterion, declared_metrics
from retrain_assets.spec import MetricSpec

RANDOM = np.random.default_rng(5)
ROWS = 400
Y = (RANDOM.random(ROWS) < 0.3).astype(float)
SCORE = np.clip(0.3 + 0.2 * (Y - 0.3) + 0.1 * RANDOM.standard_normal(ROWS), 0.01, 0.99)
WEIGHT = RANDOM.integers(1, 4, ROWS).astype(float)
DAY = np.sort(RANDOM.integers(0, 5, ROWS))


def square(y, score, weight):
    """Measure a mean of squares; a function of a user's own."""
    del weight
    return -float(((y - score) ** 2).mean())


@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_a_mean_over_rows_has_each_days_own_mean(weight):
    """The daily losses of a log loss are the log losses of the days, rows weighed or not."""
    loss, daily = losses(Criterion(METRICS["log_loss"]), Labels(Y, weight, DAY), SCORE)
    assert loss == pytest.approx(log_loss(Y, SCORE, sample_weight=weight))
    own = [
        log_loss(
            Y[day == DAY], SCORE[day == DAY], sample_weight=None if weight is None else weight[day == DAY]
        )
        for day in range(5)
    ]
    assert daily == pytest.approx(own)


@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_what_is_no_mean_over_rows_adds_up_to_the_blocks_loss(weight):
    """The loss of an AUC is 1 less it, and the mean of the daily losses over rows is the loss of the block."""
    loss, daily = losses(Criterion(METRICS["roc_auc"]), Labels(Y, weight, DAY), SCORE)
    assert loss == pytest.approx(1 - roc_auc_score(Y, SCORE, sample_weight=weight))
    assert np.average(daily, weights=np.bincount(DAY, weights=weight)) == pytest.approx(loss)
    assert np.ptp(daily) > 0


def test_a_users_own_metric_has_one_loss_in_all_days_of_a_block():
    """Without influence values the days have the block's loss: the negative where greater is better."""
    reference = f"{__name__}:square"
    [metric] = declared_metrics(
        [MetricSpec(function=reference, greater_is_better=True, unit="points")], "classification"
    )
    loss, daily = losses(Criterion(metric), Labels(Y, None, DAY), SCORE)
    assert loss == pytest.approx(((Y - SCORE) ** 2).mean())
    assert daily.tolist() == [loss] * 5


def test_an_undefined_metric_is_no_number():
    """On rows of one class an AUC is undefined, and so are the losses of the block and its days."""
    loss, daily = losses(
        Criterion(METRICS["roc_auc"]), Labels(np.ones(6), None, np.array([0, 0, 1, 1, 2, 2])), SCORE[:6]
    )
    assert np.isnan(loss)
    assert np.isnan(daily).tolist() == [True] * 3
