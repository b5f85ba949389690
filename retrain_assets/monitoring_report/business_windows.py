"""Of the last partitions' windows, how many lie beyond a business metric's threshold."""

from __future__ import annotations

from datetime import datetime, timedelta

from retrain_assets.monitoring_report.business import check_bounds, measure_business
from retrain_assets.monitoring_report.performance import Level
from retrain_assets.monitoring_report.rows import TICK, LabelledRows
from retrain_assets.spec import BusinessTrigger
from retrain_assets.windows import Partitions


def window_level(
    trigger: BusinessTrigger, rows: LabelledRows, promoted_at: datetime, as_of: datetime, maturity: timedelta
) -> tuple[Level | None, bool]:
    """Measure a business metric over its window of mature rows, and tell whether the window lies whole after a promotion.

    Parameters
    ----------
    trigger
        The declared metric.
    rows
        Rows since the promotion.
    promoted_at
        The promotion.
    as_of
        The moment of knowledge.
    maturity
        How long after its timestamp a row's label counts as known.
    """
    end = as_of - maturity + TICK
    span = rows.between(max(end - trigger.over, promoted_at), end, as_of)
    level = measure_business(trigger, span) if span.y.size else None
    return level, end - trigger.over >= promoted_at


def count_violations(
    trigger: BusinessTrigger,
    rows: LabelledRows,
    promoted_at: datetime,
    partitions: Partitions,
    key: str,
    maturity: timedelta,
) -> int:
    """Count the windows beyond the threshold among those of the last ``windows`` partitions, each as it was known then.

    Windows that begin before the promotion belong to another champion and count as none.

    Parameters
    ----------
    trigger, rows, promoted_at, maturity
        As for :func:`window_level`.
    partitions
        The periods of the source.
    key
        The latest partition.
    """
    seen = 0
    for _ in range(trigger.windows):
        start, end = partitions.bounds(key)
        level, whole = window_level(trigger, rows, promoted_at, end, maturity)
        found = check_bounds(trigger, level) if whole else None
        seen += found is not None and found.crossed
        key = partitions.key_of(start - TICK)
    return seen
