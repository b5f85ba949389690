"""Fitting a candidate on the rows of its training window, with guards against rows that teach nothing."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from retrain_assets.candidate_model.estimator import Task, declared_task, resolve_estimator
from retrain_assets.errors import TrainingError
from retrain_assets.features.columns import FeatureColumns
from retrain_assets.features.derive import steps
from retrain_assets.labels import YAML_WORDS, best_constant, target, unlisted, weights
from retrain_assets.spec import PipelineSpec
from retrain_assets.spec.label import FEWEST_CLASSES

if TYPE_CHECKING:
    from retrain_assets.candidate_model.model import ScoringModel


@dataclass(frozen=True)
class Fitted:
    """A fitted candidate.

    Parameters
    ----------
    model
        Scores raw rows.
    task
        What kind of label it predicts.
    guards
        A sentence for each thing that a reader should know about the window's rows.
    rows
        Rows that it was fitted on.
    positives
        Rows of the positive class among them; None for a regression, and for several classes.
    baseline
        What a model without features would predict: the (weighted) share of positives or of each class, or the mean.
    seconds
        Time that the fit took.
    """

    model: ScoringModel
    task: Task
    guards: list[str]
    rows: int
    positives: int | None
    baseline: float | list[float]
    seconds: float

    def predict_features(self, features: pl.DataFrame) -> np.ndarray:
        """Score rows of the table of features; the figures that the model gives for their raw rows."""
        return self.model.predict_table(features)


def fit_candidate(spec: PipelineSpec, features: pl.DataFrame, columns: FeatureColumns) -> Fitted:
    """Fit the declared estimator.

    Parameters
    ----------
    spec
        The declaration.
    features
        The training window's rows of the table of features.
    columns
        The features and the raw columns that they are made of.

    Raises
    ------
    TrainingError
        When there are too few rows, no labels, a single class, or the estimator cannot be fitted.
    """
    from retrain_assets.candidate_model.encode import RowsToMatrix, pack_schema
    from retrain_assets.candidate_model.model import ScoringModel

    begin = time.monotonic()
    estimator = resolve_estimator(spec)
    task = declared_task(spec, estimator)
    y, weight, usable, guards = _labelled(spec, features, task)
    _check_rows(spec, len(y))
    if task == "classification":
        _check_classes(spec, features.filter(usable), y)
    elif task == "multiclass":
        guards += _absent_classes(spec, y)
    table = features.select([*columns.numeric, *columns.categorical])
    if not usable.all():
        table = table.filter(usable)
    rows = RowsToMatrix(
        inputs=pack_schema(columns.inputs),
        derivations=steps(spec.features.derive),
        numeric=list(columns.numeric),
        categorical=list(columns.categorical),
        timezone=spec.timezone,
    )
    model = ScoringModel(rows, estimator, spec.label.class_names).fit_table(table, y, weight)
    return Fitted(
        model=model,
        task=task,
        guards=guards + _left_out(model, table),
        rows=len(y),
        positives=int(y.sum()) if task == "classification" else None,
        baseline=best_constant(spec, y, weight),
        seconds=time.monotonic() - begin,
    )


def _labelled(
    spec: PipelineSpec, features: pl.DataFrame, task: Task
) -> tuple[np.ndarray, np.ndarray | None, pl.Series, list[str]]:
    """Labels and weights of the rows that have both, which rows those are, and what was left out."""
    y = target(features, spec, task)
    usable = ~np.isnan(y)
    guards = []
    if task == "multiclass":
        guards += _unlisted(spec, features)
    if len(y) and not usable.any():
        raise TrainingError(
            f"label.column: all {len(y):,} labels in the training window are missing from "
            f"{spec.label.column!r}. Look at the source, and at label.delay."
        )
    if not usable.all():
        guards.append(f"{int((~usable).sum()):,} of {len(y):,} rows have no label and were left out.")
    if spec.weight is None:
        return y[usable], None, pl.Series(usable), guards
    weight = weights(features, spec.weight)
    if not np.nansum(weight) > 0:
        raise TrainingError(
            f"weight: all weights in the training window are 0 or missing in {spec.weight!r}."
        )
    weightless = usable & np.isnan(weight)
    if weightless.any():
        guards.append(f"{int(weightless.sum()):,} of {len(y):,} rows have no weight and were left out.")
    usable &= weight > 0
    return y[usable], weight[usable], pl.Series(usable), guards


def _unlisted(spec: PipelineSpec, features: pl.DataFrame) -> list[str]:
    found = unlisted(features, spec)
    if found.is_empty():
        return []
    named = ", ".join(repr(name) for name in found["label"].head(5))
    return [
        f"{found['rows'].sum():,} rows have a label that label.classes does not list, such as {named}, and count as "
        "rows without a label."
    ]


def _absent_classes(spec: PipelineSpec, y: np.ndarray) -> list[str]:
    names = spec.label.class_names or []
    counts = np.bincount(y.astype(np.int64), minlength=len(names))
    if np.count_nonzero(counts) == 1:
        raise TrainingError(
            f"All {len(y):,} rows of the training window are of one class, {names[int(counts.argmax())]!r}. "
            "Mend label.classes, or widen training.window."
        )
    return [
        f"No row of the training window is of the class {name!r}: the model gives it probability 0."
        for name, count in zip(names, counts, strict=True)
        if not count
    ]


def _check_rows(spec: PipelineSpec, rows: int) -> None:
    if rows < spec.training.minimum_rows:
        raise TrainingError(
            f"The training window holds {rows:,} usable rows, fewer than training.minimum_rows "
            f"({spec.training.minimum_rows:,}). Wait for more rows, widen training.window, or "
            "lower minimum_rows."
        )


def _check_classes(spec: PipelineSpec, features: pl.DataFrame, y: np.ndarray) -> None:
    if 0 < y.sum() < len(y):
        return
    column, positive = spec.label.column, spec.label.positive
    found = features[column].drop_nulls().unique().sort().head(5).to_list()
    is_word = isinstance(positive, bool) and features.schema[column] == pl.String
    hint = f" {YAML_WORDS}" if is_word else ""
    if len(found) >= FEWEST_CLASSES:
        hint = " A label of three classes or more is declared by label.classes."
    raise TrainingError(
        f"All {len(y):,} rows of the training window are of one class: "
        f"{'every' if y.any() else 'no'} label equals label.positive ({positive!r}). The column "
        f"{column!r} holds {', '.join(repr(value) for value in found)}. "
        f"Mend label.positive, or widen training.window.{hint}"
    )


def _left_out(model: ScoringModel, table: pl.DataFrame) -> list[str]:
    guards = []
    for name in model.rows_.left_out_:
        values = table[name].count()
        has = f"only {values:,} values" if values else "no value"
        guards.append(f"The feature {name!r} has {has} in the training window and was left out.")
    return guards
