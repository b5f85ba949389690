"""The model that is logged, registered and served: raw rows in, scores out."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Self

import numpy as np
import polars as pl
from sklearn.base import BaseEstimator, clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from retrain_assets.candidate_model.encode import MAX_CATEGORIES, RowsToMatrix
from retrain_assets.candidate_model.estimator import task_of
from retrain_assets.errors import TrainingError

if TYPE_CHECKING:
    import pandas as pd

# What an estimator raises on parameters or rows that it does not take, those of the user's own among them.
_FIT_ERRORS = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
_IGNORED_WEIGHTS = ".*does not appear to accept sample_weight"
ROWS_AT_ONCE = 100_000
"""Rows of which the matrix is made at once: estimators copy it, some several times."""


class ScoringModel(BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """Score raw rows: derivations, encoding and the estimator in one object.

    An estimator that copes with missing values is given the matrix as it is, and a histogram gradient
    boosting is told which columns are categories. Any other is given imputed and scaled numbers, and one
    column a category.

    Parameters
    ----------
    rows : RowsToMatrix
        Turns raw rows into a matrix.
    estimator : BaseEstimator
        Any scikit-learn classifier with probabilities, or regressor.
    classes : list of str, optional
        Names of three classes or more, in the order of their codes; None for two classes or a number.

    Attributes
    ----------
    rows_ : RowsToMatrix
        Fitted.
    estimator_ : BaseEstimator
        Fitted, with the encoding that it needs.
    """

    # Of a file that was written without it.
    classes: list[str] | None = None

    def __init__(
        self, rows: RowsToMatrix, estimator: BaseEstimator, classes: list[str] | None = None
    ) -> None:
        self.rows = rows
        self.estimator = estimator
        self.classes = classes

    def fit(
        self,
        X: pl.DataFrame | pd.DataFrame,  # noqa: N803
        y: np.ndarray,
        sample_weight: np.ndarray | None = None,
    ) -> Self:
        """Fit on raw rows; see :meth:`fit_table`."""
        return self.fit_table(self.rows.table(X), y, sample_weight)

    def fit_table(self, table: pl.DataFrame, y: np.ndarray, sample_weight: np.ndarray | None = None) -> Self:
        """Fit on features that are derived and typed already.

        Parameters
        ----------
        table
            Features.
        y
            Labels, shape (rows,); codes of the classes for a classifier.
        sample_weight
            Weights, shape (rows,).

        Raises
        ------
        TrainingError
            When no feature has values, or the estimator refuses the parameters or the rows.
        """
        self.rows_ = clone(self.rows).set_params(max_categories=_most_categories(self.estimator))
        self.rows_.fit_table(table)
        matrix = self.rows_.transform_table(table)
        if matrix.shape[1] == 0:
            raise TrainingError(
                "No feature has values in the training window. Look at the table of features, and at "
                "features.exclude in the declaration."
            )
        self.estimator_ = _with_encoding(clone(self.estimator), self.rows_.categorical_mask())
        weights = {} if sample_weight is None else {_weight_parameter(self.estimator_): sample_weight}
        try:
            with warnings.catch_warnings():
                # An estimator that wraps one without weights would be fitted as if there were none.
                warnings.filterwarnings("error", _IGNORED_WEIGHTS, UserWarning)
                self.estimator_.fit(matrix, y, **weights)
        except (*_FIT_ERRORS, UserWarning) as error:
            raise TrainingError(
                f"training: {type(self.estimator).__name__} cannot be fitted as declared "
                f"({type(error).__name__}: {error})."
            ) from error
        _drop_function(self.estimator_)
        # Threads would add up a forest's votes in an order of their own, and a score must always be the same.
        threads = [name for name in self.estimator_.get_params() if name.rpartition("__")[2] == "n_jobs"]
        self.estimator_.set_params(**dict.fromkeys(threads, 1))
        return self

    def predict(self, X: pl.DataFrame | pd.DataFrame) -> np.ndarray:  # noqa: N803
        """Score raw rows.

        Parameters
        ----------
        X
            Raw rows, with the columns that the model was trained with; others are ignored.

        Returns
        -------
        numpy.ndarray
            Probability of the positive class, or the prediction: float64, shape (rows,). Of several classes the
            probabilities, shape (rows, classes), in their order; 0 for one that the training window lacked.

        Raises
        ------
        TrainingError
            When the rows lack a column, or hold values that do not fit its type.
        """
        return self.predict_table(self.features(X))

    def features(self, X: pl.DataFrame | pd.DataFrame) -> pl.DataFrame:  # noqa: N803
        """Derive and type the features of raw rows; as :meth:`predict`."""
        table: pl.DataFrame = self.rows_.table(X)
        return table

    def predict_table(self, table: pl.DataFrame) -> np.ndarray:
        """Score features that are derived and typed already; as :meth:`predict`."""
        check_is_fitted(self, "estimator_")
        scores = [self._scores(part) for part in table.iter_slices(ROWS_AT_ONCE)]
        if not scores:
            return np.empty(0 if self.classes is None else (0, len(self.classes)))
        return np.concatenate(scores)

    def _scores(self, table: pl.DataFrame) -> np.ndarray:
        matrix = self.rows_.transform_table(table)
        if self.classes is not None:
            found = np.zeros((table.height, len(self.classes)))
            found[:, self.estimator_.classes_.astype(np.intp)] = self.estimator_.predict_proba(matrix)
            return found
        if self.task == "classification":
            scores = self.estimator_.predict_proba(matrix)[:, 1]
        else:
            scores = self.estimator_.predict(matrix)
        return np.ascontiguousarray(scores, dtype=np.float64).reshape(-1)

    @property
    def task(self) -> str:
        """``classification``, ``multiclass`` or ``regression``."""
        return "multiclass" if self.classes is not None else task_of(self.estimator)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "estimator_")


def _is_histogram_boosting(estimator: BaseEstimator) -> bool:
    return isinstance(estimator, HistGradientBoostingClassifier | HistGradientBoostingRegressor)


def _drop_function(estimator: BaseEstimator) -> None:
    """Take the input check out of a histogram gradient boosting: a matrix needs none.

    A model file that holds a function is one that nobody can trust.
    """
    if _is_histogram_boosting(estimator) and estimator._preprocessor is not None:
        estimator._preprocessor.set_params(numerical__func=None)
        estimator._preprocessor.named_transformers_["numerical"].set_params(func=None)


def _most_categories(estimator: BaseEstimator) -> int:
    if not _is_histogram_boosting(estimator):
        return MAX_CATEGORIES
    return min(MAX_CATEGORIES, int(estimator.get_params()["max_bins"]) - 1)


def _with_encoding(estimator: BaseEstimator, categorical: np.ndarray) -> BaseEstimator:
    """Put the encoding before an estimator that it needs for a matrix with gaps and category codes."""
    tags = get_tags(estimator).input_tags
    if tags.allow_nan:
        if _is_histogram_boosting(estimator):
            given = estimator.get_params()["categorical_features"]
            if categorical.any() and (given is None or isinstance(given, str)):
                estimator.set_params(categorical_features=categorical)
        return estimator
    encoding = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), ~categorical),
            ("categories", OneHotEncoder(handle_unknown="ignore", sparse_output=tags.sparse), categorical),
        ],
        sparse_threshold=0.3 if tags.sparse else 0,
    )
    return Pipeline([("encoding", encoding), ("estimator", estimator)])


def _weight_parameter(estimator: BaseEstimator) -> str:
    """Name under which ``fit`` takes the weights: a pipeline passes them to its last step."""
    prefix = ""
    while isinstance(estimator, Pipeline):
        name, estimator = estimator.steps[-1]
        prefix += f"{name}__"
    if not has_fit_parameter(estimator, "sample_weight"):
        raise TrainingError(
            f"training: {type(estimator).__name__} takes no sample weights. Remove weight from the "
            "declaration, or choose another estimator."
        )
    return f"{prefix}sample_weight"
