"""Decisions and verdicts as marks beneath a chart of a life, in as many rows as keep them apart."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from typing import Any

from markupsafe import Markup

from retrain_assets.pages.charts import Scale, circle, element, rectangle, title
from retrain_assets.pages.layout import VERDICT_CLASSES
from retrain_assets.pages.text import day, instant

ROW = 14.0
"""Height of a row of marks."""
MOST_ROWS = 5
HALF_WIDTHS = {"act": 7.0, "held": 5.0, "quiet": 3.0}
"""Half the room that a decision's mark takes, with air."""
VERDICT_HALF_WIDTH = 6.0
ORDER = (*HALF_WIDTHS, *VERDICT_CLASSES.values())
"""Kinds of marks; those of an earlier one stand higher."""


@dataclass(frozen=True)
class Mark:
    """Something that happened at one moment: ``act``, ``held``, ``quiet``, or a verdict's class."""

    when: datetime
    kind: str
    words: str

    @property
    def half_width(self) -> float:
        """Half the room that it takes, with air."""
        return HALF_WIDTHS.get(self.kind, VERDICT_HALF_WIDTH)


@dataclass
class _Row:
    """Marks of one height with their places, from left to right."""

    placed: list[tuple[float, Mark]] = field(default_factory=list)

    def covered(self, mark: Mark, x: float) -> list[Mark]:
        """Marks that would be covered by another one at a place."""
        reach = mark.half_width + max(HALF_WIDTHS.values())
        first = bisect_left(self.placed, x - reach, key=itemgetter(0))
        last = bisect_right(self.placed, x + reach, key=itemgetter(0))
        return [
            other
            for place, other in self.placed[first:last]
            if abs(place - x) < mark.half_width + other.half_width
        ]


def marks_of(life: Mapping[str, Any]) -> list[Mark]:
    """List every decision and every verdict as a mark on the time axis."""
    marks = []
    for decision in life["decisions"]:
        kind = (
            "act"
            if decision["act"] or decision.get("rolls_back")
            else "held"
            if decision["held_back_by"]
            else "quiet"
        )
        reasons = [*decision["reasons"], *decision["held_back_by"]]
        words = " ".join(r["sentence"] for r in reasons) or "Nothing asks for a retrain."
        marks.append(Mark(instant(decision["as_of"]), kind, f"{day(decision['as_of'])}: {words}"))
    for evaluation in life["evaluations"]:
        css = VERDICT_CLASSES.get(evaluation["verdict"], "unclear")
        what = f"{evaluation['verdict']} (a trial)" if evaluation["trial"] else evaluation["verdict"]
        words = f"{day(evaluation['as_of'])}, {what}: {evaluation['sentence']}"
        marks.append(Mark(instant(evaluation["as_of"]), css, words))
    return marks


def mark_lanes(marks: Sequence[Mark], across: Scale, top: float) -> tuple[Markup, float]:
    """Draw decisions, and verdicts beneath them.

    Marks that would cover each other stand in rows of their own. Where more come together than there are rows, one
    covers another of its own kind first.

    Parameters
    ----------
    marks
        What happened.
    across
        Positions of moments.
    top
        Where the lanes begin.

    Returns
    -------
    drawing : Markup
    height : float
        What the lanes take; 0 without marks.
    """
    if not marks:
        return Markup(""), 0.0
    decisions = _rows([mark for mark in marks if mark.kind in HALF_WIDTHS], across)
    verdicts = _rows([mark for mark in marks if mark.kind not in HALF_WIDTHS], across)
    parts, y = [], top + ROW
    for row in decisions:
        parts += [_drawn(mark, x, y) for x, mark in row.placed]
        y += ROW
    y += 3
    for row in verdicts:
        parts += [_drawn(mark, x, y) for x, mark in row.placed]
        y += ROW
    return Markup("").join(parts), y - 1 - top


def _rows(marks: Sequence[Mark], across: Scale) -> list[_Row]:
    """Put marks into rows from above: first what was done, then what waited, then what was quiet."""
    rows = [_Row()]
    kinds = sorted({mark.kind for mark in marks}, key=ORDER.index)
    for mark in sorted(marks, key=lambda mark: (ORDER.index(mark.kind), mark.when)):
        x = across(mark.when.timestamp())
        row = next((row for row in rows if not row.covered(mark, x)), None)
        # A row is left for each kind that is still to come, so that none is covered by another.
        if row is None and len(rows) <= MOST_ROWS - len(kinds) + kinds.index(mark.kind):
            row = _Row()
            rows.append(row)
        insort((row or _least_covered(rows, mark, x)).placed, (x, mark), key=itemgetter(0))
    return rows


def _least_covered(rows: Sequence[_Row], mark: Mark, x: float) -> _Row:
    """The row in which a mark covers the fewest of another kind, and then the fewest of its own."""

    def harm(row: _Row) -> tuple[int, int]:
        covered = row.covered(mark, x)
        return sum(other.kind != mark.kind for other in covered), len(covered)

    return min(rows, key=harm)


def _drawn(mark: Mark, x: float, y: float) -> Markup:
    match mark.kind:
        case "act":
            points = f"{x:.1f},{y - 7} {x - 6:.1f},{y + 5} {x + 6:.1f},{y + 5}"
            return element("polygon", title(mark.words), points=points, class_="mark act")
        case "held" | "quiet":
            return circle(x, y, 3.5 if mark.kind == "held" else 1.8, f"mark {mark.kind}", mark.words)
        case verdict_css:
            return rectangle(x - 5, y - 5, 10, 10, f"mark {verdict_css}", mark.words)
