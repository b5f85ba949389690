"""Metrics of the order in which rows are ranked: areas under the ROC and the precision-recall curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from retrain_assets.comparison.metric import FloatArray, Measure, class_weights


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
        order = np.argsort(score)
        ranked = score[order]
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
    total, influence = 0.0, np.zeros_like(y)
    for code in range(classes):
        area, moved = _area(y == code, np.ascontiguousarray(score[:, code]), weight)
        total += area
        influence += moved
    return total / classes, influence / classes


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


def _area(
    is_positive: NDArray[np.bool_], score: FloatArray, weight: FloatArray | None
) -> tuple[float, FloatArray]:
    """Area under the ROC curve of one class against the rest, and its influence values, shape (n,)."""
    ranking = _Ranking.of(score)
    label = is_positive[ranking.order]
    weights = np.ones(score.size) if weight is None else weight[ranking.order]
    positive, negative = weights * label, weights * ~label
    positive_at, negative_at = ranking.totals(positive), ranking.totals(negative)
    negative_below = np.cumsum(negative_at) - negative_at / 2
    positive_below = np.cumsum(positive_at) - positive_at / 2
    total_positive, total_negative = float(positive_at.sum()), float(negative_at.sum())
    negative_below /= total_negative
    positive_above = 1 - positive_below / total_positive
    value = float(positive_at @ negative_below) / total_positive
    moved = positive * (ranking.spread(negative_below - value) / total_positive)
    moved += negative * (ranking.spread(positive_above - value) / total_negative)
    return value, ranking.by_row(moved) * score.size
