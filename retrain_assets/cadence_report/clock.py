"""What is known at the start of each block: mature blocks, and the newest candidate that can be judged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from retrain_assets.cadence_report.matrix import IntArray, Matrix


@dataclass(frozen=True)
class Clock:
    """What a policy may know when it decides at the start of a block.

    Parameters
    ----------
    known_blocks
        Shape (B,): number of blocks, from the oldest on, all of whose rows are old enough for their labels to count.
    candidate
        Shape (B,): block at whose start the newest model was trained that a whole holdout judges; -1 before that.
    lag
        Blocks between a candidate's training and its verdict, at the most.
    """

    known_blocks: IntArray
    candidate: IntArray
    lag: int


def read_clock(matrix: Matrix, holdout: timedelta) -> Clock:
    """Read off a matrix what is known when.

    The verdict on a model that is trained at the start of block t comes at the first block that starts a holdout and
    a label delay later: as in a retrain, whose training rows end a holdout and two delays before its ``as_of``.

    Parameters
    ----------
    matrix
        The matrix.
    holdout
        Declared length of the holdout.
    """
    starts = [block.start for block in matrix.blocks]
    ends = [block.end + matrix.label_delay for block in matrix.blocks]
    blocks = np.array([sum(end <= start for end in ends) for start in starts], dtype=np.int64)
    wait = holdout + matrix.label_delay
    candidate = np.array([sum(early + wait <= start for early in starts) - 1 for start in starts])
    judged = candidate >= 0
    lags = (np.arange(len(starts)) - candidate)[judged]
    return Clock(blocks, candidate.astype(np.int64), int(lags.max()) if lags.size else len(starts))
