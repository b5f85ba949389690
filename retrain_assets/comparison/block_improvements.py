"""Metrics block by block: how well a model did on each day, and how much better than another one."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from retrain_assets.arrays import FloatArray
from retrain_assets.comparison.block_series import BlockSeries
from retrain_assets.comparison.metrics import Metric
from retrain_assets.comparison.paired import ROUNDING
from retrain_assets.comparison.resampling import leave_one_block_out
from retrain_assets.comparison.standard_errors import block_contributions


def block_improvements(
    metric: Metric,
    *,
    y: FloatArray,
    candidate: FloatArray,
    reference: FloatArray,
    blocks: NDArray[np.int64],
    weight: FloatArray | None = None,
) -> BlockSeries:
    """Turn a paired comparison into each block's improvement of a candidate over a reference.

    A block's improvement is the improvement on all rows plus the mean, over the block's rows, of the
    difference of their influence values. For a mean of row losses that is the block's own mean difference of
    losses; for any other metric it is so to first order. A metric without influence values gives the
    pseudo-values of the delete-a-block jackknife, which are the same for a mean. The weighted mean of the
    series is the improvement on all rows, exactly.

    Parameters
    ----------
    metric
        What is compared.
    y
        Labels, shape (n,).
    candidate, reference
        The two models' scores, one a row, as the metric takes them.
    blocks
        Block of every row, shape (n,), integers from 0 that grow with time (`assign_blocks` with a duration).
    weight
        Sample weights, shape (n,). A block's weight is their sum, without them its number of rows; a block
        without weight is left out.

    Raises
    ------
    TrainingError
        When the metric is undefined on these rows (without influence values: on the rows that remain without
        one block), or when they lie in fewer than seven blocks.
    """
    value, influence = metric.measure(y, candidate, weight)
    other, other_influence = metric.measure(y, reference, weight)
    improvement = metric.gain(value, other)
    if influence is None or other_influence is None:
        gain = partial(_gain, metric, y, candidate, reference, weight)
        contributions = leave_one_block_out(gain, blocks, weight)
    else:
        sign = 1 if metric.greater_is_better else -1
        contributions = sign * block_contributions(influence - other_influence, blocks)
    shares = np.ones(len(y)) if weight is None else weight / weight.mean()
    sizes = np.bincount(blocks, weights=shares)[np.bincount(blocks) > 0]
    sums = contributions[sizes > 0] * len(y)
    sizes = sizes[sizes > 0]
    values = improvement + sums / sizes
    if np.abs(values).max() <= ROUNDING * max(abs(value), abs(other)):
        values = np.zeros_like(values)
    return BlockSeries(values, sizes)


def block_losses(
    metric: Metric,
    *,
    y: FloatArray,
    score: FloatArray,
    blocks: NDArray[np.int64],
    weight: FloatArray | None = None,
) -> BlockSeries:
    """Turn a metric into each block's value of it, as a loss: a greater one is worse.

    For a mean of row losses it is the block's own mean. For any other metric it is the value on all rows plus the
    mean of the block's influence values, which is its own value to first order; without influence values, the
    pseudo-value of the delete-a-block jackknife.

    Parameters
    ----------
    metric, y, score, blocks, weight
        As in :func:`block_improvements`, of one model.

    Raises
    ------
    TrainingError
        As :func:`block_improvements`.
    """
    value, influence = metric.measure(y, score, weight)
    if influence is None:
        contributions = leave_one_block_out(partial(_value, metric, y, score, weight), blocks, weight)
    else:
        contributions = block_contributions(influence, blocks)
    shares = np.ones(len(y)) if weight is None else weight / weight.mean()
    sizes = np.bincount(blocks, weights=shares)[np.bincount(blocks) > 0]
    values = value + contributions[sizes > 0] * len(y) / sizes[sizes > 0]
    return BlockSeries(-values if metric.greater_is_better else values, sizes[sizes > 0])


def _value(
    metric: Metric,
    y: FloatArray,
    score: FloatArray,
    weight: FloatArray | None,
    chosen: NDArray[np.int64],
) -> float:
    """The metric on some of the rows."""
    return metric.measure(y[chosen], score[chosen], None if weight is None else weight[chosen])[0]


def _gain(
    metric: Metric,
    y: FloatArray,
    candidate: FloatArray,
    reference: FloatArray,
    weight: FloatArray | None,
    chosen: NDArray[np.int64],
) -> float:
    """The improvement on some of the rows."""
    own = None if weight is None else weight[chosen]
    value, _ = metric.measure(y[chosen], candidate[chosen], own)
    other, _ = metric.measure(y[chosen], reference[chosen], own)
    return metric.gain(value, other)
