"""Reports that labels overtook: made before labels were delivered that count as of their moment."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import polars as pl

from retrain_assets.declaration import Declaration
from retrain_assets.labelled_rows import kept_labels

MOST_REMADE = 31
"""Newest reports that are looked at, and made anew at the most by one run."""


def newest_delivery(declaration: Declaration) -> int | None:
    """Number of the newest delivery of labels, 0 before the first; None where labels come with the rows."""
    if declaration.spec.label.source is None:
        return None
    newest: int | None = kept_labels(declaration).select(pl.col("delivery").max()).collect().item()
    return newest or 0


def overtaken_reports(declaration: Declaration) -> list[str]:
    """Find reports that would be others, had the labels been in that were delivered after them.

    A label counts in a report when it and its row's maturity lie before the report's end, and the row is not older
    than its champion. Where one report is overtaken, all after it are named too: each goes on from the one before.

    Parameters
    ----------
    declaration
        The pipeline.

    Returns
    -------
    list of str
        Keys of partitions, oldest first, of the newest ``MOST_REMADE`` that have a report.
    """
    newest = newest_delivery(declaration)
    reports = [] if newest is None else _newest_reports(declaration)
    seen = [report.delivery for report in reports]
    if newest is None or not seen or newest <= min(seen):
        return []
    late = _delivered_after(declaration, min(seen))
    for place, report in enumerate(reports):
        if report.is_overtaken_by(late):
            return [later.key for later in reports[place:]]
    return []


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


def _delivered_after(declaration: Declaration, delivery: int) -> pl.DataFrame:
    """Labels of later deliveries: ``delivery``, the ``time`` of the row, and the moment that it ``counts_from``."""
    source, maturity = declaration.spec.source, declaration.spec.label.maturity
    rows = declaration.lake.scan("training_data").select(
        key=pl.col(str(source.key)), time=pl.col(source.timestamp)
    )
    labels = kept_labels(declaration).filter(pl.col("delivery") > delivery)
    mature = pl.col("time") + maturity
    return (
        labels.join(rows, on="key")
        .select("delivery", "time", counts_from=pl.max_horizontal("known_at", mature))
        .collect()
    )
