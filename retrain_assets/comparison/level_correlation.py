"""The correlation of neighbouring days, from days about levels that are estimated from the same days.

A level that is estimated follows its days, and takes from them a part of what they have in common: about (1 + r) / n of
the correlation r where a level rests on n days, which is little for a single level of months and most of r for levels of
a week.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retrain_assets.arrays import FloatArray
from retrain_assets.comparison.level_shifts import VANISHED, about_levels, lag_one

CORRELATIONS: FloatArray = np.linspace(-0.99, 0.99, 199)


def lag_one_correlation(series: FloatArray) -> float:
    """Correlation of neighbouring values of a series about its level, which may shift (:func:`about_levels`).

    It is told as a single level of as many days would show it: what each further level hides of it is given back.

    Parameters
    ----------
    series
        Shape (days,), or (levels, days) with a row for each known level, in the order of time; NaN is a gap,
        and constant levels give 0.
    """
    deviation = about_levels(series)
    if np.nanmax(np.abs(deviation)) <= VANISHED * np.nanmax(np.abs(series)):
        return 0.0
    lengths = np.isfinite(deviation).sum(axis=1)
    days = int(lengths.sum())
    if days == lengths.size:
        return 0.0
    correlation = float(
        np.interp(lag_one(deviation), expected_correlation(CORRELATIONS, lengths), CORRELATIONS)
    )
    return correlation - (1 + 3 * correlation) / days


def expected_correlation(correlation: FloatArray, lengths: NDArray[np.int64]) -> FloatArray:
    """What :func:`~retrain_assets.comparison.level_shifts.lag_one` gives on average for days about their levels' means.

    The ratio of the expected mean product of neighbours and the expected mean square, which are exact for an AR(1)
    and levels of any length, less what a ratio loses that is estimated from so many days, ``2 * r / days``. For one
    level of n days it is ``r - (1 + 3 * r) / n`` to first order.

    Parameters
    ----------
    correlation
        Of neighbouring days, shape (values,), each between -1 and 1.
    lengths
        Days of each level, shape (levels,), seven or more; of fewer the figures do not rise with the correlation.

    References
    ----------
    Marriott, Pope (1954), "Bias in the estimation of autocorrelations", Biometrika 41, 390-402.
    Kendall (1954), "Note on bias in the estimation of autocorrelation", Biometrika 41, 403-404.
    """
    r, n = correlation[:, np.newaxis], lengths[np.newaxis, :]
    of_mean = 1 + 2 * r * (n * (1 - r) - (1 - r**n)) / (n * (1 - r) ** 2)
    with_mean = (1 - r**n) / (n * (1 - r))
    squares = np.sum(n - of_mean, axis=1)
    products = np.sum((n - 1) * r - (n + 1) / n * of_mean + 2 * with_mean, axis=1)
    days, neighbours = int(lengths.sum()), int((lengths - 1).sum())
    found: FloatArray = products / neighbours / (squares / days) - 2 * correlation / days
    return found
