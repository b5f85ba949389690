"""A forecast, with its uncertainty, of what a newer model gains."""

from __future__ import annotations

import math

import numpy as np

from retrain_assets.arrays import FloatArray


def gain_per_block(curve: FloatArray, confidence: float) -> float | None:
    """Give a lower bound of the gain of a model that is one block newer.

    On each block the losses of models of several ages are regressed on the age; the slopes of the blocks, which are
    the independent pieces of evidence, give the mean and Student's one-sided bound.

    Parameters
    ----------
    curve
        Shape (B, B): known losses of the models of row t on the block of column s; NaN where not known.
    confidence
        Of the bound, one-sided.

    Returns
    -------
    float or None
        Loss a block of age; None with fewer than three blocks that models of two ages were judged on.

    References
    ----------
    Regol et al. (2025), "When to retrain a machine learning model", ICML (arXiv 2505.14903): retrain by a quantile
    of the forecast of both models' performance. Here the forecast is linear in the age, and paired by block.
    """
    from scipy.special import stdtrit

    age = np.arange(curve.shape[1]) - np.arange(curve.shape[0])[:, np.newaxis]
    known = np.isfinite(curve) & (age >= 0)
    several = known.sum(axis=0) >= 2
    if several.sum() < 3:
        return None
    curve, age, known = curve[:, several], age[:, several], known[:, several]
    distance = np.where(known, age - np.mean(age, axis=0, where=known), 0.0)
    slopes = np.sum(distance * np.where(known, curve, 0.0), axis=0) / np.sum(distance**2, axis=0)
    error = float(np.std(slopes, ddof=1)) / math.sqrt(slopes.size)
    return float(np.mean(slopes)) - float(stdtrit(slopes.size - 1, confidence)) * error
