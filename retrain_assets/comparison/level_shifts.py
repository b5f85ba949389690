"""A series of days about its level, where that may shift.

The correlation of neighbouring days is taken about a level. A concept that changed for good, or a model that was broken
for weeks, shifts the level of a loss difference, and about the mean of all days each side of the shift looks like one
long run of days that are alike, although no day says anything about the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from retrain_assets.arrays import FloatArray

SHORTEST_LEVEL = 7
"""The level of fewer days would follow them."""
LARGEST_CHANCE = 16.0
"""A greater squared shift, in units of its variance, is no chance: of 20,000 series of 112 independent days the greatest
at any place was above 12.1 in 1 %. Days that are alike have greater ones, because their variance is estimated."""
MOST_CORRELATION = 0.95
VANISHED = 1e-9
"""What is below this share of the figure that it belongs to is rounding, not the data's."""


def about_levels(series: FloatArray) -> FloatArray:
    """Take from a series its levels, and their shifts where they are too great for the days' own dependence.

    One shift after the other is looked for, where it takes most off the sum of squares. It counts when its squared
    size exceeds what dependence explains: the variance of a mean of days that are as alike as those about the
    levels that are found with it. So a run of days that follow one another is no shift as long as their own
    correlation may make it.

    Parameters
    ----------
    series
        Shape (days,), or (levels, days) with a row for each known level, in the order of time; NaN is a gap.

    Returns
    -------
    ndarray of shape (levels, days)
        A row for each level, the known ones parted where they shift; all other days of it are NaN.

    References
    ----------
    Bai (1997), "Estimating multiple breaks one at a time", Econometric Theory 13, 315-352.
    Andrews (1993), "Tests for parameter instability and structural change with unknown change point",
    Econometrica 61, 821-856: the distribution of the greatest shift.
    """
    series = np.atleast_2d(series)
    known = np.isfinite(series)
    days, places = series[known], np.nonzero(known)[1]
    lengths = known.sum(axis=1)
    cuts: list[int] = np.cumsum(lengths[lengths > 0])[:-1].tolist()
    while shifts := list(_shifts(days, cuts)):
        size, place = max(shifts)
        found = sorted([*cuts, place])
        if size <= LARGEST_CHANCE * _long_run_variance(_by_level(days, found, places, series.shape[1])):
            break
        cuts = found
    return _by_level(days, cuts, places, series.shape[1])


def lag_one(deviation: FloatArray) -> float:
    """Correlation of neighbouring deviations, shape (..., days), from levels; NaN is a gap, no neighbours give 0."""
    products = deviation[..., 1:] * deviation[..., :-1]
    square = np.nanmean(deviation**2)
    if square == 0 or not np.isfinite(products).any():
        return 0.0
    return float(np.nanmean(products) / square)


def _segments(days: FloatArray, cuts: Sequence[int]) -> Iterator[tuple[int, FloatArray]]:
    """The days between shifts, each with the place of the first."""
    for first, after in zip([0, *cuts], [*cuts, days.size], strict=True):
        yield first, days[first:after]


def _by_level(days: FloatArray, cuts: Sequence[int], places: NDArray[np.int64], width: int) -> FloatArray:
    """Days about their levels' means, each level in a row of its own, at their places in time."""
    rows = np.full((len(cuts) + 1, width), np.nan)
    for row, (first, part) in zip(rows, _segments(days, cuts), strict=True):
        row[places[first : first + part.size]] = part - part.mean()
    return rows


def _shifts(days: FloatArray, cuts: Sequence[int]) -> Iterator[tuple[float, int]]:
    """The greatest shift within each segment: what it takes off the sum of squares, and its place."""
    for first, part in _segments(days, cuts):
        if part.size < 2 * SHORTEST_LEVEL:
            continue
        before = np.arange(SHORTEST_LEVEL, part.size - SHORTEST_LEVEL + 1)
        sums, after = np.cumsum(part)[before - 1], part.size - before
        steps = (part.sum() - sums) / after - sums / before
        sizes = before * after / part.size * steps**2
        place = int(sizes.argmax())
        if sizes[place] > VANISHED * (part**2).sum():
            yield float(sizes[place]), first + int(before[place])


def _long_run_variance(remainder: FloatArray) -> float:
    """Variance of a mean of many days, times their number, for days that depend on the one before (AR(1))."""
    correlation = min(max(lag_one(remainder), -MOST_CORRELATION), MOST_CORRELATION)
    count = int(np.isfinite(remainder).sum()) - len(remainder)
    return float(np.nansum(remainder**2) / count * (1 + correlation) / (1 - correlation))
