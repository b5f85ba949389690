"""What a metric will be where labels are not in yet: three estimators, none of which sees concept drift."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from retrain_assets.arrays import FloatArray
from retrain_assets.candidate_model.model_inputs import MOST_ROWS, SEED, sample_of
from retrain_assets.errors import TrainingError
from retrain_assets.monitoring_report.domain_classifier import density_ratio

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.isotonic import IsotonicRegression

    from retrain_assets.comparison.metric import Metric

CONFIDENCE_BASED = "confidence_based"
DIRECT_LOSS = "direct_loss"
IMPORTANCE_WEIGHTED = "importance_weighted"


@dataclass(frozen=True)
class ScoredInputs:
    """Rows without labels.

    Parameters
    ----------
    score
        Shape (n,), or (n, k) of the probabilities of k classes.
    inputs
        The features as numbers, shape (n, p).
    weight
        Sample weights, shape (n,); None where all weigh alike.
    """

    score: FloatArray
    inputs: FloatArray
    weight: FloatArray | None = None

    def chosen(self, rows: np.ndarray) -> ScoredInputs:
        """Some of the rows."""
        weight = None if self.weight is None else self.weight[rows]
        return ScoredInputs(self.score[rows], self.inputs[rows], weight)


@dataclass(frozen=True)
class Labelled:
    """The first label-mature rows since a promotion: what estimators learn from.

    Parameters
    ----------
    rows
        The rows.
    y
        Labels as a metric takes them, shape (n,).
    days
        Number of each row's day, shape (n,).
    """

    rows: ScoredInputs
    y: FloatArray
    days: np.ndarray

    def chosen(self, rows: np.ndarray) -> Labelled:
        """Some of the rows."""
        return Labelled(self.rows.chosen(rows), self.y[rows], self.days[rows])


class Estimator(Protocol):
    """Estimates metrics of rows without labels."""

    def value(self, metric: Metric, rows: ScoredInputs) -> float | None:
        """Estimate a metric; None where it cannot be."""


@dataclass
class ConfidenceBased:
    """The metric's expectation if the calibrated scores are right.

    A row counts once for each class, with the calibrated probability of that class as its weight. Calibration is
    isotonic, each class against the rest, and the probabilities are scaled to a sum of 1.

    Parameters
    ----------
    labelled
        What is calibrated on.

    References
    ----------
    Bialek, Kuberski, Perrakis, Bifet (2024), "Estimating model performance under covariate shift without labels",
    arXiv 2401.08348: CBPE.
    Zadrozny, Elkan (2002), "Transforming classifier scores into accurate multiclass probability estimates", KDD:
    isotonic calibration.
    """

    labelled: Labelled
    _calibrators: list[IsotonicRegression] = field(init=False)

    def __post_init__(self) -> None:
        from sklearn.isotonic import IsotonicRegression

        score, y, weight = self.labelled.rows.score, self.labelled.y, self.labelled.rows.weight
        columns = [score] if score.ndim == 1 else list(score.T)
        codes = [1] if score.ndim == 1 else range(score.shape[1])
        self._calibrators = [
            IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(column, y == code, weight)
            for column, code in zip(columns, codes, strict=True)
        ]

    def value(self, metric: Metric, rows: ScoredInputs) -> float | None:
        """Estimate a metric of probabilities; None for others, and for a function that may ignore weights."""
        if "classification" not in metric.tasks and "multiclass" not in metric.tasks:
            return None
        return _measured(metric, *self.cases(rows))

    def cases(self, rows: ScoredInputs) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Count each row once for each of its k classes: labels, scores and weights of n * k rows, class after class."""
        chances = self._probabilities(rows.score)
        count = chances.shape[1]
        weights = (chances if rows.weight is None else chances * rows.weight[:, None]).T.ravel()
        y = np.repeat(np.arange(count, dtype=np.float64), len(chances))
        return y, np.concatenate([rows.score] * count), weights

    def _probabilities(self, score: FloatArray) -> FloatArray:
        """Calibrated probability of each class, shape (n, k)."""
        if score.ndim == 1:
            positive = self._calibrators[0].predict(score)
            return np.column_stack([1 - positive, positive])
        raw = np.column_stack(
            [one.predict(column) for one, column in zip(self._calibrators, score.T, strict=True)]
        )
        totals = raw.sum(axis=1, keepdims=True)
        return np.where(totals > 0, raw / np.where(totals > 0, totals, 1), score)


@dataclass
class DirectLoss:
    """The mean of each row's loss, as a small model of the loss predicts it from features and prediction.

    The loss of a row is the metric plus the row's influence on it: the row's own loss where the metric is a mean
    of losses, and to first order for others (R2, root mean squared error).

    Parameters
    ----------
    labelled
        What the small models are fitted on; at most 20,000 of its rows.

    References
    ----------
    NannyML, "Direct loss estimation (DLE)", nannyml.readthedocs.io.
    """

    labelled: Labelled
    _models: dict[str, HistGradientBoostingRegressor | None] = field(init=False, default_factory=dict)

    def value(self, metric: Metric, rows: ScoredInputs) -> float | None:
        """Estimate a metric of numbers."""
        if metric.name not in self._models:
            self._models[metric.name] = self._fitted(metric)
        model = self._models[metric.name]
        if model is None:
            return None
        losses = model.predict(_with_score(rows))
        return float(np.average(losses, weights=rows.weight))

    def _fitted(self, metric: Metric) -> HistGradientBoostingRegressor | None:
        from sklearn.ensemble import HistGradientBoostingRegressor

        chosen = self.labelled.chosen(sample_of(self.labelled.y.size))
        try:
            value, influence = metric.measure(chosen.y, chosen.rows.score)
        except TrainingError:
            return None
        if influence is None:
            return None
        inputs = _with_score(chosen.rows)
        # A column without any value cannot be binned.
        inputs[:, np.isnan(inputs).all(axis=0)] = 0.0
        model = HistGradientBoostingRegressor(
            max_iter=60, max_leaf_nodes=15, min_samples_leaf=40, early_stopping=False, random_state=SEED
        )
        return model.fit(inputs, value + influence, sample_weight=chosen.rows.weight)


@dataclass
class ImportanceWeighted:
    """The metric on the first rows since the promotion, weighed by how much likelier each row has become.

    Right under covariate shift alone, as far as the rows of today lie where there were rows before.

    Parameters
    ----------
    labelled
        The rows with labels; at most 10,000 are used, and as many of today's.
    """

    labelled: Labelled
    _ratios: dict[int, FloatArray | None] = field(init=False, default_factory=dict)

    def value(self, metric: Metric, rows: ScoredInputs) -> float | None:
        """Estimate a metric; None for a function that may ignore weights."""
        chosen = self.labelled.chosen(sample_of(self.labelled.y.size, MOST_ROWS // 2))
        if id(rows) not in self._ratios:
            today = rows.inputs[sample_of(len(rows.inputs), MOST_ROWS // 2)]
            self._ratios = {id(rows): density_ratio(chosen.rows.inputs, today)}
        ratio = self._ratios[id(rows)]
        if ratio is None:
            return None
        weight = ratio if chosen.rows.weight is None else ratio * chosen.rows.weight
        return _measured(metric, chosen.y, chosen.rows.score, weight)


def _measured(metric: Metric, y: FloatArray, score: FloatArray, weight: FloatArray) -> float | None:
    try:
        value, influence = metric.measure(y, score, weight)
    except TrainingError:
        return None
    return None if influence is None else float(value)


def _with_score(rows: ScoredInputs) -> FloatArray:
    return np.column_stack([rows.inputs, rows.score])
