"""Figures of a model's life, period by period; what cannot change any more is computed once and remembered.

Without that every run, and every change of a decision, would read all rows that were ever scored.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from retrain_assets.champion.standing import first_champion
from retrain_assets.comparison import Metric
from retrain_assets.declaration import Declaration
from retrain_assets.errors import LakeError
from retrain_assets.lake import Lake
from retrain_assets.monitoring_report.business import business_values
from retrain_assets.monitoring_report.label_marks import label_marks
from retrain_assets.monitoring_report.scored import ScoredRows

TABLE = "life_periods"
_SOURCES = ("training_data", "predictions", "shadow_predictions")
_FIGURES = ("realised", "never_retrained", "constant", "secondary", "versions", "business")
"""What is remembered of a period: with another figure all periods are measured anew."""
_SCHEMA = {"partition_key": pl.String, "digest": pl.String, "figures": pl.String}


def life_figures(
    declaration: Declaration, task: str, metrics: Sequence[Metric], periods: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, Any]]:
    """Measure the quality that was realised in each period, and in each of its partitions.

    Parameters
    ----------
    declaration
        The pipeline.
    task
        Kind of prediction.
    metrics
        Those that are declared; the first decides.
    periods
        Keys of the partitions of each week or month, oldest first, by the period's first day.

    Returns
    -------
    dict
        By period: ``realised``, ``never_retrained``, ``constant`` (the metric of the best constant of these rows),
        ``secondary`` (by metric), and ``partitions``, by key: ``realised``, ``never_retrained``, ``constant``,
        ``versions`` and ``business`` (by metric). JSON-able.
    """
    if not periods:
        return {}
    digests = _digests(declaration, task, metrics, periods)
    remembered = {
        row["partition_key"]: json.loads(row["figures"])
        for row in _remembered(declaration.lake).iter_rows(named=True)
        if row["digest"] == digests.get(row["partition_key"])
    }
    found, settled = {}, []
    for period, keys in periods.items():
        if period in remembered:
            found[period] = remembered[period]
            continue
        scored = ScoredRows.read(declaration, task, keys)
        found[period] = _measured(declaration, metrics, scored, keys)
        if scored.settled:
            settled.append(
                {"partition_key": period, "digest": digests[period], "figures": json.dumps(found[period])}
            )
    if settled:
        _remember(declaration.lake, pl.DataFrame(settled, schema=_SCHEMA))
    return found


def _measured(
    declaration: Declaration, metrics: Sequence[Metric], scored: ScoredRows, keys: Sequence[str]
) -> dict[str, Any]:
    business: dict[str, dict[str, float | None]] = {}
    for trigger in declaration.spec.retrain_when.business:
        for key, value in business_values(trigger, scored.rows, pl.col("partition_key")).items():
            business.setdefault(key, {})[trigger.name] = value
    return {
        "realised": scored.value(metrics[0], "score", keys),
        "never_retrained": scored.value(metrics[0], "never_retrained", keys),
        "constant": scored.constant(metrics[0], keys),
        "secondary": {metric.name: scored.value(metric, "score", keys) for metric in metrics[1:]},
        "partitions": {
            key: {
                "realised": scored.value(metrics[0], "score", [key]),
                "never_retrained": scored.value(metrics[0], "never_retrained", [key]),
                "constant": scored.constant(metrics[0], [key]),
                "versions": scored.versions.get(key, []),
                "business": business.get(key, {}),
            }
            for key in keys
        },
    }


def _digests(
    declaration: Declaration, task: str, metrics: Sequence[Metric], periods: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    """Identify what a period's figures are made of: the files of its rows, their labels, and what is asked of them."""
    spec, lake = declaration.spec, declaration.lake
    asked = [
        _FIGURES,
        task,
        [metric.name for metric in metrics],
        spec.label.model_dump(mode="json"),
        spec.weight,
        [(trigger.name, trigger.sql) for trigger in spec.retrain_when.business],
        first_champion(declaration.ledger.entries()),
    ]
    parts: list[Mapping[str, Sequence[object]]] = [_files(lake, table) for table in _SOURCES]
    parts.append(label_marks(declaration))
    return {
        period: hashlib.sha256(
            json.dumps([asked, [[key, *(part.get(key, []) for part in parts)] for key in keys]]).encode()
        ).hexdigest()
        for period, keys in periods.items()
    }


def _files(lake: Lake, table: str) -> dict[str, list[str]]:
    """Names of a table's files, which are never changed once written, by partition."""
    handle = lake.snapshot(table)
    if handle is None:
        return {}
    files = pl.DataFrame(handle.get_add_actions(flatten=True)).select(
        "path", key=pl.col("partition.partition_key")
    )
    return dict(files.group_by("key").agg(pl.col("path").sort()).iter_rows())


def _remembered(lake: Lake) -> pl.DataFrame:
    return lake.scan(TABLE).collect() if lake.exists(TABLE) else pl.DataFrame(schema=_SCHEMA)


def _remember(lake: Lake, rows: pl.DataFrame) -> None:
    try:
        lake.replace_partitions(TABLE, rows, rows["partition_key"].to_list())
    except LakeError:
        # Somebody else remembers at this moment; what is not kept is measured again the next time.
        return
