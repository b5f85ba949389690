"""When harm began: the change point of a series of partitions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime

import numpy as np


def estimate_onset(
    starts: Sequence[datetime],
    values: Sequence[float | None],
    weights: Sequence[float],
    before: float,
    after: float,
) -> datetime:
    """Estimate when a figure left one level for another.

    Page's cumulative sum: each partition's deviation from half-way between the two levels is added up,
    weighed by its rows; the change began where the sum was lowest (the maximum-likelihood estimate for a
    shift between two known means).

    Parameters
    ----------
    starts
        Starts of the partitions, oldest first.
    values
        The partitions' figures; None where there is none.
    weights
        Rows of the partitions.
    before, after
        The level at which all was well, and the one now.

    Returns
    -------
    datetime
        Start of the partition at which the change began.

    References
    ----------
    Page (1954), "Continuous inspection schemes", Biometrika 41, 100-115.
    Hinkley (1971), "Inference about the change-point from cumulative sum tests", Biometrika 58, 509-523.
    """
    direction = math.copysign(1.0, after - before)
    middle = (before + after) / 2
    steps = [
        0.0 if value is None else direction * (value - middle) * weight
        for value, weight in zip(values, weights, strict=True)
    ]
    lowest = int(np.argmin(np.cumsum([0.0, *steps])))
    return starts[min(lowest, len(starts) - 1)]
