"""Verdicts: blessed, rejected or inconclusive, and when to look again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrain_assets.comparison import METRICS, Comparison
from retrain_assets.evaluation_report.slices import Slice
from retrain_assets.evaluation_report.verdict import decide_verdict, minimum_gain
from retrain_assets.evaluation_report.verdict_evidence import LONGEST_WAIT, Evidence
from retrain_assets.spec import PromotionSpec
from retrain_assets.spec.training import MINIMUM_BLOCKS

AS_OF = datetime(2026, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)
T = 2.4469  # Student's t for seven blocks, 95 %
POWER_T = 0.9057


def gain(improvement, error, blocks=7, rows=35_000):
    """Make a comparison with a given improvement and standard error."""
    return Comparison(
        metric="log_loss",
        candidate=0.1 - improvement,
        reference=0.1,
        improvement=improvement,
        lower=improvement - T * error,
        upper=improvement + T * error,
        p_value=0.5,
        standard_error=error,
        smallest_detectable=(T + POWER_T) * error,
        effective_rows=rows,
        blocks=blocks,
        rows=rows,
        alpha=0.05,
    )


def evidence(vs_champion=None, vs_baseline=None, **changes):
    """Evidence from seven days of a daily pipeline."""
    facts = {
        "rows": 35_000,
        "blocks": 7,
        "noun": "days",
        "as_of": AS_OF,
        "holdout": 7 * DAY,
        "partition": DAY,
    }
    return Evidence(
        metric=METRICS["log_loss"],
        vs_champion=vs_champion,
        vs_baseline=vs_baseline or gain(0.02, 0.001),
        **(facts | changes),
    )


def judge(*arguments, rule=None, **changes):
    """Give the verdict's and the reason's codes."""
    verdict = decide_verdict(evidence(*arguments, **changes), PromotionSpec.model_validate(rule or {}))
    return verdict.verdict, verdict.reason


@pytest.mark.parametrize(
    ("improvement", "error", "expected"),
    [
        (0.010, 0.001, ("blessed", "better")),
        (-0.010, 0.001, ("rejected", "worse")),
        (-0.0001, 0.0002, ("rejected", "no_gain")),  # upper end 0.0004, worth having 0.002
        (0.0001, 0.0003, ("rejected", "no_gain")),
        (0.0, 0.0, ("rejected", "no_gain")),
        (0.001, 0.001, ("inconclusive", "gain_unclear")),  # upper end 0.0034
        (-0.001, 0.002, ("inconclusive", "gain_unclear")),
    ],
)
def test_the_interval_over_the_champion_decides(improvement, error, expected):
    """Blessed if all of it is gain, rejected if a gain worth having is ruled out, else inconclusive."""
    assert judge(gain(improvement, error), gain(0.02 + improvement, 0.001)) == expected


@pytest.mark.parametrize(
    ("improvement", "error", "expected"),
    [
        (0.010, 0.001, ("blessed", "better")),
        (0.0, 0.0003, ("blessed", "not_worse")),
        (0.0, 0.0, ("blessed", "not_worse")),
        (-0.0005, 0.0001, ("blessed", "not_worse")),  # surely worse, by less than the margin
        (-0.003, 0.0005, ("rejected", "worse")),
        (0.0, 0.002, ("inconclusive", "gain_unclear")),
    ],
)
def test_non_inferiority_allows_a_loss_up_to_the_margin(improvement, error, expected):
    """With a margin a candidate is blessed when a loss of the margin or more is ruled out."""
    rule = {"rule": "non_inferiority", "margin": 0.001}
    assert judge(gain(improvement, error), gain(0.02, 0.001), rule=rule) == expected


@pytest.mark.parametrize(
    ("improvement", "error", "expected"),
    [
        (0.010, 0.001, ("blessed", "first_champion")),
        (-0.010, 0.001, ("rejected", "below_baseline")),
        (0.0, 0.0, ("rejected", "below_baseline")),
        (0.001, 0.001, ("inconclusive", "gain_unclear")),
    ],
)
def test_the_first_model_must_beat_the_baseline(improvement, error, expected):
    """Without a champion the gain over the naive baseline decides."""
    assert judge(None, gain(improvement, error)) == expected


def test_a_number_worth_having_holds_for_the_first_model_too():
    """A first model whose gain over the baseline is surely below min_gain is rejected."""
    assert judge(None, gain(0.0005, 0.0004), rule={"min_gain": 0.01}) == ("rejected", "below_baseline")


WORSE = Slice("device", "tv", 1_200, 0.12, 0.1, -0.02, -0.03, -0.01, p_corrected=0.001, worse=True)


@pytest.mark.parametrize(
    ("improvement", "rule", "expected"),
    [
        (0.010, None, ("rejected", "slice_worse")),
        (0.0, {"rule": "non_inferiority", "margin": 0.01}, ("rejected", "slice_worse")),
        (-0.010, None, ("rejected", "worse")),
        (0.0, None, ("inconclusive", "gain_unclear")),
    ],
)
def test_a_worse_slice_takes_a_blessing_away(improvement, rule, expected):
    """A candidate that would be blessed is rejected for a slice; other verdicts do not ask for slices."""
    gains = gain(improvement, 0.001), gain(0.02 + improvement, 0.001)
    assert judge(*gains, rule=rule, worse_slices=(WORSE,)) == expected
    assert (judge(*gains, rule=rule)[0] == "blessed") == (expected[1] == "slice_worse")


def test_the_sentence_names_the_slice_and_its_interval():
    """Slices are named with loss, interval and rows, the gain on all rows beside them; a fourth by name only."""
    found = evidence(gain(0.01, 0.001), worse_slices=(WORSE,))
    assert decide_verdict(found, PromotionSpec()).sentence == (
        "The champion stays, because the candidate, which passes on all rows together, is significantly worse in "
        "one slice (after Holm's correction): log loss worsens where device = tv by 0.02 nats per row (95 % "
        "interval of the improvement: -0.03 to -0.01; 1,200 rows). On all rows log loss improves by 0.01 nats per "
        "row (95 % interval of the improvement: 0.00755 to 0.0124; 35,000 rows, 7 days)."
    )
    four = evidence(gain(0.01, 0.001), worse_slices=(WORSE,) * 3 + (replace(WORSE, value="pc"),))
    sentence = decide_verdict(four, PromotionSpec()).sentence
    assert "significantly worse in 4 slices" in sentence
    assert "; worse too are device = pc. On all rows" in sentence


def test_a_candidate_below_the_baseline_is_never_blessed():
    """A candidate better than a broken champion, and surely worse than a constant, is rejected."""
    assert judge(gain(0.05, 0.001), gain(-0.01, 0.001)) == ("rejected", "below_baseline")


def test_without_evidence_nothing_is_promoted():
    """Few blocks, few rows or an unreadable champion give inconclusive, whatever the gain."""
    strong = gain(0.05, 0.0001)
    assert judge(strong, blocks=6) == ("inconclusive", "too_few_blocks")
    assert judge(strong, rows_problem="only 3 rows") == ("inconclusive", "too_few_rows")
    assert judge(None, strong, champion_problem="its file is gone") == ("inconclusive", "champion_unscorable")
    nothing = Evidence(METRICS["log_loss"], 0, 0, "days", AS_OF, 7 * DAY, DAY)
    assert decide_verdict(nothing, PromotionSpec()).verdict == "inconclusive"


@pytest.mark.parametrize(
    ("noun", "advice"),
    [
        (
            "days",
            "If rows always come so seldom, lengthen evaluation.holdout until 7 of its days hold rows, or declare "
            "evaluation.block: row, or the column of an entity, if rows of one time do not depend on each other.",
        ),
        ("values of city", "If it always is so, lengthen evaluation.holdout."),
    ],
)
def test_too_few_blocks_tell_what_to_declare(noun, advice):
    """Monthly snapshots lie in one day of a week's holdout: the sentence says what a person can declare."""
    few = Evidence(METRICS["log_loss"], 1500, 1, noun, AS_OF, 7 * DAY, DAY)
    assert decide_verdict(few, PromotionSpec()).sentence == (
        "The candidate cannot be judged yet: its 1,500 rows lie in one block, and an honest interval needs at "
        f"least 7. {advice}"
    )


