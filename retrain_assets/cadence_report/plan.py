"""Which cells a matrix consists of, and what identifies each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from typing import Any

import polars as pl

from retrain_assets.cadence_report.days import BLOCK, DAY
from retrain_assets.cadence_report.history import ROW_HASH, History, digest_hashes, digest_rows
from retrain_assets.cadence_report.matrix import WindowPolicy
from retrain_assets.cadence_report.orders import Order
from retrain_assets.cadence_report.window_policies import known_rows
from retrain_assets.declaration import Declaration
from retrain_assets.features.function import function_code
from retrain_assets.features.recipe import recipe
from retrain_assets.spec import WindowSpec

LIBRARIES = ("scikit-learn", "polars", "numpy")
"""Their release decides what a model of the same rows is; hashes of rows are those of one release of Polars."""


def plan_cells(declaration: Declaration, history: History, windows: Sequence[WindowPolicy]) -> list[Order]:
    """List the cells of a matrix, in the order in which they are computed.

    Window after window, in each the newest block first, so that what is finished when a budget ends is a matrix of
    fewer windows, or of a shorter history. Two windows that choose the same rows share a model.

    Parameters
    ----------
    declaration
        The pipeline.
    history
        The rows.
    windows
        The windows.
    """
    ground = history.ground
    blocks = [history.rows.filter(pl.col(BLOCK) == block.index) for block in ground.blocks]
    unseen = [_digest(rows=digest_rows(rows), **_judging(history)) for rows in blocks]
    judging = [_digest(rows=unseen[number], days=_days(rows)) for number, rows in enumerate(blocks)]
    estimating = [
        digest_rows(rows.filter(ground.known_at_service(rows, number))) for number, rows in enumerate(blocks)
    ]
    slim = _slim(history).lazy()
    made = _digest(
        code=_code_of_models(declaration),
        recipe=recipe(ground.spec, ground.columns),
        libraries=[version(name) for name in LIBRARIES],
    )
    orders = []
    for window in windows:
        for block in reversed(ground.blocks):
            known = known_rows(slim, window, block.start, ground.time_columns).select(ROW_HASH).collect()
            model = _digest(
                made=made,
                rows=digest_rows(known),
                weights=None if window.half_life is None else [str(window.half_life), str(block.start)],
                unseen=unseen[block.index],
            )
            later = tuple(
                (index, _digest(judging=judging[index], estimating=estimating[block.index]))
                for index in range(block.index, len(blocks))
            )
            orders.append(Order(window, block.index, model, later))
    return orders


def _days(rows: pl.DataFrame) -> str:
    """Identify which rows of a block make up which of its days."""
    return digest_hashes(rows.select(ROW_HASH, pl.col(DAY) - pl.col(DAY).min()).hash_rows())


def _code_of_models(declaration: Declaration) -> str:
    """Hash of what a model is made of besides its rows."""
    spec = declaration.spec
    training = spec.training.model_copy(update={"window": WindowSpec()})
    return replace(declaration, spec=spec.model_copy(update={"training": training})).code_version()


def _slim(history: History) -> pl.DataFrame:
    """The columns that decide which rows are known when."""
    columns = asdict(history.ground.time_columns)
    names = [name for name in columns.values() if isinstance(name, str)]
    return history.rows.select("partition_key", "row_id", ROW_HASH, *dict.fromkeys(names))


def _judging(history: History) -> dict[str, Any]:
    """What, besides the rows, decides what is said about a model on a block."""
    spec = history.ground.spec
    value = history.ground.criterion.value
    functions = [
        None if value is None else value.function,
        *(item.function for item in spec.evaluation.metrics[:1]),
    ]
    return {
        "evaluation": spec.evaluation.model_dump(mode="json", include={"block", "metrics"}),
        "value": None if value is None else value.model_dump(mode="json"),
        "code": [function_code(reference) for reference in functions if reference is not None],
        "drift": None if spec.retrain_when.drift is None else spec.retrain_when.drift.psi,
    }


def _digest(**parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:24]
