"""The windows of an evaluation on a time line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from retrain_assets.pages.charts import EM, anchor_within, chart, line, path, rectangle, text
from retrain_assets.pages.text import day, length


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
        if right - left > len(piece.name) * EM + 10:
            parts.append(text((left + right) / 2, 33, piece.name, f"inside {piece.css}", "middle"))
    if broken:
        middle = edges[0] + (edges[1] - edges[0]) * 0.12
        zigzag = [(middle + (6 if i % 2 else -6), 4 + i * 12.0) for i in range(5)]
        parts.append(path(zigzag, "break"))
    moments = [pieces[0].start, *(piece.end for piece in pieces)]
    labels, rows = _boundary_labels(list(zip(edges, moments, strict=True)), width)
    words = "; ".join(f"{p.name}: until {day(p.end)}, {p.length}" for p in pieces)
    return chart(width, 62 + rows * 18, f"Time line. {words}.", *parts, labels)


def _edges(pieces: Sequence[Piece], left: float, right: float) -> tuple[list[float], bool]:
    """Positions of the pieces' bounds, and whether the first piece is shortened."""
    seconds = [(p.end - p.start).total_seconds() if p.start else 0.0 for p in pieces]
    rest, room = sum(seconds[1:]) or 1.0, right - left
    broken = pieces[0].start is None or seconds[0] > 4 * rest
    first = 0.5 * room if broken else room * seconds[0] / (rest + seconds[0])
    widths = [max((room - first) * part / rest, 6.0) for part in seconds[1:]]
    shrink = (room - first) / (sum(widths) or 1.0)
    edges = [left, left + first]
    for part in widths:
        edges.append(edges[-1] + part * shrink)
    return edges, broken


def _boundary_labels(bounds: Sequence[tuple[float, datetime | None]], width: float) -> tuple[Markup, int]:
    """Write the dates beneath the bar, in as many rows as keep them apart; returns also how many."""
    ends: list[float] = []
    parts = []
    for i, (x, when) in enumerate(bounds):
        words = "first row" if when is None else day(when)
        wide = len(words) * EM
        anchor = anchor_within(x, wide / 2, width)
        if i + 1 < len(bounds) and x + wide / 2 > bounds[i + 1][0] and x > wide:
            anchor = "end"
        elif i and x - wide / 2 < bounds[i - 1][0] and x + wide < width:
            anchor = "start"
        left = x if anchor == "start" else x - wide if anchor == "end" else x - wide / 2
        row = next((j for j, end in enumerate(ends) if end < left), len(ends))
        ends[row : row + 1] = [left + wide + 2 * EM]
        parts.append(line(x, 46, x, 52 + row * 18, "axis"))
        parts.append(text(x, 64 + row * 18, words, "tick", anchor))
    return Markup("").join(parts), len(ends)
