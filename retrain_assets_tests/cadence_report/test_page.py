"""The page of the report."""

from __future__ import annotations

import re
from html import unescape
from xml.etree import ElementTree

import pytest

from retrain_assets.cadence_report.charts import NAMES, time_line_chart
from retrain_assets.cadence_report.page import cadence_page, lifetime_words
from retrain_assets.cadence_report.report import build_report
from retrain_assets.pages.charts import EM, NARROW, WIDE
from retrain_assets_tests.cadence_report.simulated import simulate
from retrain_assets_tests.pages import test_first_screen as screens
from retrain_assets_tests.pipelines import declare


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    """A report on an abrupt drift."""
    return build_report(simulate("abrupt", blocks=20), declare(tmp_path_factory.mktemp("pipeline"))).document


def test_the_page_is_self_contained_and_tells_what_is_recommended(document):
    """The title, the block and every policy are on the page, and nothing is loaded from elsewhere."""
    page = cadence_page(document)
    assert document["recommendation"]["title"] in page
    assert document["recommendation"]["block"] in page
    shown = unescape(page).lower()
    assert all(row["policy"].lower() in shown for row in document["time_line"])
    assert not re.search(r"(src|href)=\"https?:", page)


def test_ages_of_enough_blocks_have_their_intervals_drawn(document):
    """Each age that has an interval has a bar, on the chart for a desk and on that for a phone."""
    known = sum(point["lower"] is not None for point in document["age"])
    assert known > 0
    assert cadence_page(document).count('class="interval unclear"') == 2 * known


@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_labels_of_the_time_line_fit_their_room_and_no_border_crosses_them(document, width):
    """A label names the policy and its window in lines that fit; on a phone it stands above the marks."""
    history = document["history"]
    long = {"policy": "trigger: lost quality worth 0.1 retrains or age 120d", "window": "all history"}
    rows = [*document["time_line"], {"recommended": False, "attempts": []} | long]
    bounds = (history[name] for name in ("counted_from", "checked_from", "end"))
    drawn = ElementTree.fromstring(str(time_line_chart(rows, *bounds, width)))
    texts = [(float(part.get("y")), part.text) for part in drawn.iter("text")]
    said = [text for _, text in texts]
    assert sum(text.startswith("window: ") for text in said) == len(rows)
    assert said[1] == f"window: {document['recommendation']['window']}; recommended"
    assert max(len(text) for text in said) * EM <= (width if width == NARROW else NAMES)
    dashed = [part for part in drawn.iter("line") if part.get("class") == "worth"]
    borders = [(float(part.get("y1")), float(part.get("y2"))) for part in dashed]
    assert len(borders) == (len(rows) if width == NARROW else 1)
    if width == NARROW:
        assert not any(top < y < bottom + EM for top, bottom in borders for y, _ in texts)


def test_values_of_the_document_are_escaped(document):
    """Names that a user chose cannot carry markup into the page."""
    page = cadence_page(document | {"pipeline": "<script>x</script>"})
    assert "<script>" not in page


def test_a_fall_that_never_came_is_told_as_such():
    """Without a fall the words give the bound, and no number of days."""
    found = {"days": None, "lower": 60.7, "upper": None, "falls": 0, "watched": 182.0, "level": "x"}
    assert lifetime_words(found).startswith("Not within this history: in 182 days of service")


@pytest.mark.parametrize(("falls", "often"), [(1, "once"), (2, "2 times")])
def test_how_often_the_quality_fell_is_told(falls, often):
    """One fall is told as once."""
    found = {"days": 56.0, "lower": 20.0, "upper": 300.0, "falls": falls, "watched": 112.0, "level": "x"}
    assert lifetime_words(found).endswith(f" days): it did {often} in 112 days of service.")


@pytest.mark.skipif(screens.BROWSER is None, reason="no Chromium on this machine to lay the pages out")
def test_the_recommendation_is_in_the_first_screen(document, tmp_path):
    """On a desk and on a phone the whole first section is seen without scrolling in either direction."""
    bottoms = screens.laid_out(cadence_page(document), tmp_path)
    for (width, height), (bottom, across) in zip(screens.SCREENS, bottoms, strict=True):
        assert bottom <= height
        assert across <= width
