"""The promotion gate, replayed: the project's paired comparison, over days."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retrain_assets.arrays import FloatArray
from retrain_assets.cadence_report.matrix import Matrix
from retrain_assets.cadence_report.seen import Verdict
from retrain_assets.comparison import Comparison, Metric, compare
from retrain_assets.comparison.metric import TASKS, Measure, mean_of
from retrain_assets.evaluation_report.verdict import minimum_gain
from retrain_assets.spec import PromotionSpec
from retrain_assets.spec.training import MINIMUM_BLOCKS


def compare_days(
    candidate: FloatArray,
    reference: FloatArray,
    rows: FloatArray,
    alpha: float,
    start: NDArray[np.datetime64],
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
    start
        Shape (days,): the days; of one that is there in several parts each has the same.

    Returns
    -------
    Comparison or None
        None with fewer than seven days that both have.
    """
    known = np.isfinite(candidate) & np.isfinite(reference) & (rows > 0)
    days = np.unique(start, return_inverse=True)[1]
    if np.unique(days[known]).size < MINIMUM_BLOCKS:
        return None
    loss = Metric("loss", "loss", "loss", TASKS, False, _mean)
    y = np.zeros(int(known.sum()))
    return compare(loss, y, candidate[known], reference[known], days[known], rows[known], alpha)


def judge(
    matrix: Matrix,
    window: int,
    candidate: int,
    champion: int | None,
    days: NDArray[np.bool_],
    promotion: PromotionSpec,
) -> Verdict:
    """Judge a candidate over days that it was not trained on: against the champion, or the naive constant without one.

    It is what :func:`retrain_assets.evaluation_report.verdict.decide_verdict` does, without slices and calibration, of
    which a matrix knows nothing, and at one alpha, whatever looks came before.

    Parameters
    ----------
    matrix
        The matrix.
    window
        Index of the window of both.
    candidate, champion
        Blocks at whose start they were trained; None for a champion that there is not yet.
    days
        Shape (D,): the days of the matrix that judge.
    promotion
        The declared rule.

    Returns
    -------
    Verdict
        ``blessed``, ``rejected`` or ``inconclusive``.
    """
    start, rows, alpha = matrix.days[days], matrix.daily_rows[days], promotion.alpha
    new = matrix.daily_loss[window, candidate, days]
    baseline = compare_days(new, matrix.daily_baseline[days], rows, alpha, start)
    if champion is None:
        return "blessed" if baseline is not None and baseline.lower > 0 else "rejected"
    gain = compare_days(new, matrix.daily_loss[window, champion, days], rows, alpha, start)
    if gain is None:
        return "inconclusive"
    if baseline is not None and baseline.upper < 0:
        return "rejected"
    if gain.lower > -(promotion.margin or 0.0):
        return "blessed"
    worth = minimum_gain(promotion, gain, baseline)
    return "rejected" if gain.upper < worth or gain.upper <= 0 else "inconclusive"


def _mean(y: FloatArray, loss: FloatArray, weight: FloatArray | None) -> Measure:
    del y
    return mean_of(loss, weight)
