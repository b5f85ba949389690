from __future__ import annotations

import pytest

from retrain_assets.monitoring_report.page import life_page
from retrain_assets.pages.text import day
from retrain_assets_tests.pages import lives
from retrain_assets_tests.pages.reading import Reading, poisoned

LIVES = {"life": lives.life, "empty": lives.empty_life, "young": lives.young_life}


def first_screen(page: str) -> str:
    """Give the text of the first section."""
    return Reading(page[page.index('<section class="first"') : page.index("</section>") + 10]).text


def test_first_screen() -> None:
    """The first section says what serves, since when, why, how good it is and what is waited for."""
    life = lives.life()
    first = first_screen(life_page(life))
    assert f"Version 3: champion since the data up to {day(life['champion']['since'])}" in first
    assert f"In force since {day(life['champion']['at'])}, by the clock." in first
    assert f"(decided with the data up to {day(life['decisions'][-1]['as_of'])})" in first
    assert life["champion"]["reason"] in first
    last = life["weeks"][-1]
    assert f"{last['realised']:.4f}" in first
    assert f"{last['never_retrained']:.4f}" in first
    assert f"gains {last['never_retrained'] - last['realised']:.4f}" in first
    assert "Nothing asks for a retrain." in first


def test_a_persons_reason_ends_like_a_sentence() -> None:
    """What a person typed without a full stop does not run into the sentence that follows."""
    life = lives.life()
    for typed, told in (("scores look wrong", "scores look wrong."), ("Looks fine!", "Looks fine!")):
        champion = life["champion"] | {"action": "forced", "actor": "maria", "reason": typed}
        assert f"Forced by maria: {told} In force since" in first_screen(
            life_page(life | {"champion": champion})
        )


def test_a_decision_that_was_overtaken_is_told_as_such() -> None:
    """Right after a run the newest decision is one of before it, and the first section says so."""
    life = lives.life()
    told = "before the newest evaluation or change of champion; not changed since"
    assert told not in first_screen(life_page(life))
    for events in ("ledger", "evaluations"):
        later = life | {events: [*life[events][:-1], life[events][-1] | {"at": "2026-07-02T02:31:00+00:00"}]}
        assert told in first_screen(life_page(later))


def test_the_newest_candidate_is_told() -> None:
    """The first section says how the newest candidate was judged, and its next look where there will be one."""
    life = lives.life()
    newest = life["evaluations"][-1]
    assert "Blessed. Report" in first_screen(life_page(life))
    newest |= {
        "at": life["ledger"][-1]["at"],
        "verdict": "inconclusive",
        "reason": "gain_unclear",
        "next_look": "2026-07-08T09:21:00+00:00",
    }
    first = first_screen(life_page(life))
    assert f"Newest candidate (with the data up to {day(newest['as_of'])})" in first
    assert "Inconclusive; the next look at it is due on 8 Jul 2026. Report" in first
    newest["trial"] = True
    assert "Inconclusive, a trial. Report" in first_screen(life_page(life))
    newest["trial"] = False
    forced = life["ledger"][-1] | {"action": "forced", "at": "2026-07-02T02:31:00+00:00"}
    assert "Inconclusive. Report" in first_screen(life_page(life | {"ledger": [*life["ledger"], forced]}))
    assert "Newest candidate" not in first_screen(life_page(lives.empty_life()))


def test_a_model_that_a_constant_outdoes_is_told() -> None:
    """Where a constant would have been better in the newest weeks, the first section says so, and of how many."""
    life = lives.life()
    assert "best constant" not in first_screen(life_page(life))
    for week, by in zip(life["weeks"][-2:], (0.001, 0.002), strict=True):
        week["constant"] = week["realised"] - by
    told = f"The best constant of that week would have had {life['weeks'][-1]['constant']:.4f}, better than the model"
    assert f"{told}, and it was better in each of the newest 2 weeks." in first_screen(life_page(life))
    life["weeks"][-2]["constant"] = None
    assert f"{told}." in first_screen(life_page(life))


