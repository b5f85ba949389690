"""Standard errors of metrics without influence values, by drawing whole blocks anew or leaving them out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from retrain_assets.arrays import FloatArray
from retrain_assets.errors import TrainingError

REPLICATES = 500
"""The standard error itself is then known to 3 %: its own is the root of 1 / (2 * 500)."""
SEED = 20_120_801
LEAST_DEFINED = 0.9
"""Share of the replicates on which a metric must be defined."""

Statistic = Callable[[NDArray[np.int64]], float]
"""Takes positions of rows, repeated ones as often as they count, and returns a number."""


def poisson_bootstrap(statistic: Statistic, blocks: NDArray[np.int64]) -> float:
    """Standard error of a statistic, from 500 replicates that take each block a Poisson(1) number of times.

    The rows of a block are repeated, and not their weights multiplied, so that the error is right for a
    function that ignores weights too. The number N of blocks in a replicate varies, which widens the
    variance of a mean by E[1/N]; that is replaced by 1 / (G - 1), the small-sample factor of the
    cluster-robust error, with which the bootstrap then agrees for means. Intervals take Student's t with G - 1
    degrees of freedom. The seed is fixed.

    Parameters
    ----------
    statistic
        Takes positions of rows and returns a number.
    blocks
        Block of every row, shape (n,).

    Raises
    ------
    TrainingError
        When there are fewer than two blocks, or the statistic is undefined on more than a tenth of the
        replicates.

    References
    ----------
    Hanley, MacGibbon (2006), "Creating non-parametric bootstrap samples using Poisson frequencies", Computer
    Methods and Programs in Biomedicine 83, 57-62.
    Chamandy, Muralidharan, Najmi, Naidu (2012), "Estimating uncertainty for massive data streams", Google.
    """
    ids, count = _dense(blocks)
    generator = np.random.default_rng(SEED)
    rows = np.arange(ids.size)
    values, inverse_counts, fault = [], [], None
    for _ in range(REPLICATES):
        drawn = generator.poisson(1, count)
        while not drawn.any():
            drawn = generator.poisson(1, count)
        try:
            values.append(statistic(np.repeat(rows, drawn[ids])))
        except TrainingError as error:
            fault = error
            continue
        inverse_counts.append(1 / int(drawn.sum()))
    if fault is not None and len(values) < LEAST_DEFINED * REPLICATES:
        raise TrainingError(
            f"The metric has no standard error: it is undefined on {REPLICATES - len(values)} of {REPLICATES} "
            f"samples of the {count} blocks. {fault}"
        ) from fault
    small_sample = 1 / (count - 1) / float(np.mean(inverse_counts))
    return float(np.sqrt(np.var(values, ddof=1) * small_sample))


def leave_one_block_out(
    statistic: Statistic, blocks: NDArray[np.int64], weight: FloatArray | None = None
) -> FloatArray:
    """What each block contributes to the error of a statistic, from leaving the blocks out one by one.

    For a mean they are exactly, and for a smooth statistic to first order, the sums of its influence values
    over the blocks, divided by the number of all rows.

    Parameters
    ----------
    statistic
        Takes positions of rows and returns a number.
    blocks
        Block of every row, shape (n,).
    weight
        Sample weights, shape (n,): a block counts by their sum, or by its rows.

    Returns
    -------
    ndarray of shape (count,)
        In the order of the blocks' numbers; their sum is 0.

    Raises
    ------
    TrainingError
        When there are fewer than two blocks, or the statistic is undefined without one of them.

    References
    ----------
    Busing, Meijer, van der Leeden (1999), "Delete-m jackknife for unequal m", Statistics and Computing 9, 3-8.
    """
    ids, count = _dense(blocks)
    sizes = np.bincount(ids, weights=weight) / (ids.size if weight is None else weight.sum())
    without = np.array([statistic(np.flatnonzero(ids != block)) for block in range(count)], dtype=np.float64)
    moved = (statistic(np.arange(ids.size)) - without) * (1 - sizes)
    centred: FloatArray = moved - moved.sum() * sizes
    return centred


def _dense(blocks: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """Numbers of the blocks without gaps, and how many there are."""
    found, ids = np.unique(blocks, return_inverse=True)
    if found.size < 2:
        raise TrainingError(
            f"An interval needs rows of at least two blocks, but all {blocks.size} rows lie in one. "
            "Lengthen evaluation.holdout, or declare evaluation.block."
        )
    return ids.astype(np.int64), int(found.size)
