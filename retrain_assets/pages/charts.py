"""Building blocks of charts: SVG elements that escape what they hold, scales, ticks and axes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from markupsafe import Markup, escape

from retrain_assets.pages.text import day, fixed

WIDE = 1000.0
NARROW = 358.0
EM = 7.0
"""Width of an average character at the charts' text size of 13."""
APART = 2 * EM
"""Room between two dates: one letter to tell them apart, and one because figures are wider than the average."""


def element(name: str, *children: str | Markup, **attributes: str | float | None) -> Markup:
    """Write one SVG element.

    Parameters
    ----------
    name
        The element's name.
    children
        Markup is taken as it is; plain text is escaped.
    attributes
        ``class_`` stands for ``class`` and ``_`` for ``-``; numbers are rounded to a tenth; None is left out.
    """
    parts = [
        f'{key.rstrip("_").replace("_", "-")}="{escape(_plain(value))}"'
        for key, value in attributes.items()
        if value is not None
    ]
    inside = Markup("").join(children)
    return Markup(f"<{' '.join([name, *parts])}>{inside}</{name}>")


def _plain(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.1f}".removesuffix(".0")


def chart(width: float, height: float, label: str, *children: Markup, class_: str = "") -> Markup:
    """Frame a drawing as a picture with a text alternative.

    Parameters
    ----------
    width, height
        The drawing's size; it is scaled to the room there is.
    label
        What the picture shows, for those who do not see it.
    children
        The drawing.
    class_
        Further classes of the picture.
    """
    return element(
        "svg",
        *children,
        viewBox=f"0 0 {width:g} {height:g}",
        class_=f"chart {class_}".strip(),
        role="img",
        aria_label=label,
    )


def both_widths(draw: Callable[[float], Markup], wide: float = WIDE) -> Markup:
    """Draw a chart twice: for a desk and for a phone, where a scaled one would be too small to read."""
    return Markup('<div class="wide">{}</div><div class="narrow">{}</div>').format(draw(wide), draw(NARROW))


def text(x: float, y: float, content: str, class_: str = "", anchor: str = "start") -> Markup:
    """Write a line of text with its baseline at ``y``."""
    return element("text", content, x=x, y=y, class_=class_ or None, text_anchor=anchor)


def anchor_within(x: float, half: float, width: float) -> str:
    """Choose the anchor that keeps a text of this half width within the drawing."""
    return "start" if x < half else "end" if x + half > width else "middle"


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """Draw a straight line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def rectangle(
    x: float, y: float, width: float, height: float, class_: str, hint: str | None = None
) -> Markup:
    """Draw a rectangle, with a hint for the pointer."""
    children = () if hint is None else (title(hint),)
    return element("rect", *children, x=x, y=y, width=max(width, 0.0), height=max(height, 0.0), class_=class_)


def circle(x: float, y: float, radius: float, class_: str, hint: str | None = None) -> Markup:
    """Draw a dot, with a hint for the pointer."""
    children = () if hint is None else (title(hint),)
    return element("circle", *children, cx=x, cy=y, r=radius, class_=class_)


def path(points: Sequence[tuple[float, float] | None], class_: str) -> Markup:
    """Draw a line through points; None interrupts it."""
    parts, pen_up = [], True
    for point in points:
        if point is not None:
            parts.append(f"{'M' if pen_up else 'L'}{point[0]:.1f} {point[1]:.1f}")
        pen_up = point is None
    return element("path", d=" ".join(parts), class_=class_) if parts else Markup("")


def title(hint: str) -> Markup:
    """Write the hint that a pointer sees over a mark."""
    return element("title", hint)


@dataclass(frozen=True)
class Scale:
    """A linear map from values ``low`` to ``high`` onto positions ``start`` to ``end``."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Position of a value."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self, most: int = 5) -> list[float]:
        """Round values within the scale, at most about so many."""
        step = _nice((self.high - self.low) / most)
        first = math.ceil(self.low / step - 1e-9)
        return [i * step for i in range(first, math.floor(self.high / step + 1e-9) + 1)]

    def tick_labels(self, most: int = 5, *, signed: bool = False) -> list[tuple[float, str]]:
        """Ticks with the shortest labels that tell them apart."""
        step = _nice((self.high - self.low) / most)
        decimals = max(-math.floor(math.log10(step) + 1e-9), 0)
        return [(tick, fixed(tick, decimals if tick else 0, signed=signed)) for tick in self.ticks(most)]


