"""Calibration: does what a model says agree with what happens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrain_assets.comparison.metrics import FloatArray

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
    y: FloatArray, scores: Mapping[str, FloatArray | None], weight: FloatArray | None = None
) -> list[dict[str, Any]]:
    """Calibration of several models on the same rows, as the evaluation document holds it.

    Parameters
    ----------
    y
        Labels, shape (n,).
    scores
        Scores by model; None where there is no such model.
    weight
        Sample weights, shape (n,).
    """
    return [
        {"model": name, "bins": [asdict(part) for part in calibration_bins(y, score, weight)]}
        for name, score in scores.items()
        if score is not None
    ]
