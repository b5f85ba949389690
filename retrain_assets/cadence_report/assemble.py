"""The matrix from its finished cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from retrain_assets.arrays import FloatArray
from retrain_assets.cadence_report.cells import constant_losses
from retrain_assets.cadence_report.days import BLOCK
from retrain_assets.cadence_report.history import History
from retrain_assets.cadence_report.losses import has_influence
from retrain_assets.cadence_report.matrix import Block, Matrix, WindowPolicy
from retrain_assets.cadence_report.orders import Judged, Trained
from retrain_assets.cadence_report.window_policies import known_rows
from retrain_assets.labels import best_constant, labelled, target


@dataclass(frozen=True)
class Cell:
    """A finished cell, with its places in the matrix.

    Parameters
    ----------
    window, block
        Indices of the window, and of the block at whose start the model is trained.
    trained
        The model.
    judged
        What it was worth, by index of the block.
    """

    window: int
    block: int
    trained: Trained
    judged: Mapping[int, Judged]


def assemble(
    history: History, windows: Sequence[WindowPolicy], cells: Sequence[Cell], first: int, notes: Sequence[str]
) -> Matrix:
    """Put cells into a matrix.

    Parameters
    ----------
    history
        The rows.
    windows
        The windows, the declared one first.
    cells
        All cells of these windows from block ``first`` on.
    first
        Index of the first block that the matrix has.
    notes
        What a reader should know.
    """
    ground = history.ground
    metric, blocks = ground.criterion.metric, ground.blocks[first:]
    days = ground.days.since(first)
    starts = np.searchsorted(days.block, np.arange(len(blocks) + 1))
    shape = (len(windows), len(blocks), len(blocks))
    loss, estimated, drift, churn = (np.full(shape, np.nan) for _ in range(4))
    daily = np.full((*shape[:2], days.block.size), np.nan)
    rows = np.zeros(shape[:2], dtype=np.int64)
    fit, score = (np.full(shape[:2], np.nan) for _ in range(2))
    samples: dict[tuple[int, int, int], list[float]] = {}
    for cell in cells:
        w, t = cell.window, cell.block - first
        rows[w, t], fit[w, t] = cell.trained.rows, cell.trained.seconds
        score[w, t] = sum(judged.seconds for judged in cell.judged.values()) if cell.judged else np.nan
        for index, judged in cell.judged.items():
            s = index - first
            loss[w, t, s], drift[w, t, s], estimated[w, t, s] = judged.loss, judged.drift, judged.estimate
            daily[w, t, starts[s] : starts[s + 1]] = judged.daily
            samples[w, t, s] = judged.sample
    for (w, t, s), sample in samples.items():
        if t < s and (w, s, s) in samples:
            churn[w, t, s] = _change(sample, samples[w, s, s])
    known = [_known(history, block) for block in blocks]
    baselines = [_baseline(history, block, rows_then) for block, rows_then in zip(blocks, known, strict=True)]
    return Matrix(
        metric=metric.name,
        unit=metric.unit,
        greater_is_better=metric.greater_is_better,
        label_delay=ground.spec.label.maturity,
        blocks=tuple(replace(block, index=block.index - first) for block in blocks),
        windows=tuple(windows),
        declared=0,
        loss=loss,
        days=days.start,
        day_block=days.block,
        day_known=days.known,
        daily_loss=daily,
        daily_rows=days.rows,
        daily_is_exact=has_influence(ground.criterion, ground.spec),
        training_rows=rows,
        known_rows=np.array([rows_then.height for rows_then in known], dtype=np.int64),
        fit_seconds=fit,
        score_seconds=score,
        estimated=estimated,
        drift=drift,
        churn=churn,
        baseline=np.array([loss_of_block for loss_of_block, _ in baselines]),
        daily_baseline=np.concatenate([of_days for _, of_days in baselines]),
        notes=tuple(notes),
    )


def _change(old: Sequence[float], new: Sequence[float]) -> float:
    """Mean absolute difference of two models' predictions of the same rows."""
    return float(np.abs(np.subtract(old, new)).mean()) if old else float("nan")


def _known(history: History, block: Block) -> pl.DataFrame:
    """Rows with a label that could be learnt from at the start of a block."""
    ground = history.ground
    known = known_rows(
        history.rows.lazy(), WindowPolicy("all history", "expanding"), block.start, ground.time_columns
    )
    return known.filter(labelled(ground.spec, history.rows.schema)).collect()


def _baseline(history: History, block: Block, known: pl.DataFrame) -> tuple[float, FloatArray]:
    """Loss on a block, and on its days, of the constant that was best known at its start."""
    ground = history.ground
    judging = history.rows.filter(pl.col(BLOCK) == block.index)
    weight = ground.spec.weight
    weights = None if weight is None else known[weight].cast(pl.Float64).to_numpy()
    if known.is_empty() or (weights is not None and not weights.any()):
        days = int((ground.days.block == block.index).sum())
        return float("nan"), np.full(days, np.nan)
    constant = best_constant(ground.spec, target(known, ground.spec, ground.task), weights)
    return constant_losses(judging, ground, constant)
