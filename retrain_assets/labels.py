"""The label and the weight as numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from retrain_assets.errors import TrainingError
from retrain_assets.spec import PipelineSpec

YAML_WORDS = "YAML reads yes, no, on and off as true and false: put the word in quotes."


def target(rows: pl.DataFrame, spec: PipelineSpec, task: str) -> np.ndarray:
    """Read the label of some rows.

    Parameters
    ----------
    rows
        Rows with the label's column.
    spec
        The declaration.
    task
        ``classification``, ``multiclass`` or ``regression``.

    Returns
    -------
    numpy.ndarray
        float64, shape (rows,): 1 for the positive class and 0 for any other; of several classes the number of the
        class, from 0 on in the declared order; or the label itself. NaN where it is missing, or none of several
        declared classes.

    Raises
    ------
    TrainingError
        When the label of a regression is no number.
    """
    if task == "multiclass":
        codes: np.ndarray = rows.select(_code(spec, rows.schema)).to_series().to_numpy()
        return codes
    label = rows[spec.label.column]
    if label.dtype.is_float():
        label = label.fill_nan(None)
    if task == "classification":
        label = _equals(label, spec.label.positive)
    elif not _is_number(label.dtype):
        raise TrainingError(
            f"label.column: {spec.label.column!r} is of type {label.dtype}, and a regression needs a number. "
            "Choose a classifier under training.estimator, or another label."
        )
    values: np.ndarray = label.cast(pl.Float64).to_numpy()
    return values


def labelled(spec: PipelineSpec, schema: Mapping[str, pl.DataType]) -> pl.Expr:
    """Tell which rows have a label, and a weight where one is declared: those that a model can learn from.

    A label that is none of the declared classes is no label, and a row of weight 0 does not count.

    Parameters
    ----------
    spec
        The declaration.
    schema
        Columns of the rows and their types.
    """
    conditions = []
    for column in filter(None, (spec.label.column, spec.weight)):
        conditions.append(pl.col(column).is_not_null())
        if schema[column].is_float():
            conditions.append(pl.col(column).is_not_nan())
    if spec.weight is not None and _is_number(schema[spec.weight]):
        conditions.append(pl.col(spec.weight).cast(pl.Float64) != 0)
    if spec.label.classes is not None:
        conditions.append(_code(spec, schema).is_not_null())
    return pl.all_horizontal(conditions)


def weights(rows: pl.DataFrame, column: str) -> np.ndarray:
    """Read the weights of some rows.

    Parameters
    ----------
    rows
        Rows with the column.
    column
        The declared column of weights.

    Returns
    -------
    numpy.ndarray
        float64, shape (rows,), 0 or greater; NaN where one is missing.

    Raises
    ------
    TrainingError
        When the column holds no numbers, or some that are negative or infinite.
    """
    dtype = rows.schema[column]
    if not _is_number(dtype):
        raise TrainingError(f"weight: the column {column!r} is of type {dtype}, and a weight is a number.")
    weight: np.ndarray = rows[column].cast(pl.Float64).to_numpy()
    wrong = (weight < 0) | np.isinf(weight)
    if wrong.any():
        raise TrainingError(
            f"weight: the column {column!r} has {int(wrong.sum()):,} values that are negative or infinite, "
            f"such as {weight[wrong][0]:g}. A weight is 0 or more; mend the source."
        )
    return weight


def best_constant(spec: PipelineSpec, y: np.ndarray, weight: np.ndarray | None) -> float | list[float]:
    """Predict without features.

    Parameters
    ----------
    spec
        The declaration.
    y
        Labels as :func:`target` gives them, shape (n,), none of them missing.
    weight
        Sample weights, shape (n,).

    Returns
    -------
    float or list of float
        The (weighted) share of positives, or the mean; of several classes the share of each.
    """
    if spec.label.classes is None:
        return float(np.average(y, weights=weight))
    totals = np.bincount(y.astype(np.int64), weights=weight, minlength=len(spec.label.classes))
    return [float(share) for share in totals / totals.sum()]


def unlisted(rows: pl.DataFrame, spec: PipelineSpec) -> pl.DataFrame:
    """Count the labels that are none of the declared classes: columns ``label`` and ``rows``, the commonest first."""
    label = pl.col(spec.label.column)
    table = rows.filter(label.is_not_null(), _code(spec, rows.schema).is_null())
    counts = table.group_by(label.cast(pl.String).alias("label")).agg(pl.len().alias("rows"))
    return counts.sort(["rows", "label"], descending=[True, False])


def _is_number(dtype: pl.DataType) -> bool:
    return dtype.is_numeric() or dtype in (pl.Boolean, pl.Null)


def _code(spec: PipelineSpec, schema: Mapping[str, pl.DataType]) -> pl.Expr:
    """Number of the declared class, as loosely compared as the positive one."""
    column, classes = spec.label.column, spec.label.classes or []
    known: dict[Any, float]
    if schema[column].is_numeric() or schema[column] == pl.Boolean:
        known = {float(name): float(code) for code, name in enumerate(classes) if not isinstance(name, str)}
        label = pl.col(column).cast(pl.Float64)
    else:
        known = {str(name): float(code) for code, name in enumerate(classes)}
        label = pl.col(column).cast(pl.String)
    if not known:
        return pl.when(pl.lit(value=False)).then(label)
    return label.replace_strict(list(known), list(known.values()), default=None, return_dtype=pl.Float64)


def _equals(label: pl.Series, positive: str | float) -> pl.Series:
    """Compare loosely: 1, 1.0 and true are the same; text only equals the same text."""
    if label.dtype.is_numeric() or label.dtype == pl.Boolean:
        if isinstance(positive, str):
            return label.is_null().replace_strict({True: None, False: False}, return_dtype=pl.Boolean)
        return label.cast(pl.Float64) == float(positive)
    return label.cast(pl.String) == str(positive)
