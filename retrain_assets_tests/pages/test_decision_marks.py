from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest

from retrain_assets.pages import charts
from retrain_assets.pages.decision_marks import MOST_ROWS, ORDER, Mark, mark_lanes
from retrain_assets_tests.pages.reading import Reading

START = datetime(2026, 1, 1, tzinfo=UTC)
END = START + timedelta(days=112)


def scale(width: float) -> charts.Scale:
    """Sixteen weeks on a drawing of this width."""
    return charts.time_scale(START, END, 60, width - 10)


def boxes(marks: list[Mark], width: float) -> list[tuple[str, float, float, float, float]]:
    """Kind, and left, right, upper and lower end, of every mark that is drawn."""
    drawing, height = mark_lanes(marks, scale(width), 100)
    found = []
    for tag, a in Reading(drawing).elements:
        kind = (a.get("class") or "").removeprefix("mark ")
        if tag == "polygon":
            xs, ys = zip(*(map(float, point.split(",")) for point in str(a["points"]).split()), strict=True)
            found.append((kind, min(xs), max(xs), min(ys), max(ys)))
        elif tag == "circle":
            x, y, r = (float(a[name] or 0) for name in ("cx", "cy", "r"))
            found.append((kind, x - r, x + r, y - r, y + r))
        elif tag == "rect":
            x, y, w, h = (float(a[name] or 0) for name in ("x", "y", "width", "height"))
            found.append((kind, x, x + w, y, y + h))
    assert all(up > 100 and down < 100 + height and right <= width for _, _, right, up, down in found)
    return found


def cover(one: tuple[str, float, float, float, float], other: tuple[str, float, float, float, float]) -> bool:
    """Whether two marks cover each other."""
    return one[1] < other[2] and other[1] < one[2] and one[3] < other[4] and other[3] < one[4]


@pytest.mark.parametrize("width", [charts.NARROW, charts.WIDE])
@pytest.mark.parametrize("days", [0, 1, 3])
def test_marks_of_the_last_days_do_not_cover_each_other(width: float, days: int) -> None:
    """Decisions and verdicts that come together at the right edge are all seen, on a desk and on a phone."""
    marks = [Mark(END - timedelta(days=days), kind, kind) for kind in ORDER]
    marks += [Mark(END, kind, kind) for kind in ("held", "act", "bad")]
    drawn = boxes(marks, width)
    assert len(drawn) == len(marks)
    assert not any(cover(one, other) for one, other in combinations(drawn, 2))


def test_marks_that_stand_apart_share_a_row() -> None:
    """Weekly retrains with their verdicts take two rows, and what was done stands above what was quiet."""
    marks = [
        Mark(START + timedelta(days=7 * week), kind, "") for week in range(16) for kind in ("act", "bad")
    ]
    assert len({lower for *_, lower in boxes(marks, charts.NARROW)}) == 2
    both = boxes([Mark(END, "quiet", ""), Mark(END, "act", "")], charts.WIDE)
    assert [kind for kind, *_ in sorted(both, key=lambda box: box[4])] == ["act", "quiet"]


def test_a_crowd_takes_no_more_than_its_rows() -> None:
    """However many decisions fall into one day, all are drawn in a few rows, and only over others of their kind."""
    marks = [Mark(END, kind, "") for kind in ("act", "held", "quiet") for _ in range(40)]
    drawn = boxes(marks, charts.NARROW)
    assert len(drawn) == 120
    assert len(set(drawn)) == MOST_ROWS
    assert all(one[0] == other[0] for one, other in combinations(set(drawn), 2) if cover(one, other))
    assert not mark_lanes([], scale(charts.WIDE), 100)[1]


def test_hints_tell_each_mark() -> None:
    """A pointer over a mark reads what was decided or found."""
    drawing, _ = mark_lanes([Mark(END, kind, f"it is {kind}") for kind in ORDER], scale(charts.WIDE), 100)
    assert re.findall(r"<title>(.*?)</title>", drawing) == [f"it is {kind}" for kind in ORDER]
