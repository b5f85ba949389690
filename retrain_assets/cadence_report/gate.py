"""The promotion gate, replayed: the project's paired comparison, over days."""

from __future__ import annotations

import numpy as np

from retrain_assets.cadence_report.matrix import FloatArray, Matrix
from retrain_assets.cadence_report.seen import Verdict
from retrain_assets.comparison import Comparison, Metric, compare
from retrain_assets.comparison.metric import TASKS, Measure, mean_of
from retrain_assets.spec import PromotionSpec
from retrain_assets.spec.training import MINIMUM_BLOCKS


def compare_days(
    candidate: FloatArray, reference: FloatArray, rows: FloatArray, alpha: float
) -> Comparison | None:
    """Compare two series of daily losses as two models are compared.

    Parameters
    ----------
    candidate, reference
        Shape (days,); days where one is not known are left out.
    rows
        Shape (days,): rows of the days.
    alpha
        Two-sided error rate.

    Returns
    -------
    Comparison or None
        None with fewer than seven days that both have.
    """
    known = np.isfinite(candidate) & np.isfinite(reference) & (rows > 0)
    days = int(known.sum())
    if days < MINIMUM_BLOCKS:
        return None
    loss = Metric("loss", "loss", "loss", TASKS, False, _mean)
    return compare(
        loss, np.zeros(days), candidate[known], reference[known], np.arange(days), rows[known], alpha
    )


def judge(
    matrix: Matrix,
    window: int,
    candidate: int,
    champion: int,
    days: slice,
    promotion: PromotionSpec,
) -> Verdict:
    """Judge a candidate against the champion over days that neither was trained on.

    It is what :func:`retrain_assets.evaluation_report.verdict.decide_verdict` does, without slices, calibration,
    budgets of errors and the gain worth having, of which a matrix knows nothing.

    Parameters
    ----------
    matrix
        The matrix.
    window
        Index of the window of both.
    candidate, champion
        Blocks at whose start they were trained.
    days
        The days that judge.
    promotion
        The declared rule.

    Returns
    -------
    Verdict
        ``blessed``, ``rejected`` or ``inconclusive``.
    """
    rows, loss = matrix.daily_rows[days], matrix.daily_loss[window, :, days]
    gain = compare_days(loss[candidate], loss[champion], rows, promotion.alpha)
    baseline = compare_days(loss[candidate], matrix.daily_baseline[days], rows, promotion.alpha)
    if gain is None:
        return "inconclusive"
    if baseline is not None and baseline.upper < 0:
        return "rejected"
    if gain.lower > -(promotion.margin or 0.0):
        return "blessed"
    return "rejected" if gain.upper <= 0 else "inconclusive"


def _mean(y: FloatArray, loss: FloatArray, weight: FloatArray | None) -> Measure:
    del y
    return mean_of(loss, weight)
