"""The rows of a holdout that can judge: those with a label and a weight above 0, if they are enough."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from retrain_assets.arrays import FloatArray
from retrain_assets.comparison.metrics import Task
from retrain_assets.errors import TrainingError
from retrain_assets.labels import weights
from retrain_assets.spec import PipelineSpec

FEWEST_ROWS = 30
FEWEST_OF_A_CLASS = 10


@dataclass(frozen=True)
class JudgedRows:
    """Rows that have a label and a weight above 0.

    Parameters
    ----------
    rows
        As they came, n of them.
    y
        Their labels, shape (n,).
    weight
        Their weights, shape (n,); None where the declaration names no column.
    notes
        Sentences on what was left out; empty where nothing was.
    """

    rows: pl.DataFrame
    y: FloatArray
    weight: FloatArray | None
    notes: tuple[str, ...] = ()


def judged_rows(spec: PipelineSpec, rows: pl.DataFrame, y: FloatArray) -> JudgedRows:
    """Leave out the rows without a label or a weight, and those of weight 0, which are no evidence.

    Parameters
    ----------
    spec
        The declaration.
    rows
        The rows of a holdout, n of them.
    y
        Their labels, shape (n,), NaN where missing.

    Raises
    ------
    TrainingError
        When the declared column of weights is missing, or a weight is negative or infinite.
    """
    usable = ~np.isnan(y)
    weight = None
    if spec.weight is not None:
        if spec.weight not in rows.columns:
            raise TrainingError(f"weight: {spec.weight!r} is no column of the source. Mend the declaration.")
        weight = weights(rows, spec.weight)
        usable &= ~np.isnan(weight)
    missing = y.size - int(np.count_nonzero(usable))
    counted = usable if weight is None else usable & (weight > 0)
    weightless = int(np.count_nonzero(usable & ~counted))
    notes = []
    if missing:
        notes.append(
            f"{missing:,} of {y.size:,} rows of the holdout have no label or no weight and were left out."
        )
    if weightless:
        notes.append(f"{weightless:,} of {y.size:,} rows of the holdout have a weight of 0 and do not count.")
    if not notes:
        return JudgedRows(rows, y, weight)
    own = None if weight is None else weight[counted]
    return JudgedRows(rows.filter(counted), y[counted], own, tuple(notes))


def rows_problem(y: FloatArray, task: Task, left_out: int = 0) -> str | None:
    """Say why the rows are too few for intervals that rest on a mean's near-normal distribution.

    Parameters
    ----------
    y
        Labels of the rows, shape (n,): 0 or 1, or codes of classes, in classification.
    task
        What the estimator does.
    left_out
        Rows that are not among them because the champion was trained on them.
    """
    if y.size < FEWEST_ROWS:
        further = (
            f"; the champion was trained on {left_out:,} further ones, which cannot judge it"
            if left_out
            else ""
        )
        return f"the holdout has {y.size} rows with a known label, and at least {FEWEST_ROWS} are needed{further}"
    if task == "classification":
        rarer = int(min(y.sum(), y.size - y.sum()))
        if rarer < FEWEST_OF_A_CLASS:
            return (
                f"only {rarer} of the holdout's {y.size:,} rows carry the rarer label, and at least "
                f"{FEWEST_OF_A_CLASS} are needed"
            )
    if task == "multiclass":
        others = y.size - int(np.bincount(y.astype(np.int64)).max())
        if others < FEWEST_OF_A_CLASS:
            return (
                f"only {others} of the holdout's {y.size:,} rows carry another label than the commonest, and at "
                f"least {FEWEST_OF_A_CLASS} are needed"
            )
    return None