def test_a_share_is_taken_of_the_champions_advantage():
    """10 % of a champion 0.02 better than the baseline is 0.002; without an advantage it is nothing."""
    promotion = PromotionSpec()
    assert minimum_gain(promotion, gain(0.01, 0), gain(0.03, 0)) == pytest.approx(0.002)
    assert minimum_gain(promotion, gain(0.03, 0), gain(0.01, 0)) == 0
    assert minimum_gain(promotion, None, gain(0.01, 0)) == 0
    assert minimum_gain(PromotionSpec(min_gain=0.005), None, None) == 0.005


def test_the_next_look_is_when_the_rows_would_tell():
    """The wait grows the seven days until the smallest detectable gain is the observed one."""
    unclear = gain(0.002, 0.001)
    verdict = decide_verdict(evidence(unclear, gain(0.022, 0.001)), PromotionSpec())
    needed = 7 * (unclear.smallest_detectable / 0.002) ** 2
    assert verdict.next_look - AS_OF == pytest.approx((needed - 7) * DAY, abs=timedelta(seconds=1))
    assert verdict.sentence.endswith(
        f"The next look is due on {verdict.next_look:%Y-%m-%d}, when the holdout is about 20 days long, which should "
        "tell."
    )


def test_the_next_look_is_told_by_the_local_day():
    """Where the pages name another day than UTC does, so does the sentence."""
    here = evidence(gain(0.002, 0.001), gain(0.022, 0.001))
    far = decide_verdict(replace(here, timezone="Pacific/Kiritimati"), PromotionSpec())
    local = far.next_look.astimezone(ZoneInfo("Pacific/Kiritimati"))
    assert f"{local:%Y-%m-%d}" != f"{far.next_look:%Y-%m-%d}"
    assert f"The next look is due on {local:%Y-%m-%d}, when" in far.sentence


