"""The charts of the page: quality against age, retrains against quality, and what each policy would have done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any

from markupsafe import Markup

from retrain_assets.cadence_report.policies import CONSTANT
from retrain_assets.pages.charts import (
    EM,
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
from retrain_assets.pages.text import day, instant, number

LEFT = 64.0
BOTTOM = 44.0
HEIGHT = 260.0
NAMES = 380.0
LINE = 16.0
VERDICTS = {"blessed": "good", "rejected": "bad", "inconclusive": "unclear"}


def age_chart(points: Sequence[Mapping[str, Any]], unit: str, width: float) -> Markup:
    """Draw the loss above a fresh model by age in days, with its intervals as bars."""
    bounds = [p[k] for p in points for k in ("loss", "lower", "upper") if p[k] is not None]
    y = value_scale([*bounds, 0.0], HEIGHT - BOTTOM, 14)
    x = value_scale([point["days"] for point in points], LEFT, width - 10, zero=True)
    apart = x(points[1]["days"]) - x(points[0]["days"]) if len(points) > 1 else width
    thick = min(0.6 * apart, 12.0)
    bars = [
        rectangle(
            x(p["days"]) - thick / 2, y(p["upper"]), thick, y(p["lower"]) - y(p["upper"]), "interval unclear"
        )
        for p in points
        if p["lower"] is not None
    ]
    dots = [
        circle(
            x(p["days"]),
            y(p["loss"]),
            3.5,
            "dot first",
            f"{p['days']:.0f} days: {number(p['loss'], signed=True)}",
        )
        for p in points
    ]
    curve = path([(x(point["days"]), y(point["loss"])) for point in points], "line first")
    label = f"Loss above that of a fresh model, in {unit}, by age in days; at the end {number(points[-1]['loss'])}."
    ticks = _days_axis(x, width)
    zero = line(LEFT, y(0), width - 10, y(0), "zero")
    return chart(width, HEIGHT, label, value_axis(y, LEFT, width - 10), *bars, zero, curve, *dots, ticks)


def frontier_chart(rows: Sequence[Mapping[str, Any]], width: float) -> Markup:
    """Draw each replayed policy by its retrains and its mean loss; those that no other beats are joined.

    The naive constant's loss is a dashed line across all numbers of retrains.
    """
    naive = next(row for row in rows if row["family"] == CONSTANT)
    y = value_scale([row["loss"] for row in rows], HEIGHT - BOTTOM, 14)
    x = value_scale([float(row["attempts"]) for row in rows], LEFT, width - 10, zero=True)
    best = sorted((row for row in rows if row["on_frontier"]), key=lambda row: (row["attempts"], row["loss"]))
    dots = [
        circle(
            x(row["attempts"]),
            y(row["loss"]),
            4.5 if row["on_frontier"] else 3,
            "dot first" if row["on_frontier"] else "dot second",
            f"{row['policy']}, {row['window']}: {row['attempts']} retrains, loss {number(row['loss'])}",
        )
        for row in sorted(rows, key=lambda row: bool(row["on_frontier"]))
        if row is not naive
    ]
    curve = path([(x(row["attempts"]), y(row["loss"])) for row in best], "line first")
    level = y(naive["loss"])
    constant = line(LEFT, level, width - 10, level, "worth")
    name = text(width - 10, level - 6, "naive constant", "tick haloed", "end")
    label = (
        f"Mean loss by number of retrains of {len(dots)} policies and windows; that of the naive constant is "
        f"{number(naive['loss'])}."
    )
    axis = _axis(x, width, "retrains")
    return chart(width, HEIGHT, label, value_axis(y, LEFT, width - 10), constant, curve, *dots, name, axis)


def time_line_chart(
    rows: Sequence[Mapping[str, Any]], start: str, split: str, end: str, width: float
) -> Markup:
    """Draw when each policy would have retrained, and what the gate would have said.

    Labels stand left of the marks where there is room, else above them; the border of what tuning sees crosses none.
    """
    narrow = width < 500
    left = 8.0 if narrow else NAMES
    most = int(((width if narrow else NAMES) - 20) / EM)
    labels = [wrap(row["policy"], most) for row in rows]
    deep = LINE * (max(len(lines) for lines in labels) + 1)
    step = deep + (30 if narrow else 10)
    height = step * len(rows) + 46
    x = time_scale(instant(start), instant(end), left, width - 10)
    border = x(instant(split).timestamp())
    parts = [] if narrow else [line(border, 8, border, height - 34, "worth")]
    for place, (row, lines) in enumerate(zip(rows, labels, strict=True)):
        top, own = 8 + step * place, LINE * (len(lines) + 1)
        mark = top + deep + 12 if narrow else top + deep / 2
        at = (left, mark - 12 - own) if narrow else (left - 12, mark - own / 2)
        parts.append(_label(lines, row, *at, "start" if narrow else "end"))
        parts.append(line(left, mark, width - 10, mark, "grid"))
        if narrow:
            parts.append(line(border, mark - 9, border, mark + 9, "worth"))
        parts += [_attempt(item, x(instant(item["at"]).timestamp()), mark) for item in row["attempts"]]
    told = "; ".join(f"{row['policy']}, {row['window']}: {len(row['attempts'])} retrains" for row in rows)
    return chart(width, height, told, *parts, time_axis(x, height - 30))


def _label(lines: Sequence[str], row: Mapping[str, Any], x: float, top: float, anchor: str) -> Markup:
    """Write a policy, and its window below."""
    policy = [text(x, top + LINE * number - 4, said, "", anchor) for number, said in enumerate(lines, 1)]
    window = f"window: {row['window']}{'; recommended' if row['recommended'] else ''}"
    below = text(x, top + LINE * (len(lines) + 1) - 4, window, "tick", anchor)
    return Markup("").join([*policy, below])


def _attempt(attempt: Mapping[str, Any], x: float, y: float) -> Markup:
    hint = f"{day(attempt['at'])}: {attempt['verdict']}"
    return rectangle(x - 4, y - 6, 8, 12, f"mark {VERDICTS[attempt['verdict']]}", hint)


def _axis(x: Any, width: float, name: str) -> Markup:
    bottom = HEIGHT - BOTTOM
    ticks = [
        text(x(tick), bottom + 18, label, "tick", "middle")
        for tick, label in x.tick_labels(8 if width > 500 else 4)
    ]
    return Markup("").join(
        [
            line(LEFT, bottom, width - 10, bottom, "axis"),
            *ticks,
            text(width - 10, HEIGHT - 6, name, "tick", "end"),
        ]
    )


def _days_axis(x: Any, width: float) -> Markup:
    return _axis(x, width, "age in days")
