"""What the champion's lost quality has cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Staleness:
    """The cost of serving a champion that has become worse.

    Parameters
    ----------
    cost
        Accumulated since ``since``, in the declared money; 0 where the champion has not lost.
    per_partition
        The cost of the newest partition; negative where the champion was better than after its promotion.
    partitions
        Partitions that were counted.
    since
        The last attempt that came to a verdict, or the promotion, whichever is later.
    """

    cost: float
    per_partition: float
    partitions: int
    since: datetime


def accumulate(
    reports: Iterable[Mapping[str, Any]], since: datetime, per_metric_unit_and_row: float
) -> Staleness:
    """Add up what the loss of quality has cost.

    Each partition costs its rows, times how much worse the champion's first metric is there than after its
    promotion, times the declared value. Gains count against losses, so that noise about an unchanged level
    cancels. The loss is the expected one: a cost, other than a threshold, is weighed without a margin for doubt.

    Parameters
    ----------
    reports
        Monitoring reports on the champion since ``since``, oldest first.
    since
        Where counting begins.
    per_metric_unit_and_row
        Declared cost of a row scored by a model one unit of the metric worse.

    References
    ----------
    Mahadevan, Mathioudakis (2023), "Cost-Effective Retraining of Machine Learning Models", arXiv:2310.04216.
    """
    costs = [
        report["lost"] * report["rows"] * per_metric_unit_and_row
        for report in reports
        if report.get("lost") is not None
    ]
    newest = costs[-1] if costs else 0.0
    return Staleness(max(sum(costs), 0.0), newest, len(costs), since)
