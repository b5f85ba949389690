"""Reports that labels overtook: made before labels were delivered that count as of their moment."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

import polars as pl

from retrain_assets.declaration import Declaration
from retrain_assets.labelled_rows import kept_labels

MOST_REMADE = 31
"""Newest reports that are looked at, and made anew at the most by one run."""


@dataclass(frozen=True)
class Review:
    """What later labels mean for the newest reports.

    Parameters
    ----------
    delivery
        The newest delivery of labels that was looked at.
    overtaken
        Keys of partitions whose report is to be made anew, oldest first.
    standing
        By key of a partition whose report is what it would be with those labels, the delivery that it knows of.
    """

    delivery: int = 0
    overtaken: Sequence[str] = ()
    standing: Mapping[str, int] = field(default_factory=dict)


def newest_delivery(declaration: Declaration) -> int | None:
    """Number of the newest delivery of labels, 0 before the first; None where labels come with the rows."""
    if declaration.spec.label.source is None:
        return None
    newest: int | None = kept_labels(declaration).select(pl.col("delivery").max()).collect().item()
    return newest or 0


def review_reports(declaration: Declaration) -> Review:
    """Find the reports that would be others, had the labels been in that were delivered after them.

    A label counts in a report when it and its row's maturity lie before the report's end, and the row is not older
    than its champion. Where one report is overtaken, all after it are named too: each goes on from the one before.
    Rows that come later than their labels, and later than a report, make nobody look at it again.

    Parameters
    ----------
    declaration
        The pipeline.

    Returns
    -------
    Review
        Of the newest ``MOST_REMADE`` reports; without any of them where none has missed a delivery.
    """
    newest = newest_delivery(declaration)
    reports = [] if newest is None else _newest_reports(declaration)
    if newest is None or all(report.delivery >= newest for report in reports):
        return Review()
    late = _late_labels(declaration, reports)
    overtaken = (place for place, report in enumerate(reports) if report.is_overtaken_by(late))
    first = next(overtaken, len(reports))
    return Review(
        newest,
        [report.key for report in reports[first:]],
        {report.key: report.delivery for report in reports[:first]},
    )


@dataclass(frozen=True)
class _Report:
    key: str
    as_of: datetime
    promoted_at: datetime
    delivery: int

    @classmethod
    def of(cls, payload: dict[str, Any], delivery: int) -> Self:
        as_of, promoted_at = (datetime.fromisoformat(payload[name]) for name in ("as_of", "promoted_at"))
        return cls(payload["partition_key"], as_of, promoted_at, delivery)

    def is_overtaken_by(self, late: pl.DataFrame) -> bool:
        counts = late.filter(
            pl.col("delivery") > self.delivery,
            pl.col("time") >= self.promoted_at,
            pl.col("counts_from") <= self.as_of,
        )
        return not counts.is_empty()


def _newest_reports(declaration: Declaration) -> list[_Report]:
    table = declaration.lake.scan("monitoring").sort("as_of").tail(MOST_REMADE)
    payloads = [json.loads(payload) for payload in table.select("payload").collect()["payload"]]
    # A report of rows that brought their labels, before they were declared elsewhere, knows no delivery.
    return [
        _Report.of(payload, payload["label_delivery"])
        for payload in payloads
        if payload.get("label_delivery") is not None
    ]


def _late_labels(declaration: Declaration, reports: Sequence[_Report]) -> pl.DataFrame:
    """Labels that one of some reports may lack: ``delivery``, the row's ``time``, the moment that it ``counts_from``."""
    source, maturity = declaration.spec.source, declaration.spec.label.maturity
    since = min(report.promoted_at for report in reports)
    until = max(report.as_of for report in reports) - maturity
    rows = (
        declaration.lake.scan("training_data")
        # Not by the partition too: a late row lies in that of its delivery.
        .select(key=pl.col(str(source.key)), time=pl.col(source.timestamp))
        .filter(pl.col("time").is_between(since, until))
    )
    seen = min(report.delivery for report in reports)
    labels = kept_labels(declaration).filter(pl.col("delivery") > seen)
    mature = pl.col("time") + maturity
    return (
        labels.join(rows, on="key")
        .select("delivery", "time", counts_from=pl.max_horizontal("known_at", mature))
        .collect()
    )
