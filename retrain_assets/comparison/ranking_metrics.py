"""Metrics of the order in which rows are ranked: areas under the ROC and the precision-recall curve."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from retrain_assets.arrays import FloatArray
from retrain_assets.comparison.metric import Measure, class_weights


@dataclass(frozen=True)
class _Ranking:
    """Rows in rising order of their scores, those of equal score in one run.

    Parameters
    ----------
    order
        Positions of the rows, shape (n,).
    starts
        Where in ``order`` the runs begin, shape (runs,).
    """

    order: NDArray[np.int64]
    starts: NDArray[np.int64]

    @classmethod
    def of(cls, score: FloatArray) -> Self:
        """Rank rows by their scores."""
        order, ranked = _sorted(score)
        return cls(order, np.flatnonzero(np.concatenate(([True], ranked[1:] != ranked[:-1]))))

    def totals(self, ranked: FloatArray) -> FloatArray:
        """Sum the values of ranked rows, shape (n,), within each run, shape (runs,)."""
        return ranked if self.starts.size == ranked.size else np.add.reduceat(ranked, self.starts)

    def spread(self, values: FloatArray) -> FloatArray:
        """Give every ranked row, shape (n,), the value of its run."""
        if self.starts.size == self.order.size:
            return values
        return np.repeat(values, np.diff(self.starts, append=self.order.size))

    def by_row(self, ranked: FloatArray) -> FloatArray:
        """Put the values of ranked rows into the order that the rows came in."""
        values = np.empty(self.order.size)
        values[self.order] = ranked
        return values


def roc_auc(y: FloatArray, score: FloatArray, weight: FloatArray | None) -> Measure:
    """Area under the ROC curve, with DeLong's placements as influence values, in O(n log n).

    A positive row's placement is the share of negative rows scored below it, ties counting half; a negative
    row's is the share of positive rows scored above it. Placements from sorted cumulative weights equal the
    midranks of Sun & Xu.

    References
    ----------
    DeLong, DeLong, Clarke-Pearson (1988), "Comparing the areas under two or more correlated receiver
    operating characteristic curves", Biometrics 44, 837-845.
    Sun, Xu (2014), "Fast implementation of DeLong's algorithm for comparing the areas under correlated
    receiver operating characteristic curves", IEEE Signal Processing Letters 21, 1389-1393.
    """
    class_weights(y, 2, weight, "ROC AUC")
    return _area(y == 1, score, weight)


def roc_auc_ovr(y: FloatArray, score: FloatArray, weight: FloatArray | None) -> Measure:
    """Mean over the classes of the area under the ROC curve of a class against all others.

    References
    ----------
    Provost, Domingos (2000), "Well-trained PETs: improving probability estimation trees", CeDER working paper
    IS-00-04, New York University (there weighted by the classes' shares; here all classes weigh alike).
    """
    classes = score.shape[1]
    class_weights(y, classes, weight, "one-vs-rest ROC AUC")

    def area(code: int) -> tuple[float, FloatArray]:
        return _area(y == code, np.ascontiguousarray(score[:, code]), weight)

    # Sorting takes most of the time, and NumPy sorts several columns at once.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        areas, influences = zip(*pool.map(area, range(classes)), strict=True)
    return sum(areas) / classes, sum(influences) / classes


def average_precision(y: FloatArray, score: FloatArray, weight: FloatArray | None) -> Measure:
    """Mean precision over the positive rows, each taken where its own score is the threshold.

    The precision at a threshold s is A(s) / B(s), the weight of positive rows of score s or more over that of
    all such rows. A row k moves its own term if it is positive, and A and B at every threshold that it
    reaches; the influence values are the derivative by the row's weight, from two more cumulative sums over
    the thresholds.

    References
    ----------
    Boyd, Eng, Page (2013), "Area under the precision-recall curve: point estimates and confidence intervals",
    ECML PKDD, 451-466 (the estimator).
    """
    class_weights(y, 2, weight, "average precision")
    ranking = _Ranking.of(score)
    weights = np.ones_like(y) if weight is None else weight[ranking.order]
    label = y[ranking.order]
    positive = weights * label
    positive_at = ranking.totals(positive)
    reached = np.cumsum(positive_at[::-1])[::-1]
    all_reached = np.cumsum(ranking.totals(weights)[::-1])[::-1]
    # Scores that only rows of weight zero reach are no threshold of anybody's.
    precision = np.divide(reached, all_reached, out=np.zeros_like(reached), where=all_reached > 0)
    per_threshold = np.divide(positive_at, all_reached, out=np.zeros_like(reached), where=all_reached > 0)
    total = float(positive.sum())
    value = float(positive_at @ precision) / total
    raised = ranking.spread(precision + np.cumsum(per_threshold) - value)
    lowered = ranking.spread(np.cumsum(per_threshold * precision))
    return value, ranking.by_row(weights * (label * raised - lowered)) * (y.size / total)


def _sorted(score: FloatArray) -> tuple[NDArray[np.int64], FloatArray]:
    """Positions of the rows in rising order of their scores, and the scores in that order, shape (n,).

    Numbers are sorted four times as fast as positions. So the position of a probability rides in the low bits
    of a number whose high bits are the probability in fixed point. What fixed point cannot tell apart may come
    out of order; that is seen, and then positions are sorted.
    """
    if score.min() >= 0 and score.max() <= 1:
        bits = max(score.size - 1, 1).bit_length()
        keys = (score * 2.0 ** (63 - bits)).astype(np.uint64) << np.uint64(bits)
        keys |= np.arange(score.size, dtype=np.uint64)
        keys.sort()
        order: NDArray[np.int64] = (keys & np.uint64(2**bits - 1)).astype(np.int64)
        ranked = score[order]
        if not (ranked[1:] < ranked[:-1]).any():
            return order, ranked
    order = np.argsort(score)
    return order, score[order]


def _area(
    is_positive: NDArray[np.bool_], score: FloatArray, weight: FloatArray | None
) -> tuple[float, FloatArray]:
    """Area under the ROC curve of one class against the rest, and its influence values, shape (n,)."""
    ranking = _Ranking.of(score)
    positive = is_positive[ranking.order].astype(np.float64)
    negative = 1 - positive
    if weight is not None:
        weights = weight[ranking.order]
        positive *= weights
        negative *= weights
    positive_at, negative_at = ranking.totals(positive), ranking.totals(negative)
    total_positive, total_negative = float(positive_at.sum()), float(negative_at.sum())
    negative_below = _half_cumulated(negative_at) / total_negative
    positive_above = 1 - _half_cumulated(positive_at) / total_positive
    value = float(positive_at @ negative_below) / total_positive
    moved = ranking.spread((negative_below - value) / total_positive) * positive
    moved += ranking.spread((positive_above - value) / total_negative) * negative
    return value, ranking.by_row(moved) * score.size


def _half_cumulated(values: FloatArray) -> FloatArray:
    """Cumulative sums in which each value itself counts half."""
    sums = np.cumsum(values)
    sums -= values / 2
    return sums
