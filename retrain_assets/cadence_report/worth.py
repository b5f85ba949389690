"""What a model is worth: the loss that a fresh one spares over the naive constant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retrain_assets.cadence_report.clock import read_clock
from retrain_assets.cadence_report.matrix import Matrix
from retrain_assets.cadence_report.replay import Replayer
from retrain_assets.spec import PipelineSpec


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
    """Measure what fresh models spare over the naive constant, on the window where they spare most.

    Only blocks count in which a model could have been judged and serve: the first models of a history have next to no
    rows to learn from. Where fresh models spare nothing, the spread of all losses stands in.

    Parameters
    ----------
    matrix
        The matrix.
    spec
        The declaration.
    """
    replayer = Replayer(matrix, read_clock(matrix, spec.evaluation.holdout), spec.promotion)
    counted = np.arange(replayer.first, len(matrix.blocks))
    fresh = matrix.loss[:, counted, counted]
    spared = matrix.baseline[counted] - fresh
    means = [float(known.mean()) for row in spared if (known := row[np.isfinite(row)]).size]
    if max(means, default=0.0) > 0:
        return Worth(max(means), "what a fresh model is worth")
    spread = float(np.nanstd(matrix.loss)) if np.isfinite(matrix.loss).any() else 0.0
    return Worth(spread or 1.0, "the spread of losses (no model is worth anything)")


def mean_rows(matrix: Matrix) -> float:
    """Mean rows of a block that judge models, one at the least."""
    return max(float(np.mean([block.rows for block in matrix.blocks])), 1.0)
