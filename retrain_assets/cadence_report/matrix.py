"""The matrix: every window's model of every block, judged on every later block.

A retraining policy is a path through it: which model serves in which block. So a hundred policies cost no more
training than one. "Train/test matrices" of this kind are those of Modyn's evaluation of triggering policies.

References
----------
Boether et al. (2025), "Modyn: data-centric machine learning pipeline orchestration", SIGMOD (arXiv 2312.06254).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from retrain_assets.arrays import FloatArray

IntArray = NDArray[np.int64]
WindowKind = Literal["rolling", "rows", "expanding", "weighted"]


@dataclass(frozen=True)
class Block:
    """A stretch of history: consecutive whole partitions.

    Parameters
    ----------
    index
        From 0, the oldest first.
    start, end
        First moment and first moment after, UTC. A block ends where the next one starts.
    rows
        Rows whose label is mature and known at the end of the history: those that judge models.
    """

    index: int
    start: datetime
    end: datetime
    rows: int


@dataclass(frozen=True)
class WindowPolicy:
    """Which part of the past a model is trained on.

    Parameters
    ----------
    name
        Short and unique, such as ``last 28d``.
    kind
        ``rolling``: the last ``length``, a duration; ``rows``: the last ``length``, a number of rows;
        ``expanding``: all; ``weighted``: all, each row with the weight ``0.5 ** (age / half_life)``.
    length
        Of ``rolling`` and ``rows``.
    half_life
        Of ``weighted``.
    """

    name: str
    kind: WindowKind
    length: timedelta | int | None = None
    half_life: timedelta | None = None


@dataclass(frozen=True)
class Matrix:
    """What every window's model of every block costs and is worth.

    There are W windows, B blocks and D days. A day whose labels came in between different blocks' starts counts as so
    many days, each with a part of its rows. Model (w, t) is the one of window w that is trained at the start of
    block t, with the rows whose label was mature and known at that moment. Where there is none (too few rows, one
    class), all its figures are NaN.

    Parameters
    ----------
    metric
        Name of what decides: the first metric, or ``value`` where money does.
    unit
        Its unit.
    greater_is_better
        Whether a greater value of the metric itself is better. Losses are the metric itself where it is not; else 1
        less a known metric, whose best value is 1, and the negative of money and of the user's own. So differences of
        losses are differences of the metric.
    label_delay
        Time from a row to the maturity of its label: losses of block s are not known before ``blocks[s].end +
        label_delay``.
    blocks
        B blocks, the oldest first.
    windows
        W windows.
    declared
        Index of the window that the declaration has.
    loss
        Shape (W, B, B): ``loss[w, t, s]`` is the mean loss of model (w, t) on block s; NaN where s < t.
    days
        Shape (D,), datetime64[s]: start (UTC) of the whole days, or longer declared evaluation blocks, of time.
    day_block
        Shape (D,): index of the block that each day lies in.
    day_known
        Shape (D,): index of the block at whose start the labels of the day's rows are first mature and known; B, or
        more, where there is none. Of a metric that is no mean over rows, the labels of all rows of the day's block.
    daily_loss
        Shape (W, B, D): mean loss of model (w, t) on each day, so that a promotion can be judged over days. For a
        metric that is no mean over rows, the block's loss plus the mean of its influence values on that day: its
        mean over a block's rows is the block's loss. For a metric without influence values, the block's loss.
    daily_rows
        Shape (D,): rows of each day (their weight, where rows are weighed) that judge models.
    daily_is_exact
        False where the metric has no influence values, so that days of one block have one loss.
    training_rows
        Shape (W, B): rows that model (w, t) was trained on; 0 where there is no model.
    known_rows
        Shape (B,): rows with a mature and known label at the start of each block.
    fit_seconds, score_seconds
        Shape (W, B): CPU seconds that the fit of model (w, t), and the scoring of all later blocks, took.
    estimated
        Shape (W, B, B): ``loss`` as it is estimated from the scores and features of block s alone, by what was fitted
        on block t and known when model (w, t) could first serve; NaN where it cannot be.
    drift
        Shape (W, B, B): share of the importance of model (w, t) whose features had moved in block s, against the
        rows that it was trained on: the figure of the monitoring report.
    churn
        Shape (W, B, B): ``churn[w, t, u]``, for t < u, is the mean absolute difference of the predictions of models
        (w, t) and (w, u) on block u: what changes when u takes the place of t.
    baseline
        Shape (B,): loss on each block of the constant that was best known at its start.
    daily_baseline
        Shape (D,): the same for each day.
    notes
        Sentences that a reader should know: windows that were left out, blocks without a model and why.
    """

    metric: str
    unit: str
    greater_is_better: bool
    label_delay: timedelta
    blocks: tuple[Block, ...]
    windows: tuple[WindowPolicy, ...]
    declared: int
    loss: FloatArray
    days: NDArray[np.datetime64]
    day_block: IntArray
    day_known: IntArray
    daily_loss: FloatArray
    daily_rows: FloatArray
    daily_is_exact: bool
    training_rows: IntArray
    known_rows: IntArray
    fit_seconds: FloatArray
    score_seconds: FloatArray
    estimated: FloatArray
    drift: FloatArray
    churn: FloatArray
    baseline: FloatArray
    daily_baseline: FloatArray
    notes: tuple[str, ...] = ()
