"""Reference rows told from current ones: joint drift as one number, and how much likelier a row has become."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from retrain_assets.arrays import FloatArray
from retrain_assets.candidate_model.model_inputs import SEED, sample_of

FOLDS = 2
MOST_ROWS_EACH = 5_000
LEAST_ROWS = 100
ONE_SIDED_95 = 1.6448536269514722
LIKELIEST = 0.99
"""A density ratio is capped at 99 : 1 odds, so that a few rows do not stand for all."""


@dataclass(frozen=True)
class Apart:
    """How well current rows are told from reference rows.

    Parameters
    ----------
    auc
        Probability that the classifier finds a current row to be more of today than a reference row: .5 where
        the two are alike, 1 where none is. It does not depend on the number of rows.
    lower
        Its one-sided 95 % lower bound.
    reference_rows, current_rows
        Rows that were told apart.
    """

    auc: float
    lower: float
    reference_rows: int
    current_rows: int


def tell_apart(reference: FloatArray, current: FloatArray) -> Apart | None:
    """Measure joint drift by a classifier that tells reference rows from current ones, judged out of fold.

    Parameters
    ----------
    reference, current
        As :func:`retrain_assets.candidate_model.model_inputs.model_inputs` makes them: shapes (n, p), (m, p). At
        most 5,000 rows of each are used, which leaves the area a standard error of .006.

    Returns
    -------
    Apart or None
        None with fewer than 100 rows of one kind, or without columns.

    References
    ----------
    Lopez-Paz, Oquab (2017), "Revisiting classifier two-sample tests", ICLR.
    DeLong, DeLong, Clarke-Pearson (1988), Biometrics 44, 837-845: the standard error.
    """
    from retrain_assets.comparison.ranking_metrics import roc_auc

    reference, current = _halves(reference, current)
    if min(len(reference), len(current)) < LEAST_ROWS or reference.shape[1] == 0:
        return None
    odds, labels = _out_of_fold(reference, current)
    auc, influence = roc_auc(labels, odds, None)
    if influence is None:
        raise TypeError("the area under the curve has influence values")
    error = math.sqrt(float(influence @ influence)) / labels.size
    return Apart(auc, auc - ONE_SIDED_95 * error, len(reference), len(current))


def density_ratio(reference: FloatArray, current: FloatArray) -> FloatArray | None:
    """How much likelier each reference row is among current rows, of mean 1, shape (n,); out of fold.

    Parameters
    ----------
    reference, current
        As for :func:`tell_apart`, of at most as many rows as a small model may be fitted on.

    Returns
    -------
    ndarray or None
        None with fewer than 100 rows of one kind, or without columns.

    References
    ----------
    Bickel, Bruckner, Scheffer (2009), "Discriminative learning under covariate shift", JMLR 10, 2137-2155.
    Sugiyama, Krauledat, Muller (2007), "Covariate shift adaptation by importance weighted cross validation",
    JMLR 8, 985-1005.
    """
    if min(len(reference), len(current)) < LEAST_ROWS or reference.shape[1] == 0:
        return None
    chance, _ = _out_of_fold(reference, current)
    chance = np.clip(chance[: len(reference)], 1 - LIKELIEST, LIKELIEST)
    odds = chance / (1 - chance)
    ratio: FloatArray = odds / odds.mean()
    return ratio


def _halves(reference: FloatArray, current: FloatArray) -> tuple[FloatArray, FloatArray]:
    return reference[sample_of(len(reference), MOST_ROWS_EACH)], current[
        sample_of(len(current), MOST_ROWS_EACH)
    ]


def _out_of_fold(reference: FloatArray, current: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Chance of each row to be a current one, by a classifier that was not fitted on it, and whether it is one."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    rows = np.concatenate([reference, current])
    # A column without any value cannot be binned.
    rows = rows[:, ~np.isnan(rows).all(axis=0)]
    labels = np.concatenate([np.zeros(len(reference)), np.ones(len(current))])
    fold = np.random.default_rng(SEED).permutation(labels.size) % FOLDS
    chance = np.empty(labels.size)
    for held_out in range(FOLDS):
        inside = fold != held_out
        fitted = HistGradientBoostingClassifier(
            max_iter=20,
            max_leaf_nodes=8,
            learning_rate=0.2,
            min_samples_leaf=40,
            early_stopping=False,
            random_state=SEED,
        ).fit(rows[inside], labels[inside])
        chance[~inside] = fitted.predict_proba(rows[~inside])[:, 1]
    return chance, labels
