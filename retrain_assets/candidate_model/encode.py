"""Raw rows to a matrix of numbers: derivations, typing and category codes in one Polars pass."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Self

import numpy as np
import polars as pl
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from retrain_assets.errors import TrainingError
from retrain_assets.features.derive import Step, derive
from retrain_assets.features.table import feature_expressions

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.utils import Tags

MAX_CATEGORIES = 254
"""Codes of known categories; one more is left for all others (histogram gradient boosting takes 255)."""


class RowsToMatrix(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """Turn raw rows into a float matrix, numeric features first.

    A category becomes its rank by frequency in the rows of ``fit``; a rare one and one never seen share a
    code of their own, a missing one is NaN. Columns with too few values to learn from are left out.

    Parameters
    ----------
    inputs : bytes
        Schema of the raw columns that are needed, as written by :func:`pack_schema`.
    derivations : list of (str, str or callable)
        Derived columns, as resolved by :func:`retrain_assets.features.derive.steps`.
    numeric : list of str
        Numeric features.
    categorical : list of str
        Categorical features.
    timezone : str
        Time zone of timestamps that come without one.
    max_categories : int
        Most categories of a feature that get a code of their own.

    Attributes
    ----------
    numeric_ : list of str
        Numeric features that are used.
    vocabulary_ : dict of str to list of str
        Known categories of each categorical feature that is used, the most frequent first.
    left_out_ : list of str
        Features with too few values to learn from.
    """

    def __init__(
        self,
        inputs: bytes,
        derivations: Sequence[Step],
        numeric: Sequence[str],
        categorical: Sequence[str],
        timezone: str = "UTC",
        max_categories: int = MAX_CATEGORIES,
    ) -> None:
        self.inputs = inputs
        self.derivations = derivations
        self.numeric = numeric
        self.categorical = categorical
        self.timezone = timezone
        self.max_categories = max_categories

    def fit(self, X: pl.DataFrame | pd.DataFrame, y: object = None) -> Self:  # noqa: N803, ARG002
        """Learn the categories from raw rows."""
        return self.fit_table(self.table(X))

    def transform(self, X: pl.DataFrame | pd.DataFrame) -> np.ndarray:  # noqa: N803
        """Turn raw rows into a float matrix of shape (rows, features)."""
        return self.transform_table(self.table(X))

    def table(self, rows: pl.DataFrame | pd.DataFrame) -> pl.DataFrame:
        """Derive and type the features of raw rows; columns that are not needed are ignored.

        Raises
        ------
        TrainingError
            When the rows lack a column, or hold values that do not fit its type, or a declared function does
            not make a feature that it made before.
        """
        raw = _raw(rows, unpack_schema(self.inputs), self.timezone)
        derived = derive(raw, self.derivations)
        lacking = [name for name in (*self.numeric, *self.categorical) if name not in derived.columns]
        if lacking:
            raise TrainingError(
                f"The function of features.derive does not make the column {lacking[0]!r}, which the model was "
                "trained with. A model holds its function by name: put the code back under that name, and "
                "give changed code a new one."
            )
        return derived.select(feature_expressions(self.numeric, self.categorical, derived.schema))

    def fit_table(self, table: pl.DataFrame) -> Self:
        """Learn the categories from features that are derived and typed already."""
        needed = fewest_values(table.height)
        names = [*self.numeric, *self.categorical]
        counts = table.select(pl.col(names).count()).row(0, named=True) if names else {}
        self.left_out_ = [name for name in names if counts[name] < needed]
        self.numeric_ = [name for name in self.numeric if counts[name] >= needed]
        self.vocabulary_ = {
            name: _by_frequency(table[name], self.max_categories)
            for name in self.categorical
            if counts[name] >= needed
        }
        return self

    def transform_table(self, table: pl.DataFrame) -> np.ndarray:
        """Turn features that are derived and typed already into a float matrix of shape (rows, features)."""
        check_is_fitted(self, "vocabulary_")
        codes = [_codes(name, vocabulary) for name, vocabulary in self.vocabulary_.items()]
        matrix: np.ndarray = table.select(*self.numeric_, *codes).to_numpy()
        return matrix

    def get_feature_names_out(self, input_features: object = None) -> np.ndarray:  # noqa: ARG002
        """Names of the matrix's columns."""
        return np.array([*self.numeric_, *self.vocabulary_], dtype=object)

    def categorical_mask(self) -> np.ndarray:
        """Which of the matrix's columns are codes of categories, shape (features,)."""
        return np.arange(len(self.numeric_) + len(self.vocabulary_)) >= len(self.numeric_)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        return tags


