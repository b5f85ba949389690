"""What a model is worth: the loss that a fresh one spares over the naive constant."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from retrain_assets.arrays import FloatArray
from retrain_assets.cadence_report.clock import read_clock
from retrain_assets.cadence_report.matrix import Matrix
from retrain_assets.cadence_report.replay import Replayer
from retrain_assets.spec import PipelineSpec

FEWEST_SPARED = 2
"""Fewer blocks than this have no standard error."""


@dataclass(frozen=True)
class Worth:
    """What a model is worth.

    Parameters
    ----------
    loss
        Loss a row, positive.
    words
        What it is.
    """

    loss: float
    words: str


def read_worth(matrix: Matrix, spec: PipelineSpec) -> Worth:
    """Measure what fresh models spare over the naive constant, on the compared window where they spare most.

    Only blocks count in which a model could have been judged and serve, and of which all compared windows have a fresh
    model's loss: the first models of a history have next to no rows to learn from, and means over other blocks are not
    alike. Where the mean is no greater than its own standard error, a price taken from it would be one of noise: the
    spread of all losses stands in.

    Parameters
    ----------
    matrix
        The matrix.
    spec
        The declaration.
    """
    replayer = Replayer(matrix, read_clock(matrix, spec.evaluation.holdout), spec.promotion)
    counted, windows = np.arange(replayer.first, len(matrix.blocks)), list(replayer.windows)
    losses = matrix.loss[windows] if windows else matrix.loss
    spared = matrix.baseline[counted] - losses[:, counted, counted]
    spared = spared[:, np.isfinite(spared).all(axis=0)]
    if spared.shape[1] >= FEWEST_SPARED:
        best = spared[np.argmax(spared.mean(axis=1))]
        mean = float(best.mean())
        if mean > standard_error(best):
            return Worth(mean, "what a fresh model is worth")
    spread = float(np.nanstd(losses)) if np.isfinite(losses).any() else 0.0
    return Worth(spread or 1.0, "the spread of losses (no model is worth more than noise)")


def standard_error(values: FloatArray) -> float:
    """Standard error of the mean of blocks' values, oldest first, two or more, widened for the likeness of neighbours."""
    from retrain_assets.comparison.block_series import variance_inflation

    deviation = values - values.mean()
    variance = float(deviation @ deviation) / (values.size * (values.size - 1))
    return math.sqrt(variance * variance_inflation(deviation))


def mean_rows(matrix: Matrix) -> float:
    """Mean rows of a block that judge models, one at the least."""
    return max(float(np.mean([block.rows for block in matrix.blocks])), 1.0)
