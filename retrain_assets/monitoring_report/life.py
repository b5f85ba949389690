"""The model's life: what happened to it week by week, or month by month, as a document and a page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

from retrain_assets.attempts import attempts, newest_attempt
from retrain_assets.candidate_model.estimator import likely_task
from retrain_assets.champion.approvals import approvals, waiting_for, waiting_sentence
from retrain_assets.comparison import Task, declared_metrics, task_of
from retrain_assets.declaration import Declaration
from retrain_assets.monitoring_report.life_figures import life_figures
from retrain_assets.monitoring_report.page import life_page
from retrain_assets.monitoring_report.told import Told
from retrain_assets.monitoring_report.told_estimates import told_estimates
from retrain_assets.pages.writing import write_whole
from retrain_assets.windows import Partitions


def write_life(declaration: Declaration) -> dict[str, Any]:
    """Write ``index.html`` and its JSON twin under the pipeline's reports; returns what the twin says."""
    document = life_document(declaration)
    write_whole(declaration.reports / "life.json", json.dumps(document, indent=1))
    write_whole(declaration.reports / "index.html", life_page(document))
    return document


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
    task = _task(declaration)
    metrics = declared_metrics(declaration.spec.evaluation.metrics, task)
    periods = _periods(declaration)
    figures = life_figures(declaration, task, metrics, periods)
    partitions = _partitions(declaration, figures)
    decisions = _decisions(declaration)
    evaluations = _evaluations(declaration)
    entries = declaration.ledger.entries()
    standing = declaration.ledger.standing()
    waiting = waiting_for(approvals(declaration.lake), standing.version)
    since = next((entry for entry in reversed(entries) if entry.action != "confirmed"), None)
    return {
        "pipeline": declaration.name,
        "description": declaration.spec.description,
        "timezone": declaration.spec.timezone,
        "period": "month" if declaration.spec.source.partition == "monthly" else "week",
        "as_of": None if declaration.newest_partition() is None else declaration.data_clock().isoformat(),
        "metric": metrics[0].name,
        "unit": metrics[0].unit,
        "greater_is_better": metrics[0].greater_is_better,
        "champion": None
        if standing.version is None or since is None
        else {
            "version": standing.version,
            "replaced": since.expected_champion,
            "since": since.as_of.isoformat(),
            "at": since.wall_time.isoformat(),
            "action": since.action,
            "actor": since.actor,
            "reason": since.reason,
            "verdict": since.evidence.get("verdict"),
        },
        "approval": None if waiting is None else waiting_sentence(declaration.name, waiting),
        "partitions": partitions,
        "weeks": _weeks(declaration, periods, figures, partitions, decisions, evaluations),
        "decisions": decisions,
        "ledger": [
            {
                "sequence": entry.sequence,
                "action": entry.action,
                "version": entry.version,
                "replaced": entry.expected_champion,
                "actor": entry.actor,
                "reason": entry.reason,
                "verdict": entry.evidence.get("verdict"),
                "as_of": entry.as_of.isoformat(),
                "at": entry.wall_time.isoformat(),
            }
            for entry in entries
        ],
        "evaluations": evaluations,
        "estimates": told_estimates(declaration, metrics[0].name),
        "links": _links(declaration, [part["key"] for part in partitions]),
        "thresholds": [
            {"name": item.name, "below": item.below, "above": item.above}
            for item in declaration.spec.retrain_when.business
        ],
    }


def _task(declaration: Declaration) -> Task:
    trained = newest_attempt(declaration.lake, "trained")
    if trained is not None:
        task: Task = trained.payload["task"]
        return task
    # Before the first attempt only the estimator's file, or else the metrics, say what it does.
    if declaration.spec.label.classes is not None:
        return "multiclass"
    return likely_task(declaration.spec) or task_of(declaration.spec.evaluation.metrics)


def _links(declaration: Declaration, keys: Sequence[str]) -> dict[str, str | None]:
    """Addresses of the other pages that have been written: of the cadence, and the newest partition's data docs."""
    docs = (f"data_docs/{key}/index.html" for key in reversed(keys))
    return {
        "cadence": "cadence.html" if (declaration.reports / "cadence.html").exists() else None,
        "data_docs": next((page for page in docs if (declaration.reports / page).exists()), None),
    }


def _calendar(declaration: Declaration) -> Partitions:
    """Local weeks, or months where a partition is one."""
    monthly = declaration.spec.source.partition == "monthly"
    return Partitions("monthly" if monthly else "weekly", declaration.spec.timezone)


def _periods(declaration: Declaration) -> dict[str, list[str]]:
    """Keys of the partitions of each week or month, oldest first."""
    calendar = _calendar(declaration)
    keys = declaration.lake.read("partitions")["partition_key"].sort()
    periods: dict[str, list[str]] = {}
    for key in keys:
        start, _ = declaration.partitions.bounds(key)
        periods.setdefault(calendar.key_of(start), []).append(key)
    return dict(sorted(periods.items()))


def _partitions(declaration: Declaration, figures: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    measured = {key: part for period in figures.values() for key, part in period["partitions"].items()}
    records = declaration.lake.read("partitions").sort("partition_key")
    found = []
    for record in records.iter_rows(named=True):
        key = record["partition_key"]
        start, end = declaration.partitions.bounds(key)
        found.append(
            {
                "key": key,
                "start": start.isoformat(),
                "end": end.isoformat(),
                "rows": record["rows"],
                "quarantined": record["quarantined"],
                # What was accepted before stays, and is not what was delivered last.
                "accepted": record["problem"] is None,
                **measured[key],
            }
        )
    return found


def _weeks(
    declaration: Declaration,
    periods: Mapping[str, Sequence[str]],
    figures: Mapping[str, Mapping[str, Any]],
    partitions: list[dict[str, Any]],
    decisions: list[dict[str, Any]],
    evaluations: list[dict[str, Any]],
) -> list[dict[str, Any]]:
    calendar, of_key = _calendar(declaration), {partition["key"]: partition for partition in partitions}
    told = Told(ZoneInfo(declaration.spec.timezone), decisions, evaluations)
    weeks = []
    for first_day, keys in periods.items():
        members = [of_key[key] for key in keys]
        versions = [version for member in members for version in member["versions"]]
        start, end = calendar.bounds(first_day)
        weeks.append(
            {
                "start": start.isoformat(),
                "end": end.isoformat(),
                "rows": sum(member["rows"] for member in members),
                "quarantined": sum(member["quarantined"] for member in members),
                **{name: figure for name, figure in figures[first_day].items() if name != "partitions"},
                "business": _weighted(members),
                "version": versions[-1] if versions else None,
                "decisions": told.between(start, end),
            }
        )
    return weeks


def _weighted(members: list[dict[str, Any]]) -> dict[str, float]:
    """A period's business metrics: the partitions' values, weighted by their rows."""
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
        json.loads(row["payload"])
        | {name: row[name].astimezone(UTC).isoformat() for name in ("as_of", "at")}
        | {"act": row["act"]}
        for row in rows.iter_rows(named=True)
    ]


def _evaluations(declaration: Declaration) -> list[dict[str, Any]]:
    return [
        {
            "as_of": item.as_of.isoformat(),
            "at": item.at.isoformat(),
            "attempt": item.attempt,
            "verdict": item.payload["verdict"]["verdict"],
            "reason": item.payload["verdict"]["reason"],
            "sentence": item.payload["verdict"]["sentence"],
            "next_look": item.payload["verdict"].get("next_look"),
            "trial": item.payload["trial"],
            "href": item.payload["page"],
        }
        for item in attempts(declaration.lake, "evaluated")
    ]
