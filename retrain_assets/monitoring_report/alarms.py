"""From figures to findings: which threshold is crossed, in words, and since when things went wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from retrain_assets.monitoring_report.business import business_values, check_bounds, measure_business
from retrain_assets.monitoring_report.business_windows import count_violations
from retrain_assets.monitoring_report.fall import ERROR_RATE, Fall, measure_fall
from retrain_assets.monitoring_report.onset import estimate_onset
from retrain_assets.monitoring_report.performance import (
    Crossing,
    Level,
    check_level,
    measure_value,
    watched_metric,
)
from retrain_assets.monitoring_report.rows import TICK, LabelledRows
from retrain_assets.spec import BusinessTrigger, PerformanceTrigger, PipelineSpec
from retrain_assets.spec.base import format_duration
from retrain_assets.windows import Partitions

if TYPE_CHECKING:
    from retrain_assets.comparison.metric import Metric

CERTAINTY = "with 95 % confidence"
TOO_EARLY = "cannot be judged yet: there are too few days of mature labels since the promotion."


@dataclass(frozen=True)
class Finding:
    """What was found of one trigger.

    Parameters
    ----------
    reason
        ``performance``, ``business:<name>`` or ``drift``.
    crossed
        Whether the threshold is crossed.
    sentence
        The finding in words.
    numbers
        Its figures.
    onset
        Estimates when the harm began. It costs a look at all rows since the promotion: ask only when needed.
    """

    reason: str
    crossed: bool
    sentence: str
    numbers: Mapping[str, float]
    onset: Callable[[], datetime]


@dataclass(frozen=True)
class Quiet:
    """What findings are judged against.

    Parameters
    ----------
    spec
        The declaration.
    partitions
        The periods of the source.
    promoted_at
        ``as_of`` of the champion's promotion.
    as_of
        The moment of knowledge.
    rows
        Rows since the promotion.
    reference
        The first holdout-length of mature rows after the promotion; None while it is not complete.
    """

    spec: PipelineSpec
    partitions: Partitions
    promoted_at: datetime
    as_of: datetime
    rows: LabelledRows
    reference: LabelledRows | None

    def mature(self) -> LabelledRows:
        """All mature rows since the promotion."""
        return self.rows.between(self.promoted_at, self.as_of - self.spec.label.maturity + TICK, self.as_of)


def judge_performance(
    scene: Quiet, trigger: PerformanceTrigger, current: Level | None, reference: Level | None
) -> Finding:
    """Judge the realised performance: its level over the declared span, and its fall since the promotion.

    The level is judged by its 95 % interval at each look. The fall is judged by a detector whose error rate holds
    over daily looks together.

    Parameters
    ----------
    scene
        What to judge against.
    trigger
        The declared trigger.
    current
        The level over the declared span.
    reference
        The level on the first rows after the promotion; None while they are not complete.
    """
    metric = watched_metric(scene.spec, trigger)
    span = f"{metric.title} over {format_duration(trigger.over)}"
    numbers = _numbers(current) | _numbers(reference, "reference_")
    level = None if trigger.at_least is None else check_level(metric, current, trigger.at_least)
    fall = None
    if trigger.drop is not None and reference is not None:
        settled = scene.promoted_at + scene.spec.evaluation.holdout
        fall = measure_fall(metric, scene.mature(), settled, trigger.drop, trigger.over)
    parts: list[tuple[bool, str, float | None, float]] = []
    if level is not None:
        side, worst = ("below", "at most") if metric.greater_is_better else ("above", "at least")
        parts.append((level.crossed, _level_words(span, level, worst, side), level.bound, level.threshold))
    if fall is not None:
        parts.append((fall.crossed, _fall_words(metric, fall, scene.partitions), fall.bound, fall.allowed))
        numbers["fall"] = fall.value
    if not parts:
        text = f"{_first_large(span)} {TOO_EARLY}"
        return Finding("performance", False, text, numbers, lambda: scene.as_of)
    told = [part for part in parts if part[0]] or parts
    numbers |= {"threshold": told[0][3]} | ({} if told[0][2] is None else {"bound": told[0][2]})

    def onset() -> datetime:
        if fall is not None and fall.crossed:
            return scene.partitions.bounds(scene.partitions.key_of(fall.since))[0]
        after = current.value if current is not None else 0.0
        candidates = [
            item for item in (trigger.at_least, reference.value if reference else None) if item is not None
        ]
        before = max(candidates) if metric.greater_is_better else min(candidates)
        return _onset(scene, before, after, lambda rows: measure_value(metric, rows))

    crossed = any(part[0] for part in parts)
    return Finding("performance", crossed, " ".join(part[1] for part in told), numbers, onset)


def judge_business(scene: Quiet, trigger: BusinessTrigger, level: Level | None, key: str) -> Finding:
    """Judge a business metric as of a partition; None as its level means that it cannot be judged yet."""
    reason = f"business:{trigger.name}"
    span = f"the business metric {trigger.name} over {format_duration(trigger.over)}"
    found = check_bounds(trigger, level)
    if found is None or level is None:
        return Finding(reason, False, f"{_first_large(span)} {TOO_EARLY}", {}, lambda: scene.as_of)
    is_low = found.threshold == trigger.below
    text = _level_words(span, found, *(("at most", "below") if is_low else ("at least", "above")))
    crossed = found.crossed
    if crossed and trigger.windows > 1:
        seen = count_violations(
            trigger, scene.rows, scene.promoted_at, scene.partitions, key, scene.spec.label.maturity
        )
        crossed = seen >= trigger.violations
        asked = f"an alarm asks for {trigger.violations}."
        text = f"{text} So are {seen} of the last {trigger.windows} partitions' windows; {asked}"

    def onset() -> datetime:
        quiet = (
            measure_business(trigger, scene.reference) if scene.reference and scene.reference.y.size else None
        )
        candidates = [found.threshold, *([] if quiet is None else [quiet.value])]
        before = max(candidates) if is_low else min(candidates)
        key = scene.partitions.key_expr(scene.spec.source.timestamp)
        mature = scene.mature().frame
        values = business_values(trigger, mature, key)
        return _locate(scene, mature.select(key.alias("key"))["key"].to_list(), values, before, found.value)

    numbers = _numbers(level) | {"bound": found.bound, "threshold": found.threshold}
    return Finding(reason, crossed, text, numbers, onset)


def _level_words(span: str, found: Crossing, worst: str, side: str) -> str:
    if found.crossed:
        return (
            f"{_first_large(span)} is {found.value:.4g} and {CERTAINTY} {worst} {found.bound:.4g}: "
            f"{side} the threshold of {found.threshold:g}."
        )
    return (
        f"{_first_large(span)} is {found.value:.4g}, not certainly {side} the threshold of "
        f"{found.threshold:g} ({worst} {found.bound:.4g} {CERTAINTY})."
    )


def _fall_words(metric: Metric, fall: Fall, partitions: Partitions) -> str:
    side = "worse" if fall.value >= 0 else "better"
    change = (
        f"{_first_large(metric.title)} since {partitions.day_of(fall.since)} is {abs(fall.value):.4g} {metric.unit} "
        f"{side} than on the days before, back to the promotion"
    )
    if fall.crossed and fall.bound is not None:
        return (
            f"{change}, and certainly by more than {fall.bound:.4g} ({ERROR_RATE}): "
            f"more than the allowed drop of {fall.allowed:g}."
        )
    return f"{change}; that is not certainly more than the allowed drop of {fall.allowed:g}."


def _first_large(text: str) -> str:
    return text[0].upper() + text[1:]


def _numbers(level: Level | None, prefix: str = "") -> dict[str, float]:
    if level is None:
        return {}
    figures = {"value": level.value, "lower": level.lower, "upper": level.upper, "rows": float(level.rows)}
    return {f"{prefix}{name}": value for name, value in figures.items() if value is not None}


def _onset(
    scene: Quiet, before: float, after: float, measure: Callable[[LabelledRows], float | None]
) -> datetime:
    mature = scene.mature()
    keys = mature.frame.select(scene.partitions.key_expr(scene.spec.source.timestamp).alias("key"))[
        "key"
    ].to_list()
    values: dict[str, float | None] = {}
    for key in dict.fromkeys(keys):
        start, end = scene.partitions.bounds(key)
        values[key] = measure(mature.between(start, end, scene.as_of))
    return _locate(scene, keys, values, before, after)


def _locate(
    scene: Quiet, keys: list[str], values: Mapping[str, float | None], before: float, after: float
) -> datetime:
    counts = dict.fromkeys(values, 0)
    for key in keys:
        counts[key] += 1
    starts = [scene.partitions.bounds(key)[0] for key in values]
    return estimate_onset(starts, list(values.values()), [float(n) for n in counts.values()], before, after)
