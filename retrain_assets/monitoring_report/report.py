"""The monitoring report of one partition, as of the partition's end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from retrain_assets.comparison import Metric
from retrain_assets.monitoring_report.alarms import (
    Finding,
    Quiet,
    judge_business,
    judge_performance,
)
from retrain_assets.monitoring_report.business_windows import window_level
from retrain_assets.monitoring_report.drift import DriftReport
from retrain_assets.monitoring_report.drift_alarm import judge_drift
from retrain_assets.monitoring_report.partition_drift import watch_drift
from retrain_assets.monitoring_report.performance import (
    Level,
    measure_level,
    watched_metric,
)
from retrain_assets.monitoring_report.rows import TICK, LabelledRows
from retrain_assets.monitoring_report.watched import Batch, Champion
from retrain_assets.spec import PipelineSpec
from retrain_assets.windows import Partitions


def monitor(
    spec: PipelineSpec,
    champion: Champion,
    batch: Batch,
    rows: LabelledRows,
    previous: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Report on a champion as of the end of one partition.

    Every figure rests on rows that this champion scored and whose labels are mature by then. The reference is
    the level on the first holdout-length of them, since the level measured at the promotion flatters the
    winner. What stands alarmed in the previous report keeps the date since when, and its onset: they identify
    the evidence that a retrain consumes. So does an alarm that comes back within the span that it is judged
    over: a harm near its threshold flickers, and would else be new evidence every other day.

    Parameters
    ----------
    spec
        The declaration.
    champion
        The model that is watched.
    batch
        The partition.
    rows
        Rows since the promotion that the champion scored; later ones than the partition's are not looked at,
        so that one frame serves a range of partitions.
    previous
        The report of the partition before.

    Returns
    -------
    dict
        JSON-able: ``partition_key``, ``as_of``, ``version``, ``promoted_at``, ``rows``, ``span`` (start and
        end of the mature rows looked at), ``realised`` and ``reference`` (level by metric), ``business`` (level by
        name), ``drift`` (``psi``, ``lower`` and ``season`` by feature), ``score_drift``, ``joint_drift`` (``auc``
        and ``lower`` of telling the partition's rows from training rows), ``moved_importance``, ``lost`` (how much
        worse the first metric's realised level is than its reference, negative where it is better),
        ``findings``.
    """
    partitions = Partitions(spec.source.partition, spec.timezone)
    as_of = partitions.bounds(batch.key)[1]
    trigger = spec.retrain_when.performance
    over = trigger.over if trigger is not None else spec.evaluation.holdout
    end = as_of - spec.label.maturity + TICK
    settled = champion.promoted_at + spec.evaluation.holdout
    quiet = rows.between(champion.promoted_at, settled, as_of)
    has_reference = settled < end
    current = rows.between(max(end - over, champion.promoted_at), end, as_of)

    watched = () if trigger is None else (watched_metric(spec, trigger),)
    metrics = {metric.name: metric for metric in (*champion.metrics, *watched)}
    realised = {name: measure_level(metric, current) for name, metric in metrics.items()}
    compared = {metric.name: metric for metric in (*champion.metrics[:1], *watched)}
    reference = {
        name: measure_level(metric, quiet) if has_reference else None for name, metric in compared.items()
    }
    shifts = watch_drift(spec, champion, batch)

    scene = Quiet(spec, partitions, champion.promoted_at, as_of, rows, quiet if has_reference else None)
    findings: list[Finding] = []
    if trigger is not None:
        metric = watched_metric(spec, trigger)
        findings.append(judge_performance(scene, trigger, realised[metric.name], reference[metric.name]))
    business: dict[str, Level | None] = {}
    for declared in spec.retrain_when.business:
        level, whole = window_level(declared, rows, champion.promoted_at, as_of, spec.label.maturity)
        business[declared.name] = level
        findings.append(judge_business(scene, declared, level if whole else None, batch.key))
    threshold = spec.retrain_when.drift
    if threshold is not None:
        findings.append(judge_drift(scene, threshold, shifts, champion.importances, batch.key))

    return {
        "partition_key": batch.key,
        "as_of": as_of.isoformat(),
        "version": champion.version,
        "promoted_at": champion.promoted_at.isoformat(),
        "rows": shifts.rows,
        "span": {"start": max(end - over, champion.promoted_at).isoformat(), "end": (end - TICK).isoformat()},
        "realised": {name: _plain(level) for name, level in realised.items()},
        "reference": {name: _plain(level) for name, level in reference.items()},
        "business": {name: _plain(level) for name, level in business.items()},
        "drift": {name: asdict(shift) for name, shift in shifts.features.items()},
        "score_drift": None if shifts.score is None else asdict(shifts.score),
        "joint_drift": None if shifts.apart is None else asdict(shifts.apart),
        "moved_importance": _moved(spec, shifts, champion.importances),
        "lost": _lost(champion.metrics[0], realised, reference),
        "findings": [_standing(spec, finding, as_of, champion, previous) for finding in findings],
    }


def _moved(spec: PipelineSpec, shifts: DriftReport, importances: Mapping[str, float]) -> float | None:
    threshold = spec.retrain_when.drift
    return None if threshold is None else shifts.moved_importance(threshold.psi, importances)


def _lost(
    metric: Metric, realised: Mapping[str, Level | None], reference: Mapping[str, Level | None]
) -> float | None:
    level, before = realised[metric.name], reference[metric.name]
    if level is None or before is None:
        return None
    return before.value - level.value if metric.greater_is_better else level.value - before.value


def _plain(level: Level | None) -> dict[str, Any] | None:
    return None if level is None else asdict(level)


def _standing(
    spec: PipelineSpec,
    finding: Finding,
    as_of: datetime,
    champion: Champion,
    previous: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Say of an alarm since when it stands and when the harm began, as first found for this champion."""
    alarm = _earlier(finding.reason, champion, previous)
    if alarm is not None and as_of - datetime.fromisoformat(alarm["seen"]) > _span(spec, finding.reason):
        alarm = None
    if finding.crossed:
        first = {"since": as_of.isoformat(), "onset": finding.onset().isoformat()} if alarm is None else alarm
        alarm = {"since": first["since"], "onset": first["onset"], "seen": as_of.isoformat()}
    stands = alarm if finding.crossed and alarm is not None else {"since": None, "onset": None}
    return {
        "reason": finding.reason,
        "crossed": finding.crossed,
        "since": stands["since"],
        "onset": stands["onset"],
        "alarm": alarm,
        "sentence": finding.sentence,
        "numbers": dict(finding.numbers),
    }


def _earlier(reason: str, champion: Champion, previous: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The alarm that the report before stood in, or remembered; None for another champion."""
    if previous is None or previous["promoted_at"] != champion.promoted_at.isoformat():
        return None
    return next((item.get("alarm") for item in previous["findings"] if item["reason"] == reason), None)


def _span(spec: PipelineSpec, reason: str) -> timedelta:
    """The span that a finding is judged over; drift, which is judged by the partition, is given a holdout."""
    when = spec.retrain_when
    spans = {f"business:{item.name}": item.over for item in when.business}
    if when.performance is not None:
        spans["performance"] = when.performance.over
    return spans.get(reason, spec.evaluation.holdout)
