"""Charts of an evaluation: the interval of the improvement, calibration, slices, importances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from retrain_assets.pages.charts import (
    EM,
    Scale,
    anchor_within,
    chart,
    circle,
    element,
    line,
    path,
    rectangle,
    text,
    value_scale,
)
from retrain_assets.pages.text import brief, number

MINI = 230.0
"""Width of a chart in a table's cell."""


def outcome_class(lower: float | None, upper: float | None) -> str:
    """Name the class of an interval: ``good`` above 0, ``bad`` below it, ``unclear`` where it holds 0."""
    if lower is not None and lower > 0:
        return "good"
    return "bad" if upper is not None and upper < 0 else "unclear"


def interval_chart(gain: Mapping[str, Any], min_gain: float | None, label: str, width: float) -> Markup:
    """Draw the improvement and its interval on a line with 0 and the gain worth having.

    Parameters
    ----------
    gain
        A comparison: ``improvement``, ``lower``, ``upper``.
    min_gain
        The gain worth having, in the metric's unit; None draws none.
    label
        The picture in words.
    width
        Width of the drawing.
    """
    lower, upper, best = gain["lower"], gain["upper"], gain["improvement"]
    known = [v for v in (0.0, lower, upper, best, min_gain or None) if v is not None]
    scale = value_scale(known, 56, width - 56)
    css = outcome_class(lower, upper)
    bar, axis = 52.0, 92.0
    parts = [line(20, axis, width - 20, axis, "axis")]
    ticks = scale.tick_labels(int(width / 90), signed=True)
    parts += [_tick(scale(tick), axis, words) for tick, words in ticks]
    parts.append(_upright(scale(0), bar, axis, "zero"))
    parts.append(_zero_and_worth(scale, min_gain, bar, axis, width))
    if lower is not None and upper is not None:
        left, right = scale(lower), scale(upper)
        parts.append(rectangle(left, bar - 5, max(right - left, 2), 10, f"interval {css}"))
        apart = right - left > EM * 18
        for x, bound, side in ((left, lower, "end"), (right, upper, "start")):
            words, anchor = number(bound, signed=True), "middle" if apart else side
            parts.append(text(x, bar + 24, words, "value", anchor))
    parts.append(circle(scale(best), bar, 8, f"point {css}"))
    parts.append(text(18, axis + 38, "\N{LEFTWARDS ARROW} worse", "tick"))
    parts.append(text(width - 18, axis + 38, "better \N{RIGHTWARDS ARROW}", "tick", "end"))
    return chart(width, axis + 44, label, *parts)


def _upright(x: float, bar: float, axis: float, css: str) -> Markup:
    """Draw a line across the bar and down to the axis, without striking through what is written beneath the bar."""
    return line(x, 22, x, bar + 10, css) + line(x, bar + 28, x, axis, css)


def _zero_and_worth(scale: Scale, min_gain: float | None, bar: float, axis: float, width: float) -> Markup:
    """Name 0 to its left and the gain worth having to its right, where both have room."""
    zero, words = scale(0.0), "no difference"
    half = len(words) * EM / 2
    if not min_gain:
        return text(zero, 14, words, "tick", anchor_within(zero, half, width))
    x = scale(min_gain)
    worth = f"a gain worth having: {brief(min_gain)}"
    room = x + len(worth) * EM < width
    parts = [
        _upright(x, bar, axis, "worth"),
        text(x - 3 if room else x + 3, 14, worth, "tick", "start" if room else "end"),
    ]
    if room and zero + 3 > 2 * half:
        parts.append(text(min(zero + 3, x - 10), 14, words, "tick", "end"))
    return Markup("").join(parts)


def _tick(x: float, y: float, label: str) -> Markup:
    return line(x, y, x, y + 5, "axis") + text(x, y + 19, label, "tick", "middle")