def test_what_is_foreseen_is_told() -> None:
    """The first section says when the schedule is due next and from which tick on it leads to a retrain."""
    life = lives.life()
    assert life["decisions"][-1]["foreseen"] in first_screen(life_page(life))
    del life["decisions"][-1]["foreseen"]
    assert "Nothing asks for a retrain." in first_screen(life_page(life))


def test_other_pages_are_linked_where_there_are_any() -> None:
    """The page leads to the cadence and to the newest data docs, and to nothing that was not written."""
    life = lives.life()
    assert set(life["links"].values()) <= set(Reading(life_page(life)).addresses)
    empty = Reading(life_page(lives.empty_life()))
    assert not any("cadence" in address or "data_docs" in address for address in empty.addresses)


def test_a_held_back_retrain_tells_reason_and_hold() -> None:
    """While a retrain is held back, the first section says what asks for it and what holds it."""
    life = lives.life()
    life["decisions"] = life["decisions"][:-1]
    first = first_screen(life_page(life))
    assert "It wants to retrain, and waits." in first
    assert "The schedule is due (0 2 * * 1)." in first
    assert "There is nothing new to learn before 22 Jun 2026." in first


def test_of_decisions_with_the_same_data_the_last_one_is_told() -> None:
    """After a retrain the data's clock stands still: what the sensor says then is what the page says."""
    life = lives.life()
    asked = {
        "reasons": [{"code": "no_champion", "sentence": "There is no champion yet."}],
        "held_back_by": [],
    }
    rests = {"act": False, "reasons": [], "held_back_by": []}
    life["decisions"] += [
        {"as_of": life["as_of"], "act": True, **asked},
        {"as_of": life["as_of"], **rests},
    ]
    page = life_page(life)
    assert "Nothing asks for a retrain." in first_screen(page)
    assert "There is no champion yet." not in first_screen(page)
    table = page[page.index('id="decisions"') :]
    assert table.index("nothing to do") < table.index("There is no champion yet.")


def test_harm_is_told_as_harm() -> None:
    """Where the first model would have done better, the page says that retraining costs."""
    life = lives.life()
    life["weeks"][-1]["never_retrained"] = life["weeks"][-1]["realised"] - 0.002
    assert "costs 0.0020" in first_screen(life_page(life))


@pytest.mark.parametrize(
    ("action", "actor", "told"),
    [
        ("forced", "maria", "Forced by maria: the new one costs too much"),
        (
            "rolled_back",
            "maria",
            "Version 3 was rolled back by maria, and is barred: the new one costs too much",
        ),
        ("promoted", "maria", "Approved by maria: the new one costs too much"),
        (
            "rolled_back",
            "retrain_assets",
            "Version 3 was rolled back, and is barred: the new one costs too much",
        ),
    ],
)
def test_another_models_quality_is_told_as_such(action: str, actor: str, told: str) -> None:
    """After a person's change of champion the page says who changed it, and whose quality the newest figure is."""
    life = lives.life()
    changed = {
        "version": 1,
        "replaced": 3,
        "action": action,
        "actor": actor,
        "reason": "the new one costs too much",
    }
    before = first_screen(life_page(life))
    after = first_screen(life_page(life | {"champion": life["champion"] | changed}))
    assert told in after
    assert "by version 3, which served until then" in after
    assert "by retrain_assets" not in after
    assert "served until then" not in before


def test_before_the_first_score_the_page_says_when_scoring_begins() -> None:
    """A champion that has scored nothing waits for a period; one whose rows have no labels waits for them."""
    life = lives.young_life() | {"champion": lives.life()["champion"]}
    assert "Scoring begins with the first period that comes in after the promotion." in first_screen(
        life_page(life)
    )
    life["partitions"][-1]["versions"] = [3]
    scored = first_screen(life_page(life))
    assert "no scored row has a mature label so far" in scored
    assert "Scoring begins" not in scored


