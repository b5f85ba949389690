"""Estimated performance with an interval that rests on how well the estimator does where labels are in."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from retrain_assets.arrays import FloatArray
from retrain_assets.errors import TrainingError
from retrain_assets.monitoring_report.estimators import (
    CONFIDENCE_BASED,
    DIRECT_LOSS,
    IMPORTANCE_WEIGHTED,
    ConfidenceBased,
    DirectLoss,
    Estimator,
    ImportanceWeighted,
    Labelled,
    ScoredInputs,
)

if TYPE_CHECKING:
    from retrain_assets.comparison.metric import Metric

FOLDS = 3
FEWEST_DAYS = 5
"""Fewer days with a known error give no interval."""
CONFIDENCE = 0.95
Fit = Callable[[Labelled], Estimator]
Accuracies = Mapping[str, Mapping[str, Mapping[str, float]]]
"""By method and metric, the fields of :class:`Accuracy`."""


@dataclass(frozen=True)
class Estimate:
    """A metric of rows whose labels are not in.

    Parameters
    ----------
    value
        The estimate.
    lower, upper
        Where the realised value will lie, with 95 % confidence, if what the features mean has not changed.
    """

    value: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Accuracy:
    """How far an estimator was off on days whose labels are in and which it had not seen.

    Parameters
    ----------
    error
        Root of the mean squared difference of estimated and realised value of a day.
    days
        Days.
    rows
        Rows of a day, on average.
    """

    error: float
    days: float
    rows: float

    def reach(self, rows: int) -> float:
        """Half-width of the 95 % prediction interval for so many rows; fewer than a day's are less certain."""
        from scipy.special import stdtrit

        fewer = math.sqrt(max(self.rows / max(rows, 1), 1.0))
        quantile = float(stdtrit(self.days, (1 + CONFIDENCE) / 2))
        return quantile * self.error * math.sqrt(1 + 1 / self.days) * fewer


@dataclass(frozen=True)
class Estimation:
    """Estimates metrics for one champion.

    Parameters
    ----------
    labelled
        The first holdout-length of label-mature rows since its promotion.
    metrics
        What is estimated.
    known
        The estimators' accuracies, where they were measured before.
    """

    labelled: Labelled
    metrics: Sequence[Metric]
    known: Accuracies | None = None

    def estimate(self, rows: ScoredInputs) -> dict[str, dict[str, dict[str, float]]]:
        """Estimate the metrics of rows.

        Parameters
        ----------
        rows
            Rows that the champion scored.

        Returns
        -------
        dict
            By metric and method; a method that cannot estimate the metric, or whose error is unknown, is not there.
        """
        found: dict[str, dict[str, dict[str, float]]] = {}
        for metric in self.metrics:
            found[metric.name] = {}
            for name, fitted in self._fitted.items():
                figures = self.accuracies.get(name, {}).get(metric.name)
                accuracy = None if figures is None else Accuracy(**figures)
                value = None if accuracy is None else fitted.value(metric, rows)
                if accuracy is not None and value is not None:
                    reach = accuracy.reach(len(rows.score))
                    found[metric.name][name] = asdict(Estimate(value, value - reach, value + reach))
        return found

    @cached_property
    def _fits(self) -> Mapping[str, Fit]:
        classifies = self.labelled.rows.score.ndim == 2 or all(
            "regression" not in metric.tasks for metric in self.metrics
        )
        first: tuple[str, Fit] = (
            (CONFIDENCE_BASED, ConfidenceBased) if classifies else (DIRECT_LOSS, DirectLoss)
        )
        return {first[0]: first[1], IMPORTANCE_WEIGHTED: ImportanceWeighted}

    @cached_property
    def _fitted(self) -> Mapping[str, Estimator]:
        return {name: fit(self.labelled) for name, fit in self._fits.items()}

    @cached_property
    def accuracies(self) -> Accuracies:
        """Measured by estimating each day with an estimator that was fitted on other days."""
        if self.known is not None:
            return self.known
        return {
            name: {
                metric: asdict(found) for metric, found in _accuracy(fit, self.labelled, self.metrics).items()
            }
            for name, fit in self._fits.items()
        }


def _accuracy(fit: Fit, labelled: Labelled, metrics: Sequence[Metric]) -> dict[str, Accuracy]:
    days = np.unique(labelled.days)
    if days.size < FEWEST_DAYS:
        return {}
    differences: dict[str, list[float]] = {metric.name: [] for metric in metrics}
    for fold in range(FOLDS):
        held_out = days[fold::FOLDS]
        fitted = fit(labelled.chosen(np.flatnonzero(~np.isin(labelled.days, held_out))))
        for day in held_out:
            own = labelled.chosen(np.flatnonzero(labelled.days == day))
            for metric in metrics:
                value, realised = fitted.value(metric, own.rows), _realised(metric, own)
                if value is not None and realised is not None:
                    differences[metric.name].append(value - realised)
    found = {}
    for name, listed in differences.items():
        if len(listed) >= FEWEST_DAYS:
            error = math.sqrt(float(np.mean(np.square(listed))))
            found[name] = Accuracy(error, len(listed), labelled.y.size / days.size)
    return found


def _realised(metric: Metric, labelled: Labelled) -> float | None:
    weight: FloatArray | None = labelled.rows.weight
    try:
        return float(metric.measure(labelled.y, labelled.rows.score, weight)[0])
    except TrainingError:
        return None