def calibration_chart(models: Sequence[Mapping[str, Any]], width: float) -> Markup:
    """Draw the mean observed by the mean predicted, a line a model; on the diagonal a model says what happens.

    Parameters
    ----------
    models
        ``model`` (``candidate`` or ``champion``) and its ``bins``.
    width
        Width of the drawing, which is nearly square.
    """
    values = [b[key] for m in models for b in m["bins"] for key in ("mean_score", "mean_label")]
    across = value_scale(values, 62, width - 14)
    if min(values, default=0.0) >= 0:
        across = Scale(max(across.low, 0.0), across.high, across.start, across.end)
    size = across.end - across.start
    up = Scale(across.low, across.high, size + 10, 10)
    parts = []
    for tick, label in across.tick_labels(5):
        parts.append(line(across.start, up(tick), across.end, up(tick), "grid"))
        parts.append(line(across(tick), up.end, across(tick), up.start, "grid"))
        parts.append(text(across.start - 8, up(tick) + 4, label, "tick", "end"))
        parts.append(text(across(tick), up.start + 19, label, "tick", "middle"))
    parts.append(line(across.start, up.start, across.end, up.end, "diagonal"))
    for model in reversed(models):
        css = "first" if model["model"] == "candidate" else "second"
        points = [(across(b["mean_score"]), up(b["mean_label"])) for b in model["bins"]]
        parts.append(path(points, f"line {css}"))
        for (x, y), b in zip(points, model["bins"], strict=True):
            words = f"{number(b['mean_score'])} said, {number(b['mean_label'])} observed, {b['rows']:,} rows"
            parts.append(circle(x, y, 4, f"dot {css}", f"{model['model']}: {words}"))
    parts.append(text(across.end, up.start + 40, "predicted, mean \N{RIGHTWARDS ARROW}", "tick", "end"))
    parts.append(text(across.start + 8, up.end + 14, "\N{UPWARDS ARROW} observed, mean", "tick"))
    label = "Calibration: mean observed against mean predicted, by tenths of the rows; the figures follow."
    return chart(width, size + 60, label, *parts)


def slice_scale(slices: Sequence[Mapping[str, Any]]) -> Scale:
    """Scale that all the slices' intervals share, with 0 on it."""
    bounds = [s[key] for s in slices for key in ("improvement", "lower", "upper") if s[key] is not None]
    return value_scale([0.0, *bounds], 6, MINI - 6)


def slice_axis(scale: Scale) -> Markup:
    """Draw the scale of the slices' intervals, for the head of their column."""
    parts = [
        text(scale(tick), 14, label, "tick", anchor_within(scale(tick), len(label) * EM / 2, MINI))
        for tick, label in scale.tick_labels(4, signed=True)
    ]
    return chart(MINI, 18, "Scale of the improvement", *parts, class_="mini")


def slice_chart(part: Mapping[str, Any], scale: Scale) -> Markup:
    """Draw one slice's improvement and interval."""
    if part["improvement"] is None:
        return Markup("")
    css = outcome_class(part["lower"], part["upper"])
    marks = [line(scale(0), 0, scale(0), 22, "zero")]
    if part["lower"] is not None and part["upper"] is not None:
        left, right = scale(part["lower"]), scale(part["upper"])
        marks.append(rectangle(left, 8.5, max(right - left, 1), 5, f"interval {css}"))
    marks.append(circle(scale(part["improvement"]), 11, 4.5, f"point {css}"))
    words = f"{number(part['improvement'], signed=True)}, {number(part['lower'])} to {number(part['upper'])}"
    return chart(MINI, 22, words, *marks, class_="mini")


def importance_chart(entry: Mapping[str, Any], scale: Scale) -> Markup:
    """Draw one feature's importance, the champion's as an outline beneath the candidate's bar."""
    parts = []
    for key, y, css in (("candidate", 2.0, "first"), ("champion", 12.0, "second")):
        value = entry[key]
        if value is not None:
            left, right = sorted((scale(0.0), scale(value)))
            parts.append(rectangle(left, y, right - left, 8, f"bar {css}", f"{key}: {number(value)}"))
    parts.append(element("line", x1=scale(0.0), y1=0, x2=scale(0.0), y2=22, class_="axis"))
    label = f"candidate {number(entry['candidate'])}, champion {number(entry['champion'])}"
    return chart(MINI, 22, label, *parts, class_="mini")


def importance_scale(entries: Sequence[Mapping[str, Any]]) -> Scale:
    """Scale that all importances share; it begins at 0 unless a feature does harm."""
    values = [e[key] for e in entries for key in ("candidate", "champion") if e[key] is not None]
    return value_scale(values, 4, MINI - 4, zero=True)
