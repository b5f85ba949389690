"""Calibration: does what a model says agree with what happens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrain_assets.arrays import FloatArray

BINS = 10


@dataclass(frozen=True)
class Bin:
    """Rows of similar score: their mean score, their mean label (weighted), and their number."""

    mean_score: float
    mean_label: float
    rows: int


def score_bins(score: FloatArray) -> NDArray[np.int64]:
    """Number the decile of each score, shape (n,); rows of equal score share a bin."""
    edges = np.unique(np.quantile(score, np.arange(1, BINS) / BINS))
    return np.searchsorted(edges, score, side="right").astype(np.int64)


def calibration_bins(y: FloatArray, score: FloatArray, weight: FloatArray | None = None) -> list[Bin]:
    """Group rows by decile of their score: a reliability diagram.

    In regression: mean label by mean prediction. Rows of equal score share a bin, so a coarse model has fewer
    than ten.

    Parameters
    ----------
    y
        Labels, shape (n,).
    score
        Probabilities or predictions, shape (n,).
    weight
        Sample weights, shape (n,).

    Returns
    -------
    list of Bin
        By rising score; bins whose rows all have weight 0 are left out.
    """
    if y.size == 0:
        return []
    weight = np.ones_like(score) if weight is None else weight
    bins = score_bins(score)
    rows = np.bincount(bins)
    total = np.bincount(bins, weights=weight)
    scores = np.bincount(bins, weights=weight * score)
    labels = np.bincount(bins, weights=weight * y)
    return [
        Bin(float(scores[i] / total[i]), float(labels[i] / total[i]), int(rows[i]))
        for i in np.flatnonzero(total > 0)
    ]


def calibration(
    y: FloatArray,
    scores: Mapping[str, FloatArray | None],
    weight: FloatArray | None = None,
    classes: Sequence[str] | None = None,
) -> list[dict[str, Any]]:
    """Calibration of several models on the same rows, as the evaluation document holds it.

    Parameters
    ----------
    y
        Labels, shape (n,); codes of several classes.
    scores
        Scores by model, shape (n,), or (n, k) for k classes; None where there is no such model.
    weight
        Sample weights, shape (n,).
    classes
        Names of the k classes.

    Returns
    -------
    list of dict
        ``model``, ``class`` and ``bins``. Of several classes first how often the predicted class is right, by its
        probability (``class`` None); then, for each class, how often it occurs, by the probability of it.

    References
    ----------
    Zadrozny, Elkan (2002), "Transforming classifier scores into accurate multiclass probability estimates", KDD:
    each class against the rest.
    Guo, Pleiss, Sun, Weinberger (2017), "On calibration of modern neural networks", ICML, section 2: the confidence
    in the predicted class.
    """
    return [
        {
            "model": name,
            "class": of,
            "bins": [asdict(part) for part in calibration_bins(happened, said, weight)],
        }
        for name, score in scores.items()
        if score is not None
        for of, happened, said in _claims(y, score, classes)
    ]


def _claims(
    y: FloatArray, score: FloatArray, classes: Sequence[str] | None
) -> Iterator[tuple[str | None, FloatArray, FloatArray]]:
    """What a model claims, each with whether it happened and the probability that it was given."""
    if score.ndim == 1:
        yield None, y, score
        return
    yield None, (y == score.argmax(axis=1)).astype(np.float64), score.max(axis=1)
    for code, name in enumerate(classes or ()):
        yield name, (y == code).astype(np.float64), score[:, code]
