"""Metrics of decisions: accuracy, balanced accuracy and macro F1.

The decision is the class of the greatest probability, and of two equal ones the first: with two classes the
positive one above a probability of one half.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retrain_assets.arrays import FloatArray
from retrain_assets.comparison.metric import Measure, class_weights, mean_of


def accuracy(y: FloatArray, score: FloatArray, weight: FloatArray | None) -> Measure:
    """Share of the rows that are decided rightly."""
    return mean_of((_decided(score) == y).astype(np.float64), weight)


def balanced_accuracy(y: FloatArray, score: FloatArray, weight: FloatArray | None) -> Measure:
    """Mean over the classes of the share of a class's rows that are decided rightly (its recall).

    References
    ----------
    Brodersen, Ong, Stephan, Buhmann (2010), "The balanced accuracy and its posterior distribution", ICPR,
    3121-3124.
    """
    classes = _classes(score)
    totals = class_weights(y, classes, weight, "balanced accuracy")
    label = y.astype(np.int64)
    hit = (_decided(score) == label).astype(np.float64)
    weight = np.ones_like(y) if weight is None else weight
    recall = np.bincount(label, weights=weight * hit, minlength=classes) / totals
    influence = weight / totals[label] * (hit - recall[label]) * (y.size / classes)
    return float(recall.mean()), influence


def f1_macro(y: FloatArray, score: FloatArray, weight: FloatArray | None) -> Measure:
    """Mean over the classes of F1, the harmonic mean of a class's precision and recall.

    A class's F1 is twice its rightly decided weight over the weight of its rows plus the weight decided for
    it: a ratio of sums, whose influence values are those of the delta method.

    References
    ----------
    Opitz, Burst (2019), "Macro F1 and macro F1", arXiv:1911.03347 (this is the mean of the classes' F1).
    """
    classes = _classes(score)
    totals = class_weights(y, classes, weight, "macro F1")
    label, decided = y.astype(np.int64), _decided(score)
    weight = np.ones_like(y) if weight is None else weight
    hit = label == decided
    both = totals + np.bincount(decided, weights=weight, minlength=classes)
    f1 = 2 * np.bincount(label[hit], weights=weight[hit], minlength=classes) / both
    slope = f1 / both
    influence = 2 * hit / both[label] - slope[label] - slope[decided]
    return float(f1.mean()), weight * influence * (y.size / classes)


def _classes(score: FloatArray) -> int:
    return 2 if score.ndim == 1 else score.shape[1]


def _decided(score: FloatArray) -> NDArray[np.int64]:
    """Code of the class that is decided for, shape (n,)."""
    if score.ndim == 1:
        return (score > 0.5).astype(np.int64)
    greatest: NDArray[np.int64] = score.argmax(axis=1)
    return greatest
