from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from retrain_assets.pages import charts
from retrain_assets.pages.evaluation_charts import interval_chart, outcome_class
from retrain_assets.pages.layout import relative_address
from retrain_assets.pages.life_charts import bands_of
from retrain_assets.pages.timeline import Piece, windows_chart
from retrain_assets_tests.pages import documents, lives
from retrain_assets_tests.pages.reading import Reading

START = datetime(2026, 1, 1, tzinfo=UTC)


def test_elements_escape() -> None:
    """Text and attributes of a drawing are escaped."""
    drawn = charts.text(0, 0, "<b>&", class_='"x')
    assert "<b>" not in drawn
    assert 'class="&#34;x"' in drawn


@pytest.mark.parametrize(("low", "high"), [(0.1015, 0.1155), (0, 1843), (-3e-6, 5e-6), (-10, 90000)])
def test_ticks_are_round_and_told_apart(low: float, high: float) -> None:
    """Ticks lie within the scale and no two have the same label."""
    scale = charts.Scale(low, high, 0, 100)
    ticks = scale.tick_labels(5)
    assert 2 <= len(ticks) <= 6
    assert all(low <= tick <= high for tick, _ in ticks)
    assert len({label for _, label in ticks}) == len(ticks)


@pytest.mark.parametrize("values", [[], [0.0], [0.0, 0.0], [5.0], [-2.0, -2.0]])
def test_scales_have_extent(values: list[float]) -> None:
    """A scale of no value, or of equal values, can be drawn."""
    scale = charts.value_scale(values, 0, 100)
    assert scale.high > scale.low
    assert scale.ticks()


@pytest.mark.parametrize("days", [0, 1, 6, 30, 112, 700, 9000])
@pytest.mark.parametrize("width", [charts.NARROW, charts.WIDE])
def test_time_axis(days: int, width: float) -> None:
    """From a day to decades, dates on a time axis are few enough to be read."""
    scale = charts.time_scale(START, START + timedelta(days=days), 60, width - 10)
    labels = Reading(charts.time_axis(scale, 100)).elements
    assert 1 <= sum(tag == "text" for tag, _ in labels) <= (width - 70) / 85 + 2


@pytest.mark.parametrize("room", range(200, 700, 20))
def test_dates_do_not_run_into_each_other(room: int) -> None:
    """However wide an axis is, dates stand apart, and the first one tells its year."""
    monday = START + timedelta(days=4)
    scale = charts.time_scale(monday, monday + timedelta(days=84), 60, 60 + room)
    drawn = Reading(charts.time_axis(scale, 100))
    places = [(float(a["x"] or 0), a["text-anchor"]) for tag, a in drawn.elements if tag == "text"]
    spans = []
    for (x, anchor), words in zip(places, drawn.words, strict=True):
        width = len(words) * charts.EM
        left = x - {"start": 0.0, "middle": width / 2, "end": width}[str(anchor)]
        spans.append((left, left + width))
    assert all(end + charts.APART <= begin for (_, end), (begin, _) in pairwise(spans))
    assert str(START.year) in drawn.words[0]


@pytest.mark.parametrize(
    ("lower", "upper", "expected"),
    [
        (0.1, 0.2, "good"),
        (-0.2, -0.1, "bad"),
        (-0.1, 0.1, "unclear"),
        (0.0, 0.1, "unclear"),
        (None, None, "unclear"),
    ],
)
def test_outcome(lower: float | None, upper: float | None, expected: str) -> None:
    """Only an interval that lies wholly on one side of 0 is good or bad."""
    assert outcome_class(lower, upper) == expected


def test_interval_stays_within_the_picture() -> None:
    """On a phone, 0, the interval and the gain worth having all lie within the picture."""
    for gain in (documents.gain(0.004, 0.0008), documents.gain(-0.3, 0.001), documents.gain(0.0, 2.0)):
        drawn = Reading(interval_chart(gain, 0.00059, "label", charts.NARROW))
        places = [float(a["x1"] or 0) for tag, a in drawn.elements if tag == "line"]
        assert all(0 <= x <= charts.NARROW for x in places)