def test_non_inferiority_waits_until_the_margin_can_be_told_from_zero():
    """Two equal models: the next look is when the rows would show a difference of the margin."""
    rule = PromotionSpec(rule="non_inferiority", margin=0.01)
    unclear = gain(0.0, 0.0045)
    verdict = decide_verdict(evidence(unclear), rule)
    assert verdict.reason == "gain_unclear"
    needed = 7 * (unclear.smallest_detectable / 0.01) ** 2
    assert verdict.next_look - AS_OF == pytest.approx((needed - 7) * DAY, abs=timedelta(seconds=1))
    assert "the holdout is about 16 days long" in verdict.sentence


def test_a_gain_that_would_take_for_ever_waits_ninety_days():
    """Without an observed gain, and with no gain worth having declared, the next look is in 90 days."""
    verdict = decide_verdict(evidence(gain(-0.0001, 0.01)), PromotionSpec(min_gain=0.0))
    assert verdict.next_look == AS_OF + LONGEST_WAIT
    assert verdict.sentence.endswith(
        f"The next look is due on {verdict.next_look:%Y-%m-%d}, though even the 97 days of holdout that there are then "
        "may be too few to tell."
    )


@pytest.mark.parametrize(
    ("changes", "wait"),
    [
        ({"blocks": 5, "holdout": 5 * DAY}, 2 * DAY),
        ({"blocks": 6, "holdout": 6 * DAY, "partition": 7 * DAY}, 7 * DAY),
        ({"rows_problem": "only 3 rows"}, 7 * DAY),
        ({"champion_problem": "its file is gone"}, DAY),
    ],
)
def test_the_next_look_follows_new_rows(changes, wait):
    """Missing blocks are awaited, one partition at the least."""
    assert decide_verdict(evidence(gain(0, 0.1), **changes), PromotionSpec()).next_look == AS_OF + wait


