"""The windows of an evaluation on a time line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from markupsafe import Markup

from retrain_assets.pages.charts import APART, EM, chart, line, path, rectangle, text
from retrain_assets.pages.text import day, length

SHORTENED = 0.3
"""Share of the drawing that the first piece keeps where the others' names have no room beside it."""


@dataclass(frozen=True)
class Piece:
    """A stretch of the time line; ``start`` is None where it reaches back to the first row."""

    name: str
    meaning: str
    css: str
    start: datetime | None
    end: datetime
    rows: int | None = None

    @property
    def length(self) -> str:
        """How long it is, in words."""
        return "all before" if self.start is None else length(self.start, self.end)


def windows_chart(pieces: Sequence[Piece], width: float) -> Markup:
    """Draw the windows of an evaluation on a time line, a long training window shortened.

    Parameters
    ----------
    pieces
        In the order of time, each beginning where the one before ends.
    width
        Width of the drawing.
    """
    edges, broken = _edges(pieces, 6, width - 6)
    parts = []
    for piece, left, right in zip(pieces, edges, edges[1:], strict=False):
        hint = f"{piece.name}: {day(piece.start) if piece.start else 'the first row'} to {day(piece.end)}"
        parts.append(rectangle(left, 10, right - left, 36, f"piece {piece.css}", hint))
        if _holds(right - left, piece):
            parts.append(text((left + right) / 2, 33, piece.name, f"inside {piece.css}", "middle"))
    if broken:
        middle = edges[0] + (edges[1] - edges[0]) * 0.12
        zigzag = [(middle + (6 if i % 2 else -6), 4 + i * 12.0) for i in range(5)]
        parts.append(path(zigzag, "break"))
    moments = [pieces[0].start, *(piece.end for piece in pieces)]
    labels, rows = _boundary_labels(list(zip(edges, moments, strict=True)))
    words = "; ".join(f"{p.name}: until {day(p.end)}, {p.length}" for p in pieces)
    return chart(width, 62 + rows * 18, f"Time line. {words}.", *parts, labels)


def _edges(pieces: Sequence[Piece], left: float, right: float) -> tuple[list[float], bool]:
    """Positions of the pieces' bounds, and whether the first piece is shortened so that the others have room."""
    seconds = [(p.end - p.start).total_seconds() if p.start else 0.0 for p in pieces]
    rest, room = sum(seconds[1:]) or 1.0, right - left
    broken = pieces[0].start is None or seconds[0] > 4 * rest
    share = 0.5 if broken else seconds[0] / (rest + seconds[0])
    if share > SHORTENED and _fit(pieces, seconds, room, SHORTENED) > _fit(pieces, seconds, room, share):
        broken, share = True, SHORTENED
    widths = [max((1 - share) * room * part / rest, 6.0) for part in seconds[1:]]
    shrink = (1 - share) * room / (sum(widths) or 1.0)
    edges = [left, left + share * room]
    for part in widths:
        edges.append(edges[-1] + part * shrink)
    return edges, broken


def _fit(pieces: Sequence[Piece], seconds: Sequence[float], room: float, share: float) -> int:
    """Count the pieces after the first that have room for their names, where the first takes a share of it."""
    rest = sum(seconds[1:]) or 1.0
    widths = ((1 - share) * room * part / rest for part in seconds[1:])
    return sum(_holds(width, piece) for width, piece in zip(widths, pieces[1:], strict=True))


def _holds(width: float, piece: Piece) -> bool:
    return width > len(piece.name) * EM + 10


@dataclass(frozen=True)
class _Date:
    """A date beneath the bar: its words, its tick, its side of that, and its row."""

    words: str
    x: float
    anchor: str
    row: int = 0

    @property
    def left(self) -> float:
        return self.x - {"start": 0.0, "middle": 0.5, "end": 1.0}[self.anchor] * len(self.words) * EM

    @property
    def right(self) -> float:
        return self.left + len(self.words) * EM


def _boundary_labels(bounds: Sequence[tuple[float, datetime | None]]) -> tuple[Markup, int]:
    """Write the dates beneath the bar, in as many rows as keep them apart; returns also how many."""
    dates: list[_Date] = []
    year = None
    for place, (x, when) in enumerate(bounds):
        words = "first row" if when is None else day(when, year=when.year != year)
        year = when.year if when else year
        dates.append(_Date(words, x, _anchor(place, bounds, len(words) * EM)))
    placed: list[_Date] = []
    # The first one, which reaches to the right of its tick, gives way to those that stand beneath theirs.
    for date in (*dates[1:], dates[0]):
        row = next(row for row in range(len(dates)) if _is_free(placed, row, date))
        placed.append(replace(date, row=row))
    parts = []
    for date in sorted(placed, key=lambda date: date.x):
        parts.append(line(date.x, 46, date.x, 52 + date.row * 18, "axis"))
        parts.append(text(date.x, 64 + date.row * 18, date.words, "tick", date.anchor))
    return Markup("").join(parts), 1 + max(date.row for date in placed)


def _anchor(place: int, bounds: Sequence[tuple[float, datetime | None]], wide: float) -> str:
    """Choose on which side of its tick a date stands: beneath it where there is room, and within the drawing."""
    x, first = bounds[place][0], bounds[0][0]
    if place == 0:
        return "start"
    if place + 1 == len(bounds):
        return "end"
    near = min(x - bounds[place - 1][0], bounds[place + 1][0] - x)
    return "middle" if near > wide + APART else "end" if x - wide > first else "start"


def _is_free(placed: Sequence[_Date], row: int, date: _Date) -> bool:
    """Whether a date fits into a row: apart from the others in it, and not cut by the tick of a lower one."""
    beside = (other for other in placed if other.row == row)
    below = (other for other in placed if other.row > row)
    apart = all(date.left >= other.right + APART or date.right + APART <= other.left for other in beside)
    return apart and not any(date.left < other.x < date.right for other in below)
