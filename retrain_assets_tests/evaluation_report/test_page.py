from __future__ import annotations

import copy
from typing import Any

import pytest

from retrain_assets.evaluation_report.page import evaluation_page
from retrain_assets.pages.text import day, number
from retrain_assets_tests.evaluation_report.test_evaluate import judge, poor
from retrain_assets_tests.pages import documents
from retrain_assets_tests.pages.reading import Reading, poisoned

DOCUMENTS = {
    "blessed": documents.blessed(),
    "rejected": documents.rejected(),
    "inconclusive": documents.inconclusive(),
    "first_champion": documents.first_champion(),
    "unscorable": documents.unscorable(),
    "regression": documents.regression(),
}


@pytest.fixture(params=DOCUMENTS)
def document(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Give every kind of evaluation in turn."""
    return copy.deepcopy(DOCUMENTS[request.param])


def test_first_screen(document: dict[str, Any]) -> None:
    """The first section says verdict, gain with its interval, rows, reasons and next look."""
    page = evaluation_page(document)
    first = Reading(page[page.index('<section class="first"') : page.index("</section>") + 10]).text
    verdict = document["verdict"]
    assert verdict["verdict"] in first
    assert verdict["sentence"] in first
    assert f"{document['rows']['holdout']:,} rows" in first
    assert day(document["windows"]["split"]) in first
    assert day(document["windows"]["holdout_end"]) in first
    for reason in document["reasons"][:2]:
        assert reason["sentence"] in first
    if verdict["next_look"]:
        assert day(verdict["next_look"]) in first
    for entry in document["comparisons"][:1]:
        gain = entry["vs_champion"] or entry["vs_baseline"]
        for figure in (gain["improvement"], gain["lower"], gain["upper"]):
            assert number(figure) in first
        assert entry["unit"] in first


def test_the_next_look_is_a_day() -> None:
    """When the next look is due is computed to the minute, and told by its day alone."""
    document = copy.deepcopy(documents.inconclusive())
    document["verdict"]["next_look"] = "2026-06-16T09:21:00+00:00"
    text = Reading(evaluation_page(document)).text
    assert "16 Jun 2026, when enough further rows are in" in text
    assert "09:21" not in text


def test_a_candidate_that_could_not_be_compared_is_not_looked_at_again() -> None:
    """Where no comparison was possible the next retrain trains another candidate, and the page promises no look."""
    text = Reading(evaluation_page(documents.unscorable())).text
    assert (
        "None for this candidate; the next retrain trains another, and makes sense from 16 Jun 2026 on"
        in text
    )
    assert "when enough further rows are in" not in text


def test_every_part_is_on_the_page(document: dict[str, Any]) -> None:
    """Metrics, slices, features, guards and versions of the document are all on the page."""
    text = Reading(evaluation_page(document)).text
    expected = [part["value"] for part in document["slices"]]
    expected += [entry["feature"] for entry in document["importances"]]
    expected += [reason["sentence"] for reason in document["reasons"]] + document["guards"]
    if document["importances"]:
        expected.append(document["explanation_shift"]["sentence"])
    expected += [document["versions"]["code_version"], document["versions"]["dagster_run_id"]]
    expected += [f"{name} {version}" for name, version in document["versions"]["libraries"].items()]
    for part in expected:
        assert part in text


def test_page_is_whole_and_self_contained(document: dict[str, Any]) -> None:
    """Elements close in order, nothing is loaded, tables have captions, pictures have a text."""
    page = evaluation_page(document)
    reading = Reading(page)
    assert reading.open == []
    assert set(reading.addresses) <= {"data:,", "../../index.html", "evaluation.json", "#reasons"}
    assert "http:" not in page
    assert "https:" not in page
    assert "@import" not in page
    assert "<script" not in page
    tags = [tag for tag, _ in reading.elements]
    assert tags.count("table") == tags.count("caption")
    assert all(a.get("aria-label") for tag, a in reading.elements if tag == "svg")
    named = [a["id"] for _, a in reading.elements if "id" in a]
    assert len(named) == len(set(named))


def test_values_are_escaped(document: dict[str, Any]) -> None:
    """Markup in names, slice values, reasons and sentences is shown and never obeyed."""
    changed = poisoned(document)
    assert isinstance(changed, dict)
    for table in list(changed["versions"]["data"]):
        changed["versions"]["data"][table + "<script>"] = 1
    page = evaluation_page(changed)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert Reading(page).open == []


def test_missing_figures_are_dashes() -> None:
    """A figure that could not be computed is a dash."""
    document = documents.blessed()
    for entry in document["comparisons"]:
        entry["baseline"] = None
        for gain in (entry["vs_champion"], entry["vs_baseline"]):
            gain |= {"p_value": None, "effective_rows": None, "smallest_detectable": None}
    document["comparisons"][1]["vs_champion"] |= {"improvement": None, "lower": None, "upper": None}
    document["slices"][0] |= {"lower": None, "upper": None}
    document["slices"][1] |= {"improvement": None, "lower": None, "upper": None, "champion": None}
    document["importances"][0]["candidate"] = None
    page = evaluation_page(document)
    assert "None" not in Reading(page).text.replace("None needed", "")
    assert "nan" not in page


def test_an_interval_of_no_width_is_drawn() -> None:
    """Two models that give the same scores have an improvement of 0 with an interval of no width."""
    document = documents.blessed()
    document["comparisons"][0]["vs_champion"] |= {
        "improvement": 0.0,
        "lower": 0.0,
        "upper": 0.0,
        "standard_error": 0.0,
        "smallest_detectable": 0.0,
    }
    assert Reading(evaluation_page(document)).open == []


def test_a_candidate_below_the_baseline_is_shown_beside_it() -> None:
    """Where the baseline decided, figures and sentence of the first screen speak of the same comparison."""
    document = documents.rejected()
    document["verdict"] |= {"reason": "below_baseline"}
    text = Reading(evaluation_page(document)).text
    first = text[: text.index("What was trained and judged when")]
    assert "over the naive baseline" in first
    assert number(document["comparisons"][0]["vs_baseline"]["improvement"]) in first
    assert "over the champion" not in first


def test_the_look_and_its_price_are_told() -> None:
    """The first screen says in a line which look it is and what the year has used, and the method stands below."""
    text = Reading(evaluation_page(documents.inconclusive())).text
    assert (
        "0.962 % at this look (number 2); all looks of a year: 0.327 such mistakes expected at most, 1 allowed"
        in text
    )
    assert documents.look()["sentence"] in text
    assert "over 90 past days the loss differences of neighbouring days correlate by 0.06." in text
    spent = documents.look(alpha=0.0, used=1.0)
    text = Reading(evaluation_page(documents.inconclusive() | {"look": spent})).text
    assert "None: the 1 mistaken promotions that a year allows are used up by other looks" in text
    assert "Risk of promoting" not in Reading(evaluation_page(documents.unscorable())).text


def test_a_worse_slice_is_marked() -> None:
    """A slice that is significantly worse says so beside its p-value, and one that is not judged has a dash."""
    document = documents.blessed()
    document["slices"] = document["slices"][:2]
    document["slices"][0] |= {"p_corrected": 0.003, "worse": True}
    document["slices"][1] |= {"p_corrected": None}
    text = Reading(evaluation_page(document)).text
    assert text.count("0.003 worse") == 1
    assert text.count(" worse ") == Reading(evaluation_page(documents.blessed())).text.count(" worse ") + 1


def test_values_that_differ_in_a_space_are_told_apart() -> None:
    """Two slices whose values look alike are quoted where their ends are spaces."""
    document = documents.blessed()
    document["slices"][1]["value"] = document["slices"][0]["value"] + " "
    text = Reading(evaluation_page(document)).text
    assert "device = mobile18,231" in text
    assert 'device = "mobile "11,902' in text


@pytest.mark.parametrize("name", ["rejected", "inconclusive"])
def test_that_the_champion_stays_is_said_once(name: str) -> None:
    """Where the verdict's sentence says it, no line above says it too; where it does not, one does."""
    first = evaluation_page(DOCUMENTS[name]).partition("</h1>")[0].partition("<main>")[2]
    assert first.count("stays") == 1
    document = copy.deepcopy(DOCUMENTS[name])
    document["verdict"]["sentence"] = "The candidate cannot be judged: too few rows."
    assert evaluation_page(document).partition("</h1>")[0].partition("<main>")[2].count("stays") == 1


def test_the_gain_in_money_is_on_the_first_screen() -> None:
    """The first screen says what the candidate is worth, and that it is told only where it does not decide."""
    value = {"currency": "EUR", "decides": False, "sentence": "The candidate brings in 14 EUR a day."}
    for decides, last in ((False, "It is told; log loss decides."), (True, "EUR a day.")):
        document = documents.blessed() | {"value": value | {"decides": decides}}
        page = evaluation_page(document)
        first = Reading(page[page.index('<section class="first"') : page.index("</section>")]).text
        assert "Worth in EUR The candidate brings in 14 EUR a day." in first
        assert (last in first) and ("It is told" in first) is not decides
    assert "Worth in" not in Reading(evaluation_page(documents.blessed())).text


def test_fairness_is_shown_where_it_was_measured() -> None:
    """Each group's figures of both models stand on the page, and the greatest differences below them."""
    rates = {"candidate": {"selection_rate": 0.25}, "champion": {"selection_rate": 0.2}}
    bounds = {"candidate": {"selection_rate": [0.19, 0.32]}, "champion": {"selection_rate": None}}
    groups = [{"group": group, "rows": 100, "intervals": bounds} | rates for group in ("women", "men")]
    entry = {"column": "gender", "figures": ["selection_rate"], "groups": groups, "differences": rates}
    entry["difference_intervals"] = bounds
    text = Reading(evaluation_page(documents.blessed() | {"fairness": [entry]})).text
    assert (
        "genderRowsSelection rate, candidateSelection rate, champion women1000.2500.190 to 0.3200.200" in text
    )
    assert "greatest difference" in text
    assert "Decisions by" not in Reading(evaluation_page(documents.blessed())).text


def test_a_trial_says_so() -> None:
    """A trial's page says that only a person promotes it, and with which job, and announces no look."""
    text = Reading(evaluation_page(documents.inconclusive() | {"trial": True})).text
    assert "not promoted by itself; a person can promote it with ad_clicks_promote." in text
    assert "a trial is judged once" in text
    assert "8 Aug 2026" not in text


def test_the_page_takes_what_an_evaluation_gives() -> None:
    """The document of a real evaluation, with and without a champion, is drawn whole."""
    provenance = (
        "pipeline",
        "description",
        "timezone",
        "attempt",
        "created_at",
        "reasons",
        "windows",
        "versions",
    )
    for champion in (poor, None):
        document = {name: documents.blessed()[name] for name in provenance} | judge(champion=champion)
        reading = Reading(evaluation_page(document))
        assert reading.open == []
        assert document["verdict"]["sentence"] in reading.text