def test_before_the_first_decision_the_page_says_who_takes_it() -> None:
    """The first decision is awaited from rows where there are none, and from the sensor where there are."""
    empty = first_screen(life_page(lives.empty_life()))
    assert "The first follows when rows are in." in empty
    young = first_screen(life_page(lives.young_life() | {"decisions": []}))
    assert "The retraining sensor takes the first at its next tick" in young
    assert "when rows are in" not in young


def test_rows_are_counted_with_the_partitions_that_they_lie_in() -> None:
    """A partition that was withheld holds no rows, and is told beside those that do."""
    life = lives.young_life()
    for part in life["partitions"][3:]:
        part |= {"accepted": False, "rows": 0, "quarantined": 0}
    first = first_screen(life_page(life))
    assert "rows in 3 partitions;" in first
    assert "11 partitions withheld" in first


def test_the_ledger_tells_what_was_rolled_back_and_when_by_the_clock() -> None:
    """A rollback's row names the version that is barred beside the one that serves, and every row its two moments."""
    life = lives.life()
    back = {"sequence": 4, "action": "rolled_back", "version": 2, "replaced": 3}
    life["ledger"].append(life["ledger"][-1] | back)
    page = life_page(life)
    row = Reading(page[page.index('id="ledger"') :].split("<tr>")[2].partition("</tr>")[0]).text
    assert "rolled back:version 3 is barred2" in row
    assert day(life["ledger"][-1]["as_of"]) in row
    assert f"{day(life['ledger'][-1]['as_of'])}, 02:31" in row


def test_a_greater_metric_turns_the_sign() -> None:
    """With a metric of which more is better, a greater value than the first model's is a gain."""
    life = lives.life() | {"greater_is_better": True, "metric": "roc_auc", "unit": "points of AUC"}
    life["weeks"][-1] |= {"realised": 0.71, "never_retrained": 0.68}
    assert "gains 0.0300" in first_screen(life_page(life))


def test_everything_is_on_the_page() -> None:
    """Every week, decision, evaluation and ledger entry has its row, and evaluations are linked."""
    life = lives.life()
    reading = Reading(life_page(life))
    for week in life["weeks"]:
        assert day(week["start"]) in reading.text
        assert f"{week['rows']:,}" in reading.text
        assert all(sentence in reading.text for sentence in week["decisions"])
    for entry in (*life["evaluations"], *life["ledger"]):
        assert entry.get("sentence", entry["reason"]) in reading.text
    assert {item["href"] for item in life["evaluations"]} <= set(reading.addresses)
    for name in ("decided to retrain", "version 1", "version 2", "version 3", "threshold 0.0191", "withheld"):
        assert name in reading.text


def test_a_trial_is_marked() -> None:
    """An evaluation that a person asked for with other parameters is not taken for a candidate's."""
    life = lives.life()
    life["evaluations"][-1]["trial"] = True
    page = life_page(life)
    assert page.count("which is not promoted by itself; a person can promote it.") == 1
    assert page.count("(a trial)") == 2  # on the chart, in both of its widths
    assert "trial" not in life_page(lives.life())


def test_marks_lie_on_the_time_axis() -> None:
    """Every decision and every verdict is a mark of the chart, in both of its widths."""
    life = lives.life()
    marks = [
        a["class"] for _, a in Reading(life_page(life)).elements if "mark" in (a.get("class") or "").split()
    ]
    assert len(marks) == 2 * (len(life["decisions"]) + len(life["evaluations"]))
    assert marks.count("mark act") == 2 * sum(decision["act"] for decision in life["decisions"])