def fewest_values(rows: int) -> int:
    """Tell how many values a feature must have in so many rows to be learnt from.

    Histogram gradient boosting fails on a column that is empty in the 200,000 rows from which it takes its
    bins; with these numbers none is, but for a chance below 1e-8.
    """
    return 1 if rows <= 10_000 else max(20, rows // 10_000)


def pack_schema(schema: Mapping[str, pl.DataType]) -> bytes:
    """Write a schema as bytes, in Arrow's own format."""
    buffer = io.BytesIO()
    pl.DataFrame(schema=schema).write_ipc(buffer)
    return buffer.getvalue()


def unpack_schema(packed: bytes) -> pl.Schema:
    """Read a schema that :func:`pack_schema` wrote."""
    return pl.read_ipc(io.BytesIO(packed)).schema


def _by_frequency(values: pl.Series, most: int) -> list[str]:
    counts = values.drop_nulls().rename("value").value_counts(name="rows")
    ranked = counts.sort(["rows", "value"], descending=[True, False]).head(most)
    vocabulary: list[str] = ranked["value"].to_list()
    return vocabulary


def _codes(name: str, vocabulary: list[str]) -> pl.Expr:
    known = pl.col(name).cast(pl.Enum(vocabulary), strict=False).to_physical().cast(pl.Float64)
    other = pl.when(pl.col(name).is_not_null()).then(pl.lit(float(len(vocabulary))))
    return known.fill_null(other).alias(name)


def _raw(rows: pl.DataFrame | pd.DataFrame, schema: pl.Schema, timezone: str) -> pl.DataFrame:
    """Take the needed columns, in the types that the model was trained with."""
    missing = [name for name in schema if name not in rows.columns]
    if missing:
        raise TrainingError(
            f"The rows lack the column {missing[0]!r}, which the model was trained with "
            f"({len(missing)} of {len(schema)} are missing). Give it the source's columns."
        )
    if not isinstance(rows, pl.DataFrame):
        # pandas keeps whole numbers with gaps as floats, and text without any value as objects.
        rows = pl.from_pandas(rows[list(schema)])
    given = rows.select(list(schema))
    return given.with_columns(
        _as_trained(given[name], dtype, timezone)
        for name, dtype in schema.items()
        if given.schema[name] != dtype
    )


def _as_trained(values: pl.Series, dtype: pl.DataType, timezone: str) -> pl.Series:
    if dtype == pl.Null:
        # Without any value in training, a column has none for the model.
        return values.clear(len(values)).cast(pl.Null)
    if dtype.is_integer() and values.dtype.is_float():
        values = values.fill_nan(None)
        if not (values.is_finite() & (values == values.round())).all():
            return values
    if isinstance(dtype, pl.Datetime) and isinstance(values.dtype, pl.Datetime) and dtype.time_zone:
        if values.dtype.time_zone is None:
            values = values.dt.replace_time_zone(timezone, ambiguous="earliest", non_existent="null")
        values = values.dt.convert_time_zone(dtype.time_zone)
    try:
        return values.cast(dtype)
    except pl.exceptions.PolarsError as error:
        raise TrainingError(
            f"The column {values.name!r} is of type {values.dtype} and holds values that do not fit the type "
            f"{dtype}, which the model was trained with."
        ) from error