def test_the_sentence_says_gain_interval_and_rows():
    """A stakeholder reads who wins, by how much in the metric's unit, and on what that rests."""
    verdict = decide_verdict(evidence(gain(0.01, 0.001), gain(0.02, 0.001)), PromotionSpec())
    assert verdict.sentence == (
        "The candidate is better than the champion: log loss improves by 0.01 nats per row "
        "(95 % interval of the improvement: 0.00755 to 0.0124; 35,000 rows, 7 days)."
    )


numbers = st.floats(-10, 10).map(lambda x: round(x, 6))
errors = st.floats(0, 10).map(lambda x: round(x, 6))
promotions = st.one_of(
    st.floats(0, 5).map(lambda x: PromotionSpec(min_gain=x)),
    st.integers(0, 100).map(lambda x: PromotionSpec(min_gain=f"{x}%")),
)


@given(numbers, errors, numbers, errors, promotions)
@settings(max_examples=300, deadline=None)
def test_blessed_means_all_of_the_interval_is_gain(improvement, error, over_baseline, base_error, promotion):
    """Superiority blesses if and only if L > 0, unless the model is surely worse than a constant."""
    vs_champion, vs_baseline = gain(improvement, error), gain(over_baseline, base_error)
    verdict = decide_verdict(evidence(vs_champion, vs_baseline), promotion)
    worth = minimum_gain(promotion, vs_champion, vs_baseline)
    broken = vs_baseline.upper < 0
    assert (verdict.verdict == "blessed") == (vs_champion.lower > 0 and not broken)
    if verdict.verdict == "rejected" and not broken:
        assert vs_champion.upper < worth or vs_champion.upper <= 0
    if verdict.verdict == "inconclusive":
        assert vs_champion.upper >= worth
        assert AS_OF + DAY <= verdict.next_look <= AS_OF + LONGEST_WAIT
    else:
        assert verdict.next_look is None


@given(numbers, st.floats(0.001, 10), promotions)
@settings(max_examples=200, deadline=None)
def test_two_models_cannot_both_replace_each_other(improvement, error, promotion):
    """If a candidate is blessed, the champion in its place would be rejected as worse."""
    if judge(gain(improvement, error), gain(100, 1))[0] == "blessed":
        verdict = decide_verdict(evidence(gain(-improvement, error), gain(100, 1)), promotion)
        assert (verdict.verdict, verdict.reason) == ("rejected", "worse")


@given(st.integers(0, MINIMUM_BLOCKS - 1), numbers, errors)
@settings(max_examples=100, deadline=None)
def test_too_few_blocks_never_decide(blocks, improvement, error):
    """Below seven blocks no gain blesses and no loss rejects."""
    assert judge(gain(improvement, error), blocks=blocks)[0] == "inconclusive"


@pytest.mark.parametrize(
    "facts",
    [
        {"vs_champion": gain(0.001, 0.003)},
        {"blocks": 3},
        {"budget_problem": "The year's budget is spent.", "budget_returns": AS_OF + 9 * DAY},
    ],
)
def test_a_trial_announces_no_look(facts):
    """Nobody looks at a trial again: its inconclusive verdict names no date, in words or otherwise."""
    usual, trial = (decide_verdict(evidence(**facts, trial=kind), PromotionSpec()) for kind in (False, True))
    assert (usual.verdict, trial.verdict) == ("inconclusive", "inconclusive")
    assert usual.next_look is not None
    assert trial.next_look is None
    assert "next look" not in trial.sentence