@pytest.mark.parametrize("name", LIVES)
def test_page_is_whole_and_self_contained(name: str) -> None:
    """Elements close in order, nothing is loaded, tables have captions, pictures have a text."""
    life = LIVES[name]()
    page = life_page(life)
    reading = Reading(page)
    assert reading.open == []
    linked = {item["href"] for item in life["evaluations"]}
    assert set(reading.addresses) <= {"data:,", "life.json", "#decisions", *linked, *life["links"].values()}
    assert "http:" not in page
    assert "https:" not in page
    assert "<script" not in page
    assert "None" not in reading.text
    tags = [tag for tag, _ in reading.elements]
    assert tags.count("table") == tags.count("caption")
    assert all(a.get("aria-label") for tag, a in reading.elements if tag == "svg")


def test_empty_life_reads_well() -> None:
    """Before anything has happened every part says so in a sentence."""
    text = Reading(life_page(lives.empty_life())).text
    for sentence in (
        "No model serves yet",
        "Not known yet: nothing has been scored so far.",
        "No decision has been taken yet.",
        "No partition has been taken in yet.",
        "No week is complete yet.",
        "No candidate has been judged yet.",
        "There has been no champion yet.",
    ):
        assert sentence in text


@pytest.mark.parametrize("name", LIVES)
def test_values_are_escaped(name: str) -> None:
    """Markup in names, reasons, actors and addresses is shown and never obeyed."""
    changed = poisoned(LIVES[name]())
    assert isinstance(changed, dict)
    for week in changed["weeks"]:
        week["business"] = {"<script>": 0.02}
    page = life_page(changed)
    assert "<script" not in page
    assert Reading(page).open == []


def test_a_long_history_before_the_first_model_leaves_the_chart_its_room() -> None:
    """The chart of quality begins with the first decision or figure, not with the first row that was taken in."""
    life = lives.life()
    first = life["partitions"][0]
    old = first | {"start": "2024-01-01T00:00:00+00:00", "end": "2024-01-02T00:00:00+00:00"}
    long = life | {"partitions": [old | {"versions": [], "realised": None}, *life["partitions"]]}
    assert quality(life_page(long)) == quality(life_page(life))


def test_weeks_before_the_first_decision_are_folded_away() -> None:
    """Months of history that were there before any model do not bury the weeks that have something to tell."""
    life = lives.life()
    quiet = life["weeks"][0] | {"decisions": [], "realised": None, "never_retrained": None, "rows": 77}
    page = life_page(life | {"weeks": [quiet] * 20 + life["weeks"]})
    shown, folded = page.split("<summary>20 weeks before the first decision</summary>")
    assert '<td class="n">77</td>' not in shown
    assert folded.count('<td class="n">77</td>') == 20
    assert "before the first decision" not in life_page(life)


def quality(page: str) -> str:
    """Give the section of the realised quality."""
    begin = page.index('aria-labelledby="quality"')
    return page[begin : page.index("</section>", begin)]


def test_a_life_by_months() -> None:
    """Where a partition is a month the page speaks of months, in the pipeline's own time zone."""
    month = lives.life()["weeks"][-1]
    month |= {"start": "2026-05-31T23:00:00+00:00", "end": "2026-06-30T23:00:00+00:00"}
    life = lives.life() | {"period": "month", "timezone": "Europe/Lisbon", "weeks": [month]}
    reading = Reading(life_page(life))
    for words in ("Month by month", "by month", "Jun 2026", "Europe/Lisbon"):
        assert words in reading.text
    assert "week of" not in reading.text


def test_a_life_without_quarantine_says_so() -> None:
    """Where nothing was put aside or withheld, a sentence stands in for an empty chart."""
    life = lives.life()
    for part in life["partitions"]:
        part |= {"quarantined": 0, "accepted": True}
    assert "No row was quarantined and no partition withheld." in Reading(life_page(life)).text


def test_partitions_stand_in_for_weeks() -> None:
    """Where no week is complete the chart shows the partitions."""
    life = lives.life() | {"weeks": []}
    assert "champion of the time" in Reading(life_page(life)).text
