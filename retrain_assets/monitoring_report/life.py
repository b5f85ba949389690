"""The model's life: what happened to it week by week, as a document and a page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from retrain_assets.attempts import attempts
from retrain_assets.comparison import METRICS, Metric, metric_names
from retrain_assets.declaration import Declaration
from retrain_assets.errors import TrainingError
from retrain_assets.labels import target
from retrain_assets.monitoring_report.page import life_page
from retrain_assets.windows import mature_rows


def write_life(declaration: Declaration) -> None:
    """Write ``index.html`` and its JSON twin under the pipeline's reports."""
    document = life_document(declaration)
    declaration.reports.mkdir(parents=True, exist_ok=True)
    (declaration.reports / "life.json").write_text(json.dumps(document, indent=1))
    (declaration.reports / "index.html").write_text(life_page(document))


def life_document(declaration: Declaration) -> dict[str, Any]:
    """Collect the model's life from the lake.

    Parameters
    ----------
    declaration
        The pipeline.

    Returns
    -------
    dict
        JSON-able; its figures are those of the page.
    """
    metrics = _metrics(declaration)
    partitions = _partitions(declaration, metrics)
    decisions = _decisions(declaration)
    entries = declaration.ledger.entries()
    standing = declaration.ledger.standing()
    since = next((entry for entry in reversed(entries) if entry.action != "confirmed"), None)
    return {
        "pipeline": declaration.name,
        "description": declaration.spec.description,
        "as_of": partitions[-1]["end"] if partitions else None,
        "metric": metrics[0].name,
        "unit": metrics[0].unit,
        "greater_is_better": metrics[0].greater_is_better,
        "champion": None
        if standing.version is None or since is None
        else {"version": standing.version, "since": since.as_of.isoformat(), "reason": since.reason},
        "partitions": partitions,
        "weeks": _weeks(declaration, metrics, partitions, decisions),
        "decisions": decisions,
        "ledger": [
            {
                "sequence": entry.sequence,
                "action": entry.action,
                "version": entry.version,
                "actor": entry.actor,
                "reason": entry.reason,
                "as_of": entry.as_of.isoformat(),
            }
            for entry in entries
        ],
        "evaluations": _evaluations(declaration),
        "thresholds": [
            {"name": item.name, "below": item.below, "above": item.above}
            for item in declaration.spec.retrain_when.business
        ],
    }


def _metrics(declaration: Declaration) -> list[Metric]:
    trained = attempts(declaration.lake, "trained")
    task = trained[-1].payload["task"] if trained else "classification"
    return [METRICS[name] for name in metric_names(declaration.spec.evaluation.metrics, task)]


def scored_rows(declaration: Declaration) -> pl.DataFrame:
    """Label-mature rows with the champion's score, and that of the first champion where another serves.

    Returns
    -------
    polars.DataFrame
        Columns ``partition_key``, ``model_version``, ``score``, ``never_retrained`` and ``y``.
    """
    lake = declaration.lake
    schema = {"partition_key": pl.String, "model_version": pl.Int64, "score": pl.Float64}
    if not lake.exists("predictions"):
        return pl.DataFrame(schema=schema | {"never_retrained": pl.Float64, "y": pl.Float64})
    identity = ["partition_key", "row_id"]
    columns = declaration.time_columns
    labels = [declaration.spec.label.column, columns.label_known_at, columns.known_at]
    rows = mature_rows(lake.scan("training_data"), declaration.data_clock(), columns).select(
        *identity, *(name for name in labels if name is not None)
    )
    scored = lake.scan("predictions").select(*identity, "model_version", "score").join(rows, on=identity)
    if lake.exists("shadow_predictions"):
        first = lake.scan("shadow_predictions").select(*identity, pl.col("score").alias("never_retrained"))
        scored = scored.join(first, on=identity, how="left")
    else:
        scored = scored.with_columns(never_retrained=pl.lit(None, dtype=pl.Float64))
    found = scored.collect()
    task = "classification" if _metrics(declaration)[0].task == "classification" else "regression"
    return found.select(
        "partition_key",
        "model_version",
        "score",
        pl.col("never_retrained").fill_null(pl.col("score")),
        pl.Series("y", target(found, declaration.spec, task)).fill_nan(None),
    ).drop_nulls("y")


