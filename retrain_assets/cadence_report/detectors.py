"""Detectors of a change in a stream of losses."""

from __future__ import annotations

import math

import numpy as np

from retrain_assets.arrays import FloatArray


def page_hinkley(values: FloatArray, tolerance: float, threshold: float) -> int | None:
    """Find where Page's cumulative sum first tells a rise of the mean.

    Each value's deviation from the mean so far, less a tolerance, is added up; the alarm comes when the sum exceeds
    its lowest level by the threshold.

    Parameters
    ----------
    values
        Shape (n,).
    tolerance
        A rise that is allowed, in the unit of the values.
    threshold
        Excess of the sum, in that unit.

    Returns
    -------
    int or None
        Index of the value at which the alarm comes.

    References
    ----------
    Page (1954), "Continuous inspection schemes", Biometrika 41, 100-115.
    Mouss, Mouss, Mouss, Sefouhi (2004), "Test of Page-Hinkley, an approach for fault detection", ASCC: the running
    mean in place of a known one.
    """
    if not values.size:
        return None
    means = np.cumsum(values) / np.arange(1, values.size + 1)
    sums = np.cumsum(values - means - tolerance)
    lowest = np.minimum.accumulate(np.minimum(sums, 0.0))
    beyond = np.flatnonzero(sums - lowest > threshold)
    return int(beyond[0]) if beyond.size else None


def adwin(values: FloatArray, delta: float, shortest: int = 5) -> int | None:
    """Find where ADWIN first cuts its window because the newer part has the greater mean.

    After each value, every cut of the window into two parts is looked at; where the means differ by more than a
    bound, the older part is dropped. All cuts are tried, where the original keeps buckets to spare memory.

    Parameters
    ----------
    values
        Shape (n,). Values are meant to lie between 0 and 1; the bound by variances scales with them.
    delta
        Error rate of one look.
    shortest
        Fewest values of a part.

    Returns
    -------
    int or None
        Index of the value at which a rise is told. A cut for a fall only shortens the window.

    References
    ----------
    Bifet, Gavalda (2007), "Learning from time-changing data with adaptive windowing", SIAM SDM, 443-448: the bound
    of equation 3.1, by variances.
    """
    start = 0
    for end in range(2 * shortest, values.size + 1):
        while end - start >= 2 * shortest:
            cut = _strongest_cut(values[start:end], delta, shortest)
            if cut is None:
                break
            size, rise = cut
            if rise > 0:
                return end - 1
            start += size
    return None


def _strongest_cut(window: FloatArray, delta: float, shortest: int) -> tuple[int, float] | None:
    """Size of the older part, and rise of the mean, where the means differ most beyond the bound."""
    count = window.size
    older = np.arange(shortest, count - shortest + 1)
    sums = np.cumsum(window)
    rise = (sums[-1] - sums[older - 1]) / (count - older) - sums[older - 1] / older
    harmonic = 1 / (1 / older + 1 / (count - older))
    logarithm = math.log(2 * math.log(count) / delta)
    bound = np.sqrt(2 / harmonic * window.var() * logarithm) + 2 / (3 * harmonic) * logarithm * np.ptp(window)
    best = int(np.argmax(np.abs(rise) - bound))
    return (int(older[best]), float(rise[best])) if abs(rise[best]) > bound[best] else None
