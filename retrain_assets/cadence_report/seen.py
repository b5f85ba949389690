"""What a retraining policy sees when it decides: nothing of what comes after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from retrain_assets.arrays import FloatArray
from retrain_assets.cadence_report.clock import Clock
from retrain_assets.cadence_report.days import by_day
from retrain_assets.cadence_report.matrix import IntArray, Matrix

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
    days
        Shape (days,), datetime64[s]: days since the champion's training of which labels are known.
    losses, rows
        Shape (days,): mean losses of the champion on the rows of those days whose label is known, and these rows.
    served
        Shape (days,): whether the champion served on each of those days.
    fresh
        Shape (days,): whether a day lies after the last attempt, or after the champion took over.
    drift
        Shape (blocks,): the champion's drift in each block since its training.
    estimated
        Shape (blocks,): the champion's loss in each of them, as it is estimated without their labels; NaN where it
        is not.
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
    days: NDArray[np.datetime64]
    losses: FloatArray
    rows: FloatArray
    served: np.ndarray
    fresh: np.ndarray
    drift: FloatArray
    estimated: FloatArray
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


@dataclass(frozen=True)
class KnownDays:
    """Days since a model's training of which labels are known at the start of a block, whoever decides.

    Parameters
    ----------
    window, block, champion
        Index of the model's window, the block that starts, and the one at whose start the model was trained.
    days, losses, rows
        As in :class:`Seen`.
    day_block
        Shape (days,): the days' blocks.
    """

    window: int
    block: int
    champion: int
    days: NDArray[np.datetime64]
    losses: FloatArray
    rows: FloatArray
    day_block: IntArray


def known_days(matrix: Matrix, window: int, block: int, champion: int) -> KnownDays:
    """Cut the days of a model out of a matrix that are known at the start of a block."""
    chosen = np.flatnonzero((matrix.day_block >= champion) & (matrix.day_known <= block))
    first, losses, rows = by_day(
        matrix.days[chosen], matrix.daily_loss[window, champion, chosen], matrix.daily_rows[chosen]
    )
    places = chosen[first]
    return KnownDays(window, block, champion, matrix.days[places], losses, rows, matrix.day_block[places])


def look(
    matrix: Matrix,
    clock: Clock,
    known: KnownDays,
    since: int,
    attempts: tuple[Attempt, ...],
    curve: FloatArray,
) -> Seen:
    """Cut out of a matrix what is known at the start of a block.

    Parameters
    ----------
    matrix, clock
        The matrix, and what is known when.
    known
        The champion's days that are known at the start of the block.
    since, attempts
        The state of the path so far.
    curve
        As :func:`known_curve` gives it for this window and block.
    """
    window, block, champion = known.window, known.block, known.champion
    last = max([since, *(attempt.block for attempt in attempts)])
    block_rows = np.array([part.rows for part in matrix.blocks[: int(clock.known_blocks[block])]])
    return Seen(
        block=block,
        champion=champion,
        since=since,
        candidate=int(clock.candidate[block]),
        attempts=attempts,
        days=known.days,
        losses=known.losses,
        rows=known.rows,
        served=known.day_block >= since,
        fresh=known.day_block >= last,
        drift=matrix.drift[window, champion, champion:block],
        estimated=matrix.estimated[window, champion, champion:block],
        curve=curve,
        block_rows=float(block_rows.mean()) if block_rows.size else float("nan"),
    )


def known_curve(matrix: Matrix, clock: Clock, window: int, block: int) -> FloatArray:
    """Losses of a window's models on blocks, as far as labels are known at the start of a block; NaN elsewhere.

    Parameters
    ----------
    matrix, clock
        The matrix, and what is known when.
    window
        Index of the window.
    block
        The block that starts.

    Returns
    -------
    ndarray of shape (block, block)
        The model of row t on the block of column s.
    """
    curve, mature = np.full((block, block), np.nan), int(clock.known_blocks[block])
    known = np.flatnonzero((matrix.day_block < mature) & (matrix.day_known <= block))
    places, rows = matrix.day_block[known], matrix.daily_rows[known]
    counts = np.bincount(places, weights=rows, minlength=mature)
    for trained in range(mature):
        losses = np.where(rows > 0, matrix.daily_loss[window, trained, known] * rows, 0.0)
        with np.errstate(invalid="ignore"):
            curve[trained, :mature] = np.bincount(places, weights=losses, minlength=mature) / counts
    return curve
