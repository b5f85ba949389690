"""The optimum in hindsight: the cheapest path through the matrix, by dynamic programming."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retrain_assets.cadence_report.matrix import IntArray, Matrix
from retrain_assets.cadence_report.replay import Replayer


@dataclass(frozen=True)
class Optimum:
    """The cheapest path.

    Parameters
    ----------
    cost
        Its cost a row, in units of the loss.
    windows, serving
        Shape (blocks,): window, and block of training, of the model that serves in each counted block; -1 where none
        does, and the naive constant's loss counts.
    retrains
        How often it changes the model, the first one left out.
    """

    cost: float
    windows: IntArray
    serving: IntArray
    retrains: int


def find_optimum(replayer: Replayer, price: float, begin: int, end: int, *, refit: bool = False) -> Optimum:
    """Find the cheapest path that knows the future: it changes the window too, and needs no verdict.

    It may serve, at the start of each block, only the candidate that a policy could have promoted then. Before
    ``begin`` it may have promoted any of them, free of charge, so that no policy's cost lies below. It may also have
    no model yet, as long as it likes; the first one is free of charge, as it is to the policies.

    Parameters
    ----------
    replayer
        The matrix, and what is known when.
    price
        Cost of a change in units of the loss times rows.
    begin, end
        The blocks that are counted.
    refit
        Whether what is promoted is trained again before it serves.

    References
    ----------
    Bellman (1957), "Dynamic Programming"; as the oracle of Mahadevan, Mathioudakis (2023), arXiv 2310.04216.
    """
    matrix, windows = replayer.matrix, replayer.windows
    blocks = len(matrix.blocks)
    rows = np.array([block.rows for block in matrix.blocks], dtype=np.float64)
    # State: window and block of training; the first of an additional row is that of no model. The cost so far of
    # each, and whence it is reached most cheaply.
    total = np.full((len(windows) + 1, blocks), np.inf)
    for block in range(replayer.first, begin + 1):
        total[:-1, _available(replayer, block, refit)] = 0.0
    total[:-1][~(matrix.training_rows[list(windows)] > 0)] = np.inf
    total[-1, 0] = 0.0
    reached = np.full((end - begin, *total.shape), -1, dtype=np.int64)
    counted = 0.0
    for step, block in enumerate(range(begin, end)):
        if step:
            total = _changed(replayer, total, reached[step], block, price, refit)
        loss = np.vstack([matrix.loss[list(windows), :, block], np.full(blocks, matrix.baseline[block])])
        loss = loss * rows[block]
        if np.isfinite(loss[:-1]).any():
            total = total + np.where(np.isfinite(loss), loss, np.inf)
            counted += rows[block]
    return _trace(matrix, windows, total, reached, counted)


def _available(replayer: Replayer, block: int, refit: bool) -> list[int]:
    """Blocks of training of the models that can be promoted at the start of a block."""
    candidate = int(replayer.clock.candidate[block])
    return [candidate, block] if refit else [candidate]


def _changed(
    replayer: Replayer, total: np.ndarray, reached: np.ndarray, block: int, price: float, refit: bool
) -> np.ndarray:
    """Costs after the choice at the start of a block: to keep the model, or to pay for the newest one."""
    after, best, none = total.copy(), int(np.argmin(total[:-1])), total[:-1].size
    cost = total.flat[best] + price
    if total.flat[none] <= cost:
        best, cost = none, total.flat[none]
    for row, window in enumerate(replayer.windows):
        for trained in _available(replayer, block, refit):
            usable = replayer.matrix.training_rows[window, trained] > 0
            if usable and cost < total[row, trained]:
                after[row, trained] = cost
                reached[row, trained] = best
    return after


def _trace(
    matrix: Matrix, windows: tuple[int, ...], total: np.ndarray, reached: np.ndarray, rows: float
) -> Optimum:
    state = int(np.argmin(total))
    cost = float(total.flat[state]) / max(rows, 1.0)
    chosen = np.empty((2, len(reached)), dtype=np.int64)
    retrains = 0
    for step in range(len(reached) - 1, -1, -1):
        row, trained = divmod(state, len(matrix.blocks))
        chosen[:, step] = (windows[row], trained) if row < len(windows) else (-1, -1)
        before = int(reached[step].flat[state])
        if before >= 0:
            state, retrains = before, retrains + (before < len(windows) * len(matrix.blocks))
    return Optimum(cost, chosen[0], chosen[1], retrains)
