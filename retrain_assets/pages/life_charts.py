"""Charts of a model's life, on one time axis: quality, business metrics, quarantine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from markupsafe import Markup

from retrain_assets.pages.charts import (
    EM,
    Scale,
    chart,
    circle,
    line,
    path,
    rectangle,
    text,
    time_axis,
    time_scale,
    value_axis,
    value_scale,
)
from retrain_assets.pages.decision_marks import Mark, mark_lanes
from retrain_assets.pages.text import brief, count, day, instant, number

TINTS = 6
"""Number of tints that successive champions take in turn."""


@dataclass(frozen=True)
class Point:
    """A value of a period; None where there is none."""

    start: datetime
    end: datetime
    value: float | None

    @property
    def middle(self) -> float:
        """The period's middle, as POSIX seconds."""
        return (self.start.timestamp() + self.end.timestamp()) / 2


@dataclass(frozen=True)
class Band:
    """A time during which one version served."""

    version: int
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Span:
    """The time that all charts of a life show."""

    start: datetime
    end: datetime

    def scale(self, width: float) -> Scale:
        """Positions of moments in a chart of this width."""
        return time_scale(self.start, self.end, 60, width - 10)


def span_of(partitions: Sequence[Mapping[str, Any]], weeks: Sequence[Mapping[str, Any]]) -> Span | None:
    """Find the time from the first to the last period; None where there are no periods."""
    starts = [instant(part["start"]) for part in (*partitions, *weeks)]
    ends = [instant(part["end"]) for part in partitions]
    ends += [] if ends else [instant(week["start"]) + timedelta(days=7) for week in weeks]
    return Span(min(starts), max(ends)) if starts else None


def bands_of(partitions: Sequence[Mapping[str, Any]]) -> list[Band]:
    """Tell when which version served, by the versions that scored each partition."""
    bands: list[Band] = []
    for part in partitions:
        if not part["versions"]:
            continue
        start, end, version = instant(part["start"]), instant(part["end"]), part["versions"][-1]
        if bands and bands[-1].version == version and bands[-1].end >= start:
            bands[-1] = Band(version, bands[-1].start, end)
        else:
            bands.append(Band(version, start, end))
    return bands


def series_chart(
    span: Span,
    lines: Sequence[tuple[str, str, Sequence[Point]]],
    thresholds: Sequence[float],
    bands: Sequence[Band],
    marks: Sequence[Mark],
    label: str,
    width: float,
) -> Markup:
    """Draw values over time, with the champions as bands, thresholds, and marks beneath.

    Parameters
    ----------
    span
        The time shown.
    lines
        Class, name and points of each line; the last is drawn on top.
    thresholds
        Values drawn as dashed lines.
    bands
        Who served when.
    marks
        Drawn in lanes between the plot and the time axis; no marks, no lane.
    label
        The picture in words.
    width
        Width of the drawing.
    """
    across = span.scale(width)
    top, bottom = (26.0 if bands else 8.0), (236.0 if width > 500 else 200.0)
    values = [p.value for _, _, points in lines for p in points if p.value is not None]
    up = value_scale([*values, *thresholds], bottom, top)
    parts = [_band(band, across, top, bottom) for band in bands]
    parts.append(value_axis(up, across.start, across.end))
    for threshold in thresholds:
        parts.append(line(across.start, up(threshold), across.end, up(threshold), "threshold"))
        words = f"threshold {brief(threshold)}"
        parts.append(text(across.end - 4, up(threshold) - 5, words, "tick haloed", "end"))
    for css, name, points in lines:
        places = [None if p.value is None else (across(p.middle), up(p.value)) for p in points]
        parts.append(path(places, f"line {css}"))
        for place, point in zip(places, points, strict=True):
            if place is not None:
                words = f"{name}, {day(point.start)}: {number(point.value, 4)}"
                parts.append(circle(*place, 3, f"dot {css}", words))
    lanes, lane = mark_lanes(marks, across, bottom)
    parts.append(lanes)
    parts.append(time_axis(across, bottom + lane))
    return chart(width, bottom + lane + 26, label, *parts)


def _band(band: Band, across: Scale, top: float, bottom: float) -> Markup:
    left, right = across(band.start.timestamp()), across(band.end.timestamp())
    tint, name = f"tint{band.version % TINTS}", f"version {band.version}"
    hint = f"{name} served from {day(band.start)} to {day(band.end)}"
    parts = [
        rectangle(left, top, right - left, bottom - top, f"band {tint}"),
        rectangle(left, top - 22, right - left - 1, 18, f"strip {tint}", hint),
    ]
    short = f"v{band.version}"
    label = name if right - left > len(name) * EM + 8 else short if right - left > len(short) * EM + 4 else ""
    if label:
        parts.append(text((left + right) / 2, top - 9, label, "strip-label", "middle"))
    return Markup("").join(parts)


def quarantine_chart(span: Span, partitions: Sequence[Mapping[str, Any]], width: float) -> Markup:
    """Draw the quarantined rows of every partition, and mark the partitions that were withheld.

    Parameters
    ----------
    span
        The time shown.
    partitions
        ``start``, ``end``, ``rows``, ``quarantined`` and ``accepted`` of each.
    width
        Width of the drawing.
    """
    across, bottom = span.scale(width), 120.0
    up = value_scale([0.0, *(float(p["quarantined"] or 0) for p in partitions)], bottom, 12, zero=True)
    if up.high < 4:
        up = Scale(0.0, 4.0, bottom, 12)
    parts = [value_axis(up, across.start, across.end)]
    for part in partitions:
        left, right = (across(instant(part[end]).timestamp()) for end in ("start", "end"))
        hint = f"{day(part['start'])}: {count(part['quarantined'])} of {count(part['rows'])} rows quarantined"
        if not part["accepted"]:
            hint = f"{day(part['start'])}: partition withheld"
            parts.append(rectangle(left, 12, max(right - left - 1, 2), bottom - 12, "withheld", hint))
        if part["quarantined"]:
            height = max(bottom - up(part["quarantined"]), 1.5)
            parts.append(rectangle(left, bottom - height, max(right - left - 1, 2), height, "bar warn", hint))
    parts.append(time_axis(across, bottom))
    total = sum(part["quarantined"] or 0 for part in partitions)
    withheld = sum(not part["accepted"] for part in partitions)
    label = f"Quarantined rows by partition: {total:,} in all; {withheld:,} partitions withheld."
    return chart(width, bottom + 26, label, *parts)
