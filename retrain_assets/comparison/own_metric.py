"""A metric that is a function of the user's own."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from retrain_assets.arrays import FloatArray
from retrain_assets.comparison.metric import TASKS, Measure, Metric
from retrain_assets.errors import TrainingError
from retrain_assets.references import check_name
from retrain_assets.spec.metrics import MetricSpec

# What a user's own code raises on rows that it does not expect; anything else is no matter of the rows.
FAULTS = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


@dataclass(frozen=True)
class _OwnFunction:
    """Call the function that a declaration names: ``f(y, score, weight)``, weight None without weights."""

    reference: str

    def __call__(self, y: FloatArray, score: FloatArray, weight: FloatArray | None) -> Measure:
        try:
            # What comes out infinite or undefined is told below, and needs no warnings of numpy's beside.
            with np.errstate(all="ignore"):
                value = float(self._import()(y, score, weight))
        except FAULTS as error:
            raise TrainingError(
                f"evaluation.metrics: {self.reference} failed on {y.size:,} rows with {type(error).__name__}: "
                f"{error}. Mend the function."
            ) from error
        if not math.isfinite(value):
            raise TrainingError(
                f"evaluation.metrics: {self.reference} gave {value} on {y.size:,} rows, and a metric is a number."
            )
        return value, None

    def _import(self) -> Callable[..., float]:
        module, _, name = self.reference.partition(":")
        function: Callable[..., float] = getattr(importlib.import_module(module), name)
        return function


def own_metric(reference: str, *, greater_is_better: bool, unit: str) -> Metric:
    """Make a metric of a user's function.

    Parameters
    ----------
    reference
        ``module:function``; called with labels, scores and weights, shaped as :meth:`Metric.measure` says,
        it returns a number.
    greater_is_better
        Whether a greater number is the better one.
    unit
        The unit of its numbers.
    """
    name = reference.partition(":")[2]
    return Metric(name, name.replace("_", " "), unit, TASKS, greater_is_better, _OwnFunction(reference))


def check_functions(declared: Sequence[MetricSpec]) -> list[str]:
    """Say what is wrong with the functions among declared metrics, without importing them.

    Parameters
    ----------
    declared
        ``evaluation.metrics``.

    Returns
    -------
    list of str
        A sentence a fault.
    """
    faults = []
    for position, metric in enumerate(declared):
        if metric.function is not None:
            module, _, name = metric.function.partition(":")
            fault = check_name(module, name)
            faults += [] if fault is None else [f"evaluation.metrics[{position}].function: {fault}"]
    return faults
