"""The page of the report."""

from __future__ import annotations

import re
from html import unescape

import pytest

from retrain_assets.cadence_report.page import cadence_page, lifetime_words
from retrain_assets.cadence_report.report import build_report
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


def test_values_of_the_document_are_escaped(document):
    """Names that a user chose cannot carry markup into the page."""
    page = cadence_page(document | {"pipeline": "<script>x</script>"})
    assert "<script>" not in page


def test_a_fall_that_never_came_is_told_as_such():
    """Without a fall the words give the bound, and no number of days."""
    found = {"days": None, "lower": 60.7, "upper": None, "falls": 0, "watched": 182.0, "level": "x"}
    assert lifetime_words(found).startswith("Not within this history: in 182 days of service")


@pytest.mark.skipif(screens.BROWSER is None, reason="no Chromium on this machine to lay the pages out")
def test_the_recommendation_is_in_the_first_screen(document, tmp_path):
    """On a desk and on a phone the whole first section is seen without scrolling in either direction."""
    bottoms = screens.laid_out(cadence_page(document), tmp_path)
    for (width, height), (bottom, across) in zip(screens.SCREENS, bottoms, strict=True):
        assert bottom <= height
        assert across <= width
