"""One cell: a window's model of a block, trained once and judged on later blocks."""

from __future__ import annotations

import io
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retrain_assets.arrays import FloatArray
from retrain_assets.cadence_report.days import BLOCK
from retrain_assets.cadence_report.estimation import fit_estimate
from retrain_assets.cadence_report.history import Ground
from retrain_assets.cadence_report.losses import labels_of, losses
from retrain_assets.cadence_report.matrix import IntArray
from retrain_assets.cadence_report.moved import moved_shares
from retrain_assets.cadence_report.orders import Done, Judged, Order, Trained
from retrain_assets.cadence_report.window_policies import WEIGHT, known_rows, weighed
from retrain_assets.candidate_model.profile import build_profile
from retrain_assets.errors import TrainingError
from retrain_assets.run_imports import import_skops
from retrain_assets.scores import constant_scores

if TYPE_CHECKING:
    from retrain_assets.candidate_model.model import ScoringModel

CHURN_ROWS = 500
"""Rows of a block, spread evenly, on which the predictions of two models are compared."""
IMPORTANCE_ROWS = 500
PROFILE_ROWS = 50_000
MOVED_PSI = 0.2
"""A feature has moved beyond this where ``retrain_when.drift`` declares nothing."""


_held: dict[str, pl.DataFrame] = {}


def compute_cell(packed: NDArray[np.uint8], ground: Ground, order: Order) -> Done:
    """Train a model, or take the one that is there, and judge it.

    One cell uses one core, so that its CPU seconds are its own and cells side by side do not hinder each other.

    Parameters
    ----------
    packed
        The history's rows, from :meth:`retrain_assets.cadence_report.history.History.packed`.
    ground
        What they mean.
    order
        What to compute.
    """
    from threadpoolctl import threadpool_limits

    if ground.identity not in _held:
        _held.clear()
        _held[ground.identity] = pl.read_ipc(io.BytesIO(packed.tobytes()))
    rows = _held[ground.identity]
    with threadpool_limits(limits=1):
        if order.trained is not None:
            trained, model = order.trained, _loaded(order.trained, ground)
        else:
            trained, model = _train(rows, ground, order)
        judged = [] if model is None else _judge(rows, ground, order, trained, model)
    return Done(order, trained if order.trained is None else None, tuple(judged))


def _train(rows: pl.DataFrame, ground: Ground, order: Order) -> tuple[Trained, ScoringModel | None]:
    import_skops()
    import skops.io

    from retrain_assets.candidate_model.fit import fit_candidate

    moment, spec = ground.blocks[order.block].start, ground.spec
    chosen = known_rows(rows.lazy(), order.window, moment, ground.time_columns)
    # A candidate is fitted on rows in this order, and an estimator that draws rows would draw others.
    known = chosen.sort("partition_key", "row_id").collect()
    if order.window.half_life is not None:
        known = weighed(known, order.window, moment, spec)
        spec = spec.model_copy(update={"weight": WEIGHT})
    begin = time.process_time()
    try:
        fitted = fit_candidate(spec, known, ground.columns)
    except TrainingError as error:
        return Trained(order.model, problem=str(error)), None
    seconds = time.process_time() - begin
    names = ground.columns
    sample = known.sample(min(known.height, PROFILE_ROWS), seed=spec.training.random_state)
    trained = Trained(
        order.model,
        rows=fitted.rows,
        seconds=seconds,
        profile=build_profile(sample, names.numeric, names.categorical, None),
        importances=_importances(rows, ground, order.block, fitted.model),
        file=skops.io.dumps(fitted.model),
    )
    return trained, fitted.model


def _importances(rows: pl.DataFrame, ground: Ground, block: int, model: ScoringModel) -> dict[str, float]:
    """Permutation importances on a sample of the first block that the model has not seen."""
    from retrain_assets.evaluation_report.explanation import Model, permutation_importance

    unseen = _spread(rows.filter(pl.col(BLOCK) == block), IMPORTANCE_ROWS)
    labels, names = labels_of(unseen, ground), [*ground.columns.numeric, *ground.columns.categorical]
    seed = ground.spec.training.random_state
    try:
        return permutation_importance(
            Model(model.predict_table), unseen, labels.y, names, ground.measure, labels.weight, seed
        )
    except TrainingError:
        # Where the metric is undefined on these rows, all features count alike.
        return {}


def _judge(
    rows: pl.DataFrame, ground: Ground, order: Order, trained: Trained, model: ScoringModel
) -> list[Judged]:
    # The first block after the training is what the model's losses are estimated by.
    indices = sorted({order.block, *(index for index, _ in order.judged_on)})
    blocks = [rows.filter(pl.col(BLOCK) == index) for index in indices]
    later = pl.concat(blocks)
    begin = time.process_time()
    scores = model.predict_table(later)
    seconds = (time.process_time() - begin) / max(later.height, 1)
    heights = np.array([block.height for block in blocks])
    moved = _moved(ground, trained, later, np.repeat(np.arange(len(blocks)), heights))
    parts = np.split(scores, np.cumsum(heights)[:-1])
    known = ground.known_at_service(blocks[0], order.block)
    estimate = fit_estimate(ground, trained, blocks[0].filter(known), parts[0][known.to_numpy()])
    judged = []
    for index, identity in order.judged_on:
        place = indices.index(index)
        block, score = blocks[place], parts[place]
        loss, daily = losses(ground.criterion, labels_of(block, ground), score)
        judged.append(
            Judged(
                model=order.model,
                block=identity,
                loss=loss,
                daily=daily.tolist(),
                estimate=estimate(block, score),
                drift=float(moved[place]),
                sample=_spread(score, CHURN_ROWS).ravel().tolist(),
                seconds=seconds * block.height,
            )
        )
    return judged


def _moved(ground: Ground, trained: Trained, rows: pl.DataFrame, block: IntArray) -> FloatArray:
    """Share of the importance that had moved in each block; none in one without rows."""
    declared = ground.spec.retrain_when.drift
    psi = MOVED_PSI if declared is None else declared.psi
    found = moved_shares(trained.profile or {}, trained.importances or {}, rows, block, psi)
    return np.pad(found, (0, len(ground.blocks) - found.size))


def _spread(rows: Any, most: int) -> Any:
    """At most so many rows, spread evenly, of a frame or an array."""
    if len(rows) <= most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, most).round().astype(np.int64)]


def _loaded(trained: Trained, ground: Ground) -> ScoringModel | None:
    """The model of an earlier run, from its file; as a champion's file, it may hold no type that nobody declared."""
    from retrain_assets.champion.loading import FILE, load_file

    if trained.file is None:
        return None
    with TemporaryDirectory() as folder:
        file = Path(folder, FILE)
        file.write_bytes(trained.file)
        found: Any = load_file(file, ground.trusted_modules)
    model: ScoringModel = found
    return model


def constant_losses(
    rows: pl.DataFrame, ground: Ground, constant: float | Sequence[float]
) -> tuple[float, FloatArray]:
    """Loss of a constant, or of a constant share of each class, on the rows of one block, and on each of its days."""
    return losses(ground.criterion, labels_of(rows, ground), constant_scores(constant, rows.height))