def test_a_long_training_window_is_shortened() -> None:
    """A training window of years leaves the holdout wide enough to be seen, and the break is marked."""
    bounds = [START - timedelta(days=2000), START, START + timedelta(hours=1), START + timedelta(days=7)]
    names = ("train", "gap", "holdout")
    pieces = [Piece(n, n, n, a, b) for n, a, b in zip(names, bounds, bounds[1:], strict=False)]
    drawn = Reading(windows_chart(pieces, charts.NARROW))
    widths = [float(a["width"] or 0) for tag, a in drawn.elements if tag == "rect"]
    assert widths[2] > 100
    assert min(widths) >= 5
    assert any(a.get("class") == "break" for _, a in drawn.elements)


def dates_beneath(pieces: list[Piece], width: float) -> list[tuple[int, float, float, float, str]]:
    """Read the dates beneath a time line: height of each, left and right end, its tick's place, and its words."""
    pattern = r'<text x="([\d.]+)" y="(\d+)" class="tick" text-anchor="(\w+)">([^<]*)<'
    found = []
    for place, height, anchor, words in re.findall(pattern, windows_chart(pieces, width)):
        x, wide = float(place), len(words) * charts.EM
        left = x - {"start": 0.0, "middle": wide / 2, "end": wide}[anchor]
        found.append((int(height), left, left + wide, x, words))
    return found


@pytest.mark.parametrize("gap", [1, 3, 9, 14, 30])
@pytest.mark.parametrize("train", [20, 61, 129, 400])
@pytest.mark.parametrize("width", [charts.NARROW, charts.WIDE])
def test_dates_under_the_time_line_stay_apart(gap: int, train: int, width: float) -> None:
    """Two dates of one row stand apart, and no tick of another cuts one."""
    split = START + timedelta(days=train)
    bounds = [START, split, *(split + timedelta(days=gap * n) for n in (1, 4, 5))]
    found = dates_beneath([Piece("x", "x", "gap", a, b) for a, b in pairwise(bounds)], width)
    assert len(found) == len(bounds)
    for height, left, right, _, _ in found:
        assert left >= 0
        assert right <= width
        others = [other for other in found if other[0] == height and other[1] > left]
        assert all(other[1] - right >= charts.APART - 0.2 for other in others)
        assert not any(left < x < right for lower, _, _, x, _ in found if lower > height)


def test_a_time_line_on_a_phone_names_its_pieces() -> None:
    """Delays of a month leave each piece its name and dates a row, the training window shortened for it."""
    days = (0, 129, 159, 189, 219)
    bounds = [START + timedelta(days=n) for n in days]
    names = ("Training", "Gap", "Holdout", "Maturing")
    pieces = [Piece(n, n, "gap", a, b) for n, a, b in zip(names, bounds, bounds[1:], strict=False)]
    drawn = windows_chart(pieces, charts.NARROW)
    assert [name for name in names if f">{name}</text>" in drawn] == list(names)
    assert 'class="break"' in drawn
    found = dates_beneath(pieces, charts.NARROW)
    assert [words for *_, words in found] == ["1 Jan 2026", "10 May", "9 Jun", "9 Jul", "8 Aug"]
    assert len({height for height, *_ in found[1:]}) == 1


def test_bounds_of_an_interval_are_not_struck_through() -> None:
    """The lines of 0 and of the gain worth having leave out the height at which the bounds are written."""
    drawn = Reading(interval_chart(documents.gain(-0.00287, 0.0015), 0.0035, "label", charts.NARROW))
    bounds = [float(a["y"] or 0) for _, a in drawn.elements if a.get("class") == "value"]
    lines = [a for _, a in drawn.elements if a.get("class") in {"zero", "worth"}]
    assert len(bounds) == 2
    assert len(lines) == 4
    for baseline in bounds:
        assert not any(float(a["y1"] or 0) < baseline and float(a["y2"] or 0) > baseline - 13 for a in lines)


def test_bands_follow_the_versions_that_scored() -> None:
    """A version's band reaches over the partitions that it scored; partitions without a score have none."""
    bands = bands_of(lives.life()["partitions"])
    assert [band.version for band in bands] == [1, 2, 3]
    assert bands[0].start == documents.START + timedelta(days=21)
    assert bands[0].end == bands[1].start


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("evaluations/a-1/index.html", True),
        ("javascript:alert(1)", False),
        ("java\nscript:alert(1)", False),
        ("//host/x", False),
        ("\t//host/x", False),
        ("https://host/x", False),
        (None, False),
    ],
)
def test_only_addresses_of_the_reports_are_linked(address: str | None, kept: bool) -> None:
    """An address with a scheme or a host is never linked."""
    assert relative_address(address) == (address if kept else None)
