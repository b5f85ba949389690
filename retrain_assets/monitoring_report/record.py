"""The record of reports."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import polars as pl
from deltalake import DeltaTable

from retrain_assets.declaration import Declaration
from retrain_assets.delta_frames import scan_table
from retrain_assets.errors import LakeError
from retrain_assets.lake_tables import SCHEMAS
from retrain_assets.monitoring_report.late_labels import Review

_TABLE = "monitoring"


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
    lake = declaration.lake
    while True:
        read = lake.open(_TABLE)
        reports = [*made, *_standing(read, review, {report["partition_key"] for report in made})]
        rows = pl.DataFrame([_row(report) for report in reports], schema=SCHEMAS[_TABLE])
        try:
            lake.replace_partitions(_TABLE, rows, rows["partition_key"].to_list(), read)
        except LakeError:
            # What another run has recorded since may be a report that was found to stand.
            continue
        return


def _row(report: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "partition_key": report["partition_key"],
        "as_of": datetime.fromisoformat(report["as_of"]),
        "payload": json.dumps(report),
    }


def _standing(read: DeltaTable | None, review: Review, made: Collection[str]) -> list[dict[str, Any]]:
    keys = [key for key in review.standing if key not in made]
    if read is None or not keys:
        return []
    rows = scan_table(read).filter(pl.col("partition_key").is_in(keys))
    # One that another run has made since the review knows of other labels.
    return [
        report | {"label_delivery": review.delivery}
        for report in map(json.loads, rows.select("payload").collect()["payload"])
        if report["label_delivery"] == review.standing[report["partition_key"]]
    ]
