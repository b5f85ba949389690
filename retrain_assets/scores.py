"""Scores as tables hold them and as arrays: one number a row, or a probability for each of several classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retrain_assets.arrays import FloatArray
from retrain_assets.spec import PipelineSpec

SCORE = "score"
PREDICTED = "predicted"


def score_schema(spec: PipelineSpec) -> dict[str, pl.DataType]:
    """Columns that a model's scores make: ``score``, and of several classes ``predicted``, the most probable one."""
    if spec.label.classes is None:
        return {SCORE: pl.Float64()}
    return {SCORE: pl.List(pl.Float64()), PREDICTED: pl.String()}


def score_columns(scores: FloatArray, classes: Sequence[str]) -> list[pl.Series]:
    """Put scores into columns.

    Parameters
    ----------
    scores
        Shape (n,), or (n, k) of the probabilities of k classes.
    classes
        Names of the k classes, in that order; not looked at where there is one score a row.

    Returns
    -------
    list of polars.Series
        Those of :func:`score_schema`. Of equally probable classes the first is the predicted one.
    """
    if scores.ndim == 1:
        return [pl.Series(SCORE, scores, dtype=pl.Float64)]
    named = np.asarray(classes, dtype=object)[scores.argmax(axis=1)]
    return [
        pl.Series(SCORE, scores, dtype=pl.List(pl.Float64)),
        pl.Series(PREDICTED, named.tolist(), dtype=pl.String),
    ]


def scores_of(column: pl.Series) -> FloatArray:
    """Take scores out of a column.

    Returns
    -------
    numpy.ndarray
        Shape (n,), or (n, k) of a column of lists; NaN where a row has no score.
    """
    if not isinstance(column.dtype, pl.List):
        return column.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    lengths = column.list.len().max()
    width = lengths if isinstance(lengths, int) and lengths else 1
    return column.list.to_array(width).to_numpy().reshape(len(column), width)


def is_scored(scores: FloatArray) -> NDArray[np.bool_]:
    """Tell which rows have a score, shape (n,)."""
    finite: NDArray[np.bool_] = np.isfinite(scores)
    if scores.ndim == 2:
        finite = np.asarray(finite.all(axis=1))
    return finite


def constant_scores(value: float | Sequence[float], rows: int) -> FloatArray:
    """Score all rows alike: shape (rows,), or (rows, k) where the value is a share of each of k classes."""
    return np.full(rows, value) if np.ndim(value) == 0 else np.tile(np.asarray(value, np.float64), (rows, 1))
