"""Watching the champion over some partitions, each as of its end."""

from __future__ import annotations

import json
from bisect import bisect
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import Any

import polars as pl

from retrain_assets.attempts import Attempt, attempt_of_version, attempts
from retrain_assets.candidate_model.reference_rows import reference_rows
from retrain_assets.champion.loading import Model, load_version
from retrain_assets.champion.promotion_watch import promotion_watch
from retrain_assets.champion.standing import LedgerEntry, champion_at
from retrain_assets.comparison import Criterion, deciding_criterion, declared_metrics
from retrain_assets.declaration import Declaration
from retrain_assets.features.derive import with_derived
from retrain_assets.labelled_rows import labelled_rows
from retrain_assets.labels import target
from retrain_assets.monitoring_report.business import business_columns
from retrain_assets.monitoring_report.estimated import Estimates, scored_inputs
from retrain_assets.monitoring_report.estimators import ScoredInputs
from retrain_assets.monitoring_report.late_labels import newest_delivery
from retrain_assets.monitoring_report.promise import judge_promise, scored_by_both
from retrain_assets.monitoring_report.report import monitor
from retrain_assets.monitoring_report.rows import LabelledRows
from retrain_assets.monitoring_report.seasons import season_keys
from retrain_assets.monitoring_report.watched import Batch, Champion
from retrain_assets.scores import is_scored, score_schema, scores_of

HARM = ("performance", "business")
"""Reasons that mean harm; a drift that costs nothing is none."""


def watch_partitions(declaration: Declaration, keys: Sequence[str]) -> list[dict[str, Any]]:
    """Report on the champion of each partition's time; nothing is recorded.

    Parameters
    ----------
    declaration
        The pipeline.
    keys
        The partitions, oldest first; those before the first champion get no report.

    Returns
    -------
    list of dict
        The reports, as :func:`monitor` makes them, with ``watch``: what :func:`judge_promise` says of a champion
        on watch, None of one that is not; and ``label_delivery``: the newest delivery of labels that they know, None
        where labels come with the rows.
    """
    # Before the labels are read: what is delivered meanwhile is looked for again by the next run.
    known = {"label_delivery": newest_delivery(declaration)}
    entries = declaration.ledger.entries()
    serving = {key: champion_at(entries, declaration.partitions.bounds(key)[1]) for key in keys}
    others = sorted(_reported(declaration) - set(keys))
    reports: list[dict[str, Any]] = []
    # A stretch ends where a report lies that is not made anew: the next one goes on from that.
    for (entry, _), group in groupby(keys, key=lambda key: (serving[key], bisect(others, key))):
        if entry is not None:
            reports += [report | known for report in _watch(declaration, entries, entry, list(group))]
    return reports


def newest_report(declaration: Declaration) -> dict[str, Any] | None:
    """The report on the newest partition that has one."""
    rows = declaration.lake.scan("monitoring").sort("as_of").tail(1).select("payload").collect()
    return None if rows.is_empty() else dict(json.loads(rows.item()))


def reports_since(declaration: Declaration, moment: datetime, version: int) -> list[dict[str, Any]]:
    """The reports on a version as of later than a moment, oldest first."""
    rows = declaration.lake.scan("monitoring").filter(pl.col("as_of") > moment).sort("as_of")
    reports = map(json.loads, rows.select("payload").collect()["payload"])
    return [report for report in reports if report["version"] == version]


def harm_stands(declaration: Declaration, version: int) -> str | None:
    """The sentence of an alarm of harm that stands about a version; None where there is none."""
    report = newest_report(declaration)
    # Until the next partition is in, the newest report may be about the champion before.
    if report is None or report["version"] != version:
        return None
    watch = report.get("watch")
    if watch is not None and watch["crossed"]:
        return str(watch["sentence"])
    for finding in report["findings"]:
        if finding["crossed"] and finding["reason"].partition(":")[0] in HARM:
            return str(finding["sentence"])
    return None


