"""The record of reports."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import polars as pl

from retrain_assets.declaration import Declaration
from retrain_assets.lake_tables import SCHEMAS
from retrain_assets.monitoring_report.late_labels import Review


def record_reports(declaration: Declaration, made: Sequence[Mapping[str, Any]], review: Review) -> None:
    """Put reports into the lake, in one commit with the knowledge that others stand.

    To be called when they were told: a run that dies in between leaves the old ones, so that the next run finds them
    overtaken once more.

    Parameters
    ----------
    declaration
        The pipeline.
    made
        The reports.
    review
        What was found out about the newest reports on record. Those that stand, and are not among ``made``, are not
        held against the same labels again.
    """
    known = {report["partition_key"] for report in made}
    reports = [*made, *_standing(declaration, review, known)]
    rows = [
        {
            "partition_key": report["partition_key"],
            "as_of": datetime.fromisoformat(report["as_of"]),
            "payload": json.dumps(report),
        }
        for report in reports
    ]
    table = pl.DataFrame(rows, schema=SCHEMAS["monitoring"])
    declaration.lake.replace_partitions("monitoring", table, table["partition_key"].to_list())


def _standing(declaration: Declaration, review: Review, known: Collection[str]) -> list[dict[str, Any]]:
    keys = [key for key in review.standing if key not in known]
    payloads = declaration.lake.rows("monitoring", keys).select("payload").collect()["payload"]
    # One that another run has made since then knows of other labels.
    return [
        report | {"label_delivery": max(report["label_delivery"], review.delivery)}
        for report in map(json.loads, payloads)
        if report["label_delivery"] == review.standing[report["partition_key"]]
    ]
