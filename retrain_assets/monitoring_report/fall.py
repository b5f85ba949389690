"""A fall of the realised performance since the promotion, with an error rate that holds for daily looks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from retrain_assets.errors import TrainingError
from retrain_assets.monitoring_report.rows import DAY, TICK, LabelledRows

if TYPE_CHECKING:
    from retrain_assets.comparison.metric import Metric

ERROR_RATE = "a bound for daily looks, false in one of 20 harmless half-years at most"


@dataclass(frozen=True)
class Fall:
    """How much worse a model does than it did.

    Parameters
    ----------
    crossed
        It is certainly worse by more than the declared drop, and still is.
    value
        Loss of quality since ``since``, in the metric's unit; negative for a gain.
    bound
        What the loss of quality certainly exceeds, whenever one looks; None where nothing is certain.
    since
        Start of the day at which the fall is seen most clearly.
    allowed
        The declared drop.
    """

    crossed: bool
    value: float
    bound: float | None
    since: datetime
    allowed: float


def measure_fall(
    metric: Metric, rows: LabelledRows, settled: datetime, drop: float, over: timedelta
) -> Fall | None:
    """Compare the days since some day with all days before it back to the promotion.

    Parameters
    ----------
    metric
        What is measured.
    rows
        All mature rows since the promotion, a span cut by ``between()``.
    settled
        Moment up to which rows only serve as a reference.
    drop
        Loss of quality that is allowed, in the metric's unit.
    over
        The span in which the fall must still be there: what has recovered is no alarm.

    Returns
    -------
    Fall or None
        None where there are too few days, or the metric is undefined.

    References
    ----------
    See :func:`retrain_assets.comparison.change_detector.detect_rise`.
    """
    from retrain_assets.comparison.block_improvements import block_losses
    from retrain_assets.comparison.change_detector import detect_rise

    if rows.end is None or rows.y.size == 0:
        return None
    days = rows.days()
    numbers, blocks = np.unique(-days, return_inverse=True)
    try:
        series = block_losses(
            metric, y=rows.y, score=rows.score, blocks=blocks.astype(np.int64), weight=rows.weights
        )
    except TrainingError:
        return None
    numbers = numbers[np.bincount(blocks, weights=rows.weights) > 0]
    reference = int(np.count_nonzero(-numbers >= (rows.end - settled) // DAY))
    found = detect_rise(series, reference, drop)
    if found is None:
        return None
    recent = np.arange(series.blocks) >= found.split
    recent &= numbers > numbers[-1] - max(over // DAY, 1)
    before = slice(None, found.split)
    still = np.average(series.values[recent], weights=series.weights[recent]) - np.average(
        series.values[before], weights=series.weights[before]
    )
    return Fall(
        crossed=found.certain and float(still) > drop,
        value=found.value,
        bound=found.bound,
        since=rows.end - TICK - (1 - int(numbers[found.split])) * DAY,
        allowed=drop,
    )