def _partitions(declaration: Declaration, metrics: list[Metric]) -> list[dict[str, Any]]:
    scored = {str(key): part for (key,), part in scored_rows(declaration).group_by("partition_key")}
    business = _business(declaration)
    records = declaration.lake.scan("partitions").sort("partition_key").collect()
    found = []
    for record in records.iter_rows(named=True):
        start, end = declaration.partitions.bounds(record["partition_key"])
        rows = scored.get(record["partition_key"])
        found.append(
            {
                "key": record["partition_key"],
                "start": start.isoformat(),
                "end": end.isoformat(),
                "rows": record["rows"],
                "quarantined": record["quarantined"],
                "accepted": record["accepted"],
                "realised": _value(metrics[0], rows, "score"),
                "never_retrained": _value(metrics[0], rows, "never_retrained"),
                "versions": [] if rows is None else rows["model_version"].unique().sort().to_list(),
                "business": business.get(record["partition_key"], {}),
            }
        )
    return found


def _value(metric: Metric, rows: pl.DataFrame | None, column: str) -> float | None:
    """The metric over some rows; None where it is not defined, such as AUC on rows of one class."""
    if rows is None or rows.is_empty():
        return None
    try:
        value = metric.measure(rows["y"].to_numpy(), rows[column].to_numpy()).value
    except TrainingError:
        return None
    return None if np.isnan(value) else float(value)


def _business(declaration: Declaration) -> dict[str, Mapping[str, float | None]]:
    rows = declaration.lake.scan("monitoring").collect()
    return {
        row["partition_key"]: json.loads(row["payload"]).get("partition", {}).get("business", {})
        for row in rows.iter_rows(named=True)
    }


def _weeks(
    declaration: Declaration,
    metrics: list[Metric],
    partitions: list[dict[str, Any]],
    decisions: list[dict[str, Any]],
) -> list[dict[str, Any]]:
    scored = scored_rows(declaration)
    groups: dict[datetime, list[dict[str, Any]]] = {}
    for partition in partitions:
        start = datetime.fromisoformat(partition["start"])
        monday = (start - timedelta(days=start.weekday())).replace(hour=0, minute=0)
        groups.setdefault(monday, []).append(partition)
    weeks = []
    for monday, members in sorted(groups.items()):
        rows = scored.filter(pl.col("partition_key").is_in([member["key"] for member in members]))
        versions = [version for member in members for version in member["versions"]]
        until = monday + timedelta(days=7)
        weeks.append(
            {
                "start": monday.isoformat(),
                "rows": sum(member["rows"] for member in members),
                "quarantined": sum(member["quarantined"] for member in members),
                "realised": _value(metrics[0], rows, "score"),
                "never_retrained": _value(metrics[0], rows, "never_retrained"),
                "secondary": {metric.name: _value(metric, rows, "score") for metric in metrics[1:]},
                "business": _weighted(members),
                "version": versions[-1] if versions else None,
                "decisions": [
                    item["sentence"]
                    for item in decisions
                    if monday < datetime.fromisoformat(item["as_of"]) <= until
                ],
            }
        )
    return weeks


def _weighted(members: list[dict[str, Any]]) -> dict[str, float]:
    """A week's business metrics: the partitions' values, weighted by their rows."""
    names = {name for member in members for name in member["business"]}
    found = {}
    for name in sorted(names):
        pairs = [
            (member["business"][name], member["rows"])
            for member in members
            if member["business"].get(name) is not None
        ]
        total = sum(rows for _, rows in pairs)
        if total:
            found[name] = sum(value * rows for value, rows in pairs) / total
    return found


def _decisions(declaration: Declaration) -> list[dict[str, Any]]:
    rows = declaration.lake.scan("decisions").sort("as_of", "at").collect()
    return [
        json.loads(row["payload"]) | {"as_of": row["as_of"].astimezone(UTC).isoformat(), "act": row["act"]}
        for row in rows.iter_rows(named=True)
    ]


def _evaluations(declaration: Declaration) -> list[dict[str, Any]]:
    return [
        {
            "as_of": item.as_of.isoformat(),
            "attempt": item.attempt,
            "verdict": item.payload["verdict"]["verdict"],
            "reason": item.payload["verdict"]["reason"],
            "sentence": item.payload["verdict"]["sentence"],
            "href": item.payload["page"],
        }
        for item in attempts(declaration.lake, "evaluated")
    ]