def _watch(
    declaration: Declaration, entries: Sequence[LedgerEntry], entry: LedgerEntry, keys: Sequence[str]
) -> list[dict[str, Any]]:
    trained = attempt_of_version(declaration.lake, entries, entry.version)
    if trained is None:
        return []
    champion = Champion(
        version=entry.version,
        promoted_at=entry.as_of,
        profile=trained.payload["profile"],
        importances=_importances(declaration, trained),
        metrics=declared_metrics(declaration.spec.evaluation.metrics, trained.payload["task"]),
        reference=reference_rows(declaration.lake, trained.attempt),
    )
    model = load_version(declaration.name, entry.version, declaration.trusted_modules())
    criterion = deciding_criterion(declaration.spec, trained.payload["task"])
    rows = _labelled(declaration, entry, trained.payload["task"], criterion)
    previous = _before(declaration, keys[0])
    watch = promotion_watch(entry, declaration.spec.promotion_watch)
    both = None if watch is None else scored_by_both(declaration, watch, rows)
    estimates = Estimates(declaration, champion, model, rows)
    reports = []
    for key in keys:
        batch, today = _batch(declaration, key, champion, model)
        batch = replace(batch, seasons=partial(_seasons, declaration, key, model, trained))
        report = monitor(declaration.spec, champion, batch, rows, previous)
        report |= estimates.report(key, today, previous)
        report["watch"] = None
        if watch is not None and both is not None:
            bounds = declaration.partitions.bounds(key)
            report["watch"] = judge_promise(declaration.spec, criterion, watch, both, bounds, previous)
        reports.append(report)
        previous = report
    return reports


def _importances(declaration: Declaration, trained: Attempt) -> Mapping[str, float]:
    judged = [item for item in attempts(declaration.lake, "evaluated") if item.attempt == trained.attempt]
    return dict(judged[-1].payload["importances"]) if judged else {}


def _labelled(declaration: Declaration, entry: LedgerEntry, task: str, criterion: Criterion) -> LabelledRows:
    """All rows since the promotion that the champion scored; what was known when is cut from them later."""
    lake = declaration.lake
    timestamp = declaration.time_columns.timestamp
    identity = ["partition_key", "row_id"]
    kinds = score_schema(declaration.spec)
    scores = (
        lake.scan("predictions")
        .filter(pl.col(timestamp) >= entry.as_of, pl.col("model_version") == entry.version)
        .select(*identity, *kinds)
        if lake.exists("predictions")
        else pl.LazyFrame(schema={"partition_key": pl.String(), "row_id": pl.Int64()} | kinds)
    )
    spec, times = declaration.spec, declaration.time_columns
    own = (timestamp, *times.knowledge, spec.label.column, spec.weight)
    needed = dict.fromkeys(
        [*identity, *filter(None, own), *business_columns(spec), *(criterion.columns or ())]
    )
    rows = labelled_rows(declaration, "training_data")
    entity = spec.evaluation.block_column
    whole = criterion.columns is None
    if entity is not None:
        # Else it is derived, or was declared since the last ingest.
        needed[entity], whole = None, whole or entity not in rows.collect_schema()
    rows = rows.filter(pl.col(timestamp) >= entry.as_of).select(pl.all() if whole else pl.col(*needed))
    frame = with_derived(rows.join(scores, on=identity).collect(), [entity], spec)
    return LabelledRows.of(frame, target(frame, spec, task), times, spec.weight)


def _batch(
    declaration: Declaration, key: str, champion: Champion, model: Model
) -> tuple[Batch, ScoredInputs | None]:
    raw = declaration.lake.rows("training_data", [key]).collect()
    # The table of features may have other features, or other values of the same name, than the champion's.
    features = model.features(raw)
    if not declaration.lake.exists("predictions"):
        return Batch(key, features, None), None
    own = declaration.lake.rows("predictions", [key]).filter(pl.col("model_version") == champion.version)
    given = own.select("row_id", "score").collect()
    aligned = raw.select("row_id").join(given, on="row_id", how="left", maintain_order="left")["score"]
    scores = scores_of(aligned)
    found = scores[is_scored(scores)]
    today = scored_inputs(champion, raw, features, scores, declaration.spec.weight)
    return Batch(key, features, found if found.size else None), today


def _seasons(declaration: Declaration, key: str, model: Model, trained: Attempt) -> list[pl.DataFrame]:
    """The features of each season of a partition, from the lake's own history."""
    lake = declaration.lake
    until = datetime.fromisoformat(trained.payload["windows"]["train_end"])
    seasons = season_keys(declaration.partitions, key, until, lake.partition_keys("training_data"))
    return [model.features(lake.rows("training_data", keys).collect()) for keys in seasons]


def _reported(declaration: Declaration) -> set[str]:
    return set(declaration.lake.scan("monitoring").select("partition_key").collect()["partition_key"])


def _before(declaration: Declaration, key: str) -> dict[str, Any] | None:
    rows = declaration.lake.scan("monitoring").filter(pl.col("partition_key") < key)
    found = rows.sort("partition_key").tail(1).select("payload").collect()
    return None if found.is_empty() else dict(json.loads(found.item()))