def _nice(step: float) -> float:
    """Round a step up to 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1, 2, 5, 10) if step <= factor * power * (1 + 1e-9))


def value_scale(values: Sequence[float], start: float, end: float, *, zero: bool = False) -> Scale:
    """Scale that holds all values with some air; ``zero`` makes it begin at 0."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    spread = (high - low) or abs(high) or 1.0
    below = 0.0 if zero and low == 0 else 0.08 * spread
    return Scale(low - below, high + 0.08 * spread, start, end)


def value_axis(scale: Scale, left: float, right: float, most: int = 5) -> Markup:
    """Horizontal grid lines with their values at the left."""
    parts = []
    for tick, label in scale.tick_labels(most):
        parts.append(line(left, scale(tick), right, scale(tick), "grid"))
        parts.append(text(left - 8, scale(tick) + 4, label, "tick", "end"))
    return Markup("").join(parts)


def time_scale(start: datetime, end: datetime, left: float, right: float) -> Scale:
    """Scale over moments, as POSIX seconds."""
    low, high = start.timestamp(), end.timestamp()
    return Scale(low, high if high > low else low + 86400, left, right)


def time_axis(scale: Scale, y: float) -> Markup:
    """Dates beneath a chart: days, weeks or months apart, as the room allows, the year where it changes."""
    parts, year, free_from = [], None, -math.inf
    for when in _time_ticks(scale, max(int((scale.end - scale.start) / 85), 1)):
        x = scale(when.timestamp())
        parts.append(line(x, y, x, y + 5, "axis"))
        label = day(when, year=when.year != year)
        half = len(label) * EM / 2
        anchor = "start" if x - half < scale.start else "end" if x + half > scale.end + 6 else "middle"
        left = x - {"start": 0.0, "middle": half, "end": 2 * half}[anchor]
        # A first label that begins at its tick, and tells the year, can reach up to the next one.
        if left < free_from:
            continue
        year, free_from = when.year, left + 2 * half + APART
        parts.append(text(x, y + 19, label, "tick", anchor))
    return line(scale.start, y, scale.end, y, "axis") + Markup("").join(parts)


def _time_ticks(scale: Scale, most: int) -> list[datetime]:
    start, end = datetime.fromtimestamp(scale.low, UTC), datetime.fromtimestamp(scale.high, UTC)
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    midnight += timedelta(days=int(midnight < start))
    for days in (1, 2, 7, 14, 28):
        if (end - start).days / days <= most:
            first = midnight + timedelta(days=-midnight.weekday() % 7 if days >= 7 else 0)
            return [first + timedelta(days=i * days) for i in range((end - first).days // days + 1)]
    months = (end.year - start.year) * 12 + end.month - start.month
    step = next((m for m in (1, 2, 3, 6, 12, 24, 60, 120) if months / m <= most), 240)
    month = start.year * 12 + start.month
    month += -month % step
    moments = [datetime(m // 12, m % 12 + 1, 1, tzinfo=UTC) for m in range(month, month + months + 1, step)]
    return [when for when in moments if when <= end]


def legend(items: Sequence[tuple[str, str]]) -> Markup:
    """List what the marks of a chart mean.

    Parameters
    ----------
    items
        Class of the mark, and its meaning.
    """
    entries = Markup("").join(Markup('<li><i class="key {}"></i>{}</li>').format(*item) for item in items)
    return Markup('<ul class="legend">{}</ul>').format(entries)
