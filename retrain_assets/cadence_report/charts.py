"""The charts of the page: quality against age, retrains against quality, and what each policy would have done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from retrain_assets.pages.charts import (
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
ROW = 30.0
VERDICTS = {"blessed": "good", "rejected": "bad", "inconclusive": "unclear"}


def age_chart(points: Sequence[Mapping[str, Any]], unit: str, width: float) -> Markup:
    """Draw the loss above a fresh model by age in days, with its intervals as bars."""
    bounds = [p[k] for p in points for k in ("loss", "lower", "upper") if p[k] is not None]
    y = value_scale([*bounds, 0.0], HEIGHT - BOTTOM, 14)
    x = value_scale([point["days"] for point in points], LEFT, width - 10, zero=True)
    bars = [
        rectangle(x(p["days"]) - 3, y(p["upper"]), 6, y(p["lower"]) - y(p["upper"]), "interval unclear")
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
    """Draw each replayed policy by its retrains and its mean loss; those that no other beats are joined."""
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
    ]
    curve = path([(x(row["attempts"]), y(row["loss"])) for row in best], "line first")
    label = f"Mean loss by number of retrains of {len(rows)} policies and windows."
    axis = _axis(x, width, "retrains")
    return chart(width, HEIGHT, label, value_axis(y, LEFT, width - 10), curve, *dots, axis)


def time_line_chart(
    rows: Sequence[Mapping[str, Any]], start: str, split: str, end: str, width: float
) -> Markup:
    """Draw when each policy would have retrained, and what the gate would have said."""
    narrow = width < 500
    left = 8.0 if narrow else 300.0
    step = ROW + 16 if narrow else ROW
    height = step * len(rows) + 52
    x = time_scale(instant(start), instant(end), left, width - 10)
    parts = []
    for number_, row in enumerate(rows):
        y = 22 + step * number_
        name = f"{row['policy']} (recommended)" if row["recommended"] else row["policy"]
        mark = y + 20 if narrow else y
        parts.append(text(left if narrow else left - 12, y + 4, name, "", "start" if narrow else "end"))
        parts.append(line(left, mark, width - 10, mark, "grid"))
        parts += [
            rectangle(
                x(instant(item["at"]).timestamp()) - 4,
                mark - 6,
                8,
                12,
                f"mark {VERDICTS[item['verdict']]}",
                f"{day(item['at'])}: {item['verdict']}",
            )
            for item in row["attempts"]
        ]
    border = x(instant(split).timestamp())
    parts.append(line(border, 8, border, height - 34, "worth"))
    label = "; ".join(f"{row['policy']}: {len(row['attempts'])} retrains" for row in rows)
    return chart(width, height, label, *parts, time_axis(x, height - 30))


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
