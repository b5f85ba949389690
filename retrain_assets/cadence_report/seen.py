"""What a retraining policy sees when it decides: nothing of what comes after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from retrain_assets.cadence_report.clock import Clock
from retrain_assets.cadence_report.matrix import FloatArray, Matrix

Verdict = Literal["blessed", "rejected", "inconclusive"]


@dataclass(frozen=True)
class Attempt:
    """A retraining attempt of a policy.

    Parameters
    ----------
    block
        It was judged at the start of this block.
    candidate
        The candidate was trained at the start of this one.
    verdict
        ``blessed``, ``rejected`` or ``inconclusive``.
    """

    block: int
    candidate: int
    verdict: Verdict


@dataclass(frozen=True)
class Seen:
    """What is known at the start of a block about the model in service.

    Parameters
    ----------
    block
        The block that starts.
    champion
        Block at whose start the model in service was trained.
    since
        Block from which on it has served.
    candidate
        Block at whose start the candidate was trained that an attempt made now would judge.
    attempts
        Attempts so far.
    losses, rows
        Shape (days,): daily losses of the champion on known days since its training, and their rows.
    served
        Shape (days,): whether the champion served on each of those days.
    fresh
        Shape (days,): whether a day lies after the last attempt, or after the champion took over.
    drift
        Shape (blocks,): the champion's drift in each block since its training.
    curve
        Shape (block, block): losses of the window's models on blocks whose labels are known; NaN elsewhere.
    block_rows
        Mean rows of a known block.
    """

    block: int
    champion: int
    since: int
    candidate: int
    attempts: tuple[Attempt, ...]
    losses: FloatArray
    rows: FloatArray
    served: np.ndarray
    fresh: np.ndarray
    drift: FloatArray
    curve: FloatArray
    block_rows: float

    @property
    def last(self) -> int:
        """Block of the last attempt, or of the beginning of service."""
        return max([self.since, *(attempt.block for attempt in self.attempts)])

    @property
    def level(self) -> float:
        """The champion's mean loss on days before it served: those of its holdout; NaN without any."""
        return weighted_mean(self.losses[~self.served], self.rows[~self.served])


def weighted_mean(values: FloatArray, weights: FloatArray) -> float:
    """Mean of known values; NaN where there is none."""
    known = np.isfinite(values) & (weights > 0)
    return float(np.average(values[known], weights=weights[known])) if known.any() else float("nan")


def look(
    matrix: Matrix,
    clock: Clock,
    window: int,
    block: int,
    champion: int,
    since: int,
    attempts: tuple[Attempt, ...],
) -> Seen:
    """Cut out of a matrix what is known at the start of a block.

    Parameters
    ----------
    matrix, clock
        The matrix, and what is known when.
    window
        Index of the policy's window.
    block
        The block that starts.
    champion, since, attempts
        The state of the path so far.
    """
    day_block = matrix.day_block
    days = np.arange(matrix.days.size)
    chosen = (day_block >= champion) & (days < clock.known_days[block])
    last = max([since, *(attempt.block for attempt in attempts)])
    known = int(clock.known_blocks[block])
    curve = np.full((block, block), np.nan)
    curve[:known, :known] = matrix.loss[window, :known, :known]
    rows = np.array([part.rows for part in matrix.blocks[:known]])
    return Seen(
        block=block,
        champion=champion,
        since=since,
        candidate=int(clock.candidate[block]),
        attempts=attempts,
        losses=matrix.daily_loss[window, champion, chosen],
        rows=matrix.daily_rows[chosen],
        served=day_block[chosen] >= since,
        fresh=day_block[chosen] >= last,
        drift=matrix.drift[window, champion, champion:block],
        curve=curve,
        block_rows=float(rows.mean()) if rows.size else float("nan"),
    )
