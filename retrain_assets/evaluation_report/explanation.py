"""Permutation importance: what a model relies on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retrain_assets.arrays import FloatArray
from retrain_assets.comparison import Metric
from retrain_assets.errors import TrainingError
from retrain_assets.scores import is_scored

MOST_ROWS = 10_000
BATCH_ROWS = 400_000

ScoreFunction = Callable[[pl.DataFrame], FloatArray]


@dataclass(frozen=True)
class Model:
    """A model as the evaluation sees it.

    Parameters
    ----------
    score
        Takes rows (derived ones, where ``derive`` is given) and returns one score a row, or one for
        each class.
    derive
        The model's own derivations: takes raw rows and returns rows with the features in them. With it,
        derived features can be permuted; without it, only columns of the raw rows.
    """

    score: ScoreFunction
    derive: Callable[[pl.DataFrame], pl.DataFrame] | None = None

    def prepare(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows as ``score`` takes them."""
        return rows if self.derive is None else self.derive(rows)

    def scores(self, rows: pl.DataFrame) -> FloatArray:
        """Score raw rows; no rows have no scores.

        Raises
        ------
        TrainingError
            When there is not a finite score for each row, or one of each class. What the model's own code raises
            passes through.
        """
        if rows.is_empty():
            return np.empty(0)
        scores = np.asarray(self.score(self.prepare(rows)), dtype=np.float64)
        if scores.ndim not in (1, 2) or len(scores) != rows.height:
            raise TrainingError(f"A model gave scores of shape {scores.shape} for {rows.height:,} rows.")
        missing = rows.height - int(np.count_nonzero(is_scored(scores)))
        if missing:
            raise TrainingError(f"A model gave no finite score for {missing:,} of {rows.height:,} rows.")
        return scores


def sample_rows(height: int, seed: int, most: int = MOST_ROWS) -> NDArray[np.int64]:
    """Choose the indices, rising, of at most ``most`` rows drawn without replacement."""
    if height <= most:
        return np.arange(height)
    return np.sort(np.random.default_rng(seed).choice(height, most, replace=False))


def permutation_importance(
    model: Model,
    rows: pl.DataFrame,
    y: FloatArray,
    features: Sequence[str],
    metric: Metric,
    weight: FloatArray | None = None,
    seed: int = 0,
) -> dict[str, float]:
    """How much worse a model gets when a feature's values are shuffled among the rows.

    All features are shuffled by the same permutation, so that two models, and two features, are compared
    alike.

    Parameters
    ----------
    model
        What is explained.
    rows
        Raw rows; sample them before (``sample_rows``): all are scored once for every feature.
    y
        Labels, shape (n,).
    features
        Columns to shuffle; those that the prepared rows lack are left out of the result.
    metric
        The measure; importances are losses in its unit, positive when shuffling harms.
    weight
        Sample weights, shape (n,).
    seed
        Of the permutation.

    References
    ----------
    Breiman (2001), "Random forests", Machine Learning 45, 5-32, section 10; for any model: Fisher, Rudin,
    Dominici (2019), JMLR 20 (177).
    """
    prepared = model.prepare(rows)
    intact, _ = metric.measure(y, model.score(prepared), weight)
    order = np.random.default_rng(seed).permutation(prepared.height)
    present = [feature for feature in features if feature in prepared.columns]
    importances = {}
    # Many features are scored in one call: for samples this small the call costs more than the rows.
    step = max(BATCH_ROWS // max(prepared.height, 1), 1)
    for start in range(0, len(present), step):
        batch = present[start : start + step]
        shuffled = pl.concat([prepared.with_columns(prepared[name].gather(order)) for name in batch])
        scores = np.asarray(model.score(shuffled))
        scores = scores.reshape(len(batch), prepared.height, *scores.shape[1:])
        for name, score in zip(batch, scores, strict=True):
            importances[name] = metric.gain(intact, metric.measure(y, score, weight)[0])
    return importances


@dataclass(frozen=True)
class Explanation:
    """Importances of one or two models.

    Parameters
    ----------
    entries
        One for each feature, by falling importance to the candidate: feature, candidate, champion.
    rows
        Number of rows that they were computed on.
    notes
        Sentences on what could not be computed.
    """

    entries: list[dict[str, Any]] = field(default_factory=list)
    rows: int = 0
    notes: list[str] = field(default_factory=list)


def explain(
    models: Mapping[str, Model],
    rows: pl.DataFrame,
    y: FloatArray,
    features: Sequence[str],
    metric: Metric,
    weight: FloatArray | None = None,
    seed: int = 0,
) -> Explanation:
    """Permutation importances of the candidate and, where there is one, the champion, on a sample.

    Parameters
    ----------
    models
        ``candidate``, and perhaps ``champion``.
    rows, y, weight
        Raw rows, labels and sample weights of the holdout; at most 10,000 rows of it are used.
    features
        The candidate's features.
    metric
        The measure.
    seed
        Of sample and permutation.
    """
    if not features:
        return Explanation()
    chosen = sample_rows(rows.height, seed)
    sample, labels, weights = rows[chosen], y[chosen], None if weight is None else weight[chosen]
    try:
        found = {
            name: permutation_importance(model, sample, labels, features, metric, weights, seed)
            for name, model in models.items()
        }
    except TrainingError as error:
        return Explanation(notes=[f"Importances are not shown. {error}"])
    champion = found.get("champion", {})
    entries = [
        {"feature": name, "candidate": value, "champion": champion.get(name)}
        for name, value in found["candidate"].items()
    ]
    absent = [name for name in features if name not in found["candidate"]]
    notes = [f"Importances are not shown for {', '.join(absent)}: the rows lack them."] if absent else []
    return Explanation(sorted(entries, key=lambda entry: -entry["candidate"]), int(chosen.size), notes)
