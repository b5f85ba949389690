"""What two models are compared by: a metric of their scores, or the money that decisions by them bring.

Of a decision's four outcomes each has a declared benefit. A row is acted on where that has the greater expected
benefit by the model's own probability, or above a declared threshold. The money of each row is then a number like
a loss, and its mean is compared like any other metric: paired, with influence values, in blocks.

References
----------
Elkan (2001), "The foundations of cost-sensitive learning", IJCAI, 973-978: the decision of greatest expected
benefit, section 1, and the threshold that it comes to, equation 2.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retrain_assets.arrays import FloatArray
from retrain_assets.comparison.metric import TASKS, Measure, Metric, Task, mean_of
from retrain_assets.comparison.metrics import declared_metrics
from retrain_assets.comparison.own_metric import FAULTS
from retrain_assets.errors import TrainingError
from retrain_assets.references import check_name
from retrain_assets.spec import PipelineSpec
from retrain_assets.spec.value import OUTCOMES, Amount, ValueSpec

VALUE = "value"
EVEN = 0.5
"""The threshold where no benefits are declared."""


@dataclass(frozen=True)
class Criterion:
    """A metric, and what it is a metric of.

    Parameters
    ----------
    metric
        What is measured.
    value
        What decisions are worth, where the metric is one of money; None where it is one of scores.
    """

    metric: Metric
    value: ValueSpec | None = None

    @property
    def columns(self) -> tuple[str, ...] | None:
        """Columns of the rows that are needed besides label and score; None where all may be."""
        if self.value is None:
            return ()
        return None if self.value.function is not None else self.value.columns

    def of(self, rows: pl.DataFrame, y: FloatArray, score: FloatArray) -> FloatArray:
        """Give what the metric takes for a model's scores: these themselves, or the money of each row.

        Parameters
        ----------
        rows
            Raw rows, n of them.
        y
            Their labels, shape (n,).
        score
            A model's scores, shape (n,), or (n, k) for k classes.

        Returns
        -------
        ndarray of shape (n,), or as the scores

        Raises
        ------
        TrainingError
            When the money of a row is not known.
        """
        if self.value is None:
            return score
        if self.value.function is not None:
            return _by_function(self.value.function, rows, y, score)
        return _by_outcome(self.value, rows, y, score)


def deciding_criterion(spec: PipelineSpec, task: Task) -> Criterion:
    """Give what decides about a promotion: the first metric, or value where ``promotion.decide_by`` says so.

    Raises
    ------
    TrainingError
        When a declared metric, or a benefit of outcomes, is none of models of this task.
    """
    if spec.promotion.decide_by == VALUE and spec.promotion.value is not None:
        return value_criterion(spec.promotion.value, task)
    return Criterion(declared_metrics(spec.evaluation.metrics, task)[0])


def value_criterion(value: ValueSpec, task: Task) -> Criterion:
    """Make the criterion of money a row.

    Raises
    ------
    TrainingError
        When outcomes have benefits and the task has none such.
    """
    if value.function is None and task != "classification":
        raise TrainingError(
            f"promotion.value: true and false positives are outcomes of two classes, and training.estimator does "
            f"{task}. Declare promotion.value.function instead."
        )
    return Criterion(Metric(VALUE, VALUE, f"{value.currency} per row", TASKS, True, _mean, True), value)


def decision_threshold(value: ValueSpec) -> float | None:
    """Probability above which a row is acted on; None where it differs from row to row, or a function decides."""
    if value.threshold is not None or value.function is not None:
        return value.threshold
    amounts = [getattr(value, name) for name in OUTCOMES]
    if any(isinstance(amount, str) for amount in amounts):
        return None
    true_positive, false_positive, true_negative, false_negative = (float(amount) for amount in amounts)
    spared = true_negative - false_positive
    return spared / (spared + true_positive - false_negative)


def decisions(value: ValueSpec | None, rows: pl.DataFrame, score: FloatArray) -> NDArray[np.bool_]:
    """Decide for each row, shape (n,), between two classes: by the benefits where they are declared, else above one half.

    Parameters
    ----------
    value
        ``promotion.value``.
    rows
        Raw rows, n of them.
    score
        Probabilities of the positive class, shape (n,).

    Raises
    ------
    TrainingError
        When the benefit of a row is not known.
    """
    return score > EVEN if value is None or value.function is not None else _acts(value, rows, score)


def decidable(value: ValueSpec | None, rows: pl.DataFrame) -> NDArray[np.bool_]:
    """Tell which rows can be decided on, shape (n,): those of which every amount that decides is known."""
    known = np.ones(rows.height, dtype=bool)
    if value is not None and value.threshold is None:
        for column in value.columns:
            known &= np.isfinite(_numbers(rows[column])) if column in rows.columns else False
    return known


def check_value(spec: PipelineSpec) -> list[str]:
    """Say what is wrong with the function of ``promotion.value``, without importing it."""
    value = spec.promotion.value
    if value is None or value.function is None:
        return []
    module, _, name = value.function.partition(":")
    fault = check_name(module, name)
    return [] if fault is None else [f"promotion.value.function: {fault}"]


def _mean(y: FloatArray, money: FloatArray, weight: FloatArray | None) -> Measure:
    del y
    return mean_of(money, weight)


def _by_outcome(value: ValueSpec, rows: pl.DataFrame, y: FloatArray, score: FloatArray) -> FloatArray:
    true_positive, false_positive, true_negative, false_negative = (
        _amounts(name, getattr(value, name), rows) for name in OUTCOMES
    )
    return np.where(
        _acts(value, rows, score),
        np.where(y == 1, true_positive, false_positive),
        np.where(y == 1, false_negative, true_negative),
    )


def _acts(value: ValueSpec, rows: pl.DataFrame, score: FloatArray) -> NDArray[np.bool_]:
    """Whether each row is acted on, shape (n,)."""
    if value.threshold is not None:
        return score > value.threshold
    true_positive, false_positive, true_negative, false_negative = (
        _amounts(name, getattr(value, name), rows) for name in OUTCOMES
    )
    won, spared = true_positive - false_negative, true_negative - false_positive
    acts: NDArray[np.bool_] = score * won > (1 - score) * spared
    return acts


def _amounts(name: str, amount: Amount, rows: pl.DataFrame) -> FloatArray:
    """The benefit of an outcome for every row, shape (n,)."""
    if isinstance(amount, float):
        return np.full(rows.height, amount)
    if amount not in rows.columns:
        raise TrainingError(
            f"promotion.value.{name}: {amount!r} is no column of the source. Mend the declaration."
        )
    money = _numbers(rows[amount])
    unknown = rows.height - int(np.count_nonzero(np.isfinite(money)))
    if unknown:
        raise TrainingError(
            f"promotion.value.{name}: the column {amount!r} holds no number in {unknown:,} of {rows.height:,} rows. "
            "Deliver an amount for every row, or name another column."
        )
    return money


def _numbers(column: pl.Series) -> FloatArray:
    """A column as numbers, NaN where it holds none."""
    return column.cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()


def _by_function(reference: str, rows: pl.DataFrame, y: FloatArray, score: FloatArray) -> FloatArray:
    module, _, name = reference.partition(":")
    try:
        function: Callable[..., object] = getattr(importlib.import_module(module), name)
        money = np.asarray(function(rows, y, score), dtype=np.float64)
    except (*FAULTS, pl.exceptions.PolarsError) as error:
        raise TrainingError(
            f"promotion.value.function: {reference} failed on {rows.height:,} rows with {type(error).__name__}: "
            f"{error}. Mend the function."
        ) from error
    if money.shape != (rows.height,):
        raise TrainingError(
            f"promotion.value.function: {reference} gave an array of shape {money.shape} for {rows.height:,} rows, "
            "and one amount a row is needed."
        )
    unknown = rows.height - int(np.count_nonzero(np.isfinite(money)))
    if unknown:
        raise TrainingError(
            f"promotion.value.function: {reference} gave no finite amount for {unknown:,} of {rows.height:,} rows."
        )
    return money
