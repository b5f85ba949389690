"""Functions and estimators that a declaration can name."""

from __future__ import annotations

import numpy as np
import polars as pl
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler


class MeanRegressor(RegressorMixin, BaseEstimator):
    """Predict the mean, shifted."""

    def __init__(self, shift: float = 0.0) -> None:
        self.shift = shift

    def fit(self, X, y, sample_weight=None):  # noqa: N803
        """Remember the mean."""
        self.mean_ = float(np.average(y, weights=sample_weight))
        self.n_features_in_ = X.shape[1]
        return self

    def predict(self, X):  # noqa: N803
        """Give the mean for every row."""
        return np.full(len(X), self.mean_ + self.shift)


class UnreadyRegressor(MeanRegressor):
    """Fail to fit for a reason of its own."""

    def fit(self, X, y, sample_weight=None):  # noqa: ARG002, N803
        """Need what is not there."""
        raise RuntimeError("the device is busy")


def mean(shift: float = 0.0) -> MeanRegressor:
    """Make an estimator of this module."""
    return MeanRegressor(shift)


def scaled(C: float = 1.0):  # noqa: N803
    """Make a pipeline whose last step takes the weights."""
    return make_pipeline(StandardScaler(), LogisticRegression(C=C))


def calibrated():
    """Make a calibration of a pipeline, which gets no weights."""
    return CalibratedClassifierCV(make_pipeline(StandardScaler(), LogisticRegression()), cv=3)


def with_foreign_function():
    """Make a pipeline that holds a function of a module that no declaration names."""
    return make_pipeline(FunctionTransformer(np.nan_to_num), LogisticRegression())


def not_an_estimator() -> object:
    """Make something that cannot be fitted."""
    return object()


def squares(frame: pl.DataFrame) -> pl.DataFrame:
    """Derive two columns from the row alone."""
    return frame.with_columns(
        slot_squared=pl.col("slot") ** 2, morning=pl.col("shown_at").dt.hour().is_between(6, 11)
    )
