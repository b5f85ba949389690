"""How importances move from the champion to the candidate."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrain_assets.evaluation_report.explanation_shift import explanation_shift


def entries(candidate, champion):
    """One entry a feature, named by letters."""
    names = [chr(ord("a") + i) for i in range(len(candidate))]
    return [
        {"feature": name, "candidate": one, "champion": other}
        for name, one, other in zip(names, candidate, champion, strict=True)
    ]


def test_the_distance_by_hand():
    """Shares .2, .5, .3 against .6, .3, .1 differ by half of .4 + .2 + .2; gains and losses are told with ranks."""
    found = explanation_shift(entries([2.0, 5.0, 3.0], [0.06, 0.03, 0.01]))
    assert found.distance == pytest.approx(0.4)
    assert not found.holds
    assert found.sentence == (
        "40% of the reliance on features has moved: b gained (30% to 50%, rank 2 to 1), "
        "c gained (10% to 30%, rank 3 to 2), a lost (60% to 20%, rank 1 to 3)."
    )


def test_a_feature_that_the_champion_lacks_has_gained_all_its_share():
    """An importance that is missing, or below 0 by chance, is no reliance."""
    found = explanation_shift(entries([1.0, 1.0, -0.2], [2.0, None, -0.5]))
    assert found.distance == pytest.approx(0.5)
    assert "b gained (0% to 50%, rank 2)" in found.sentence


def test_a_slight_move_holds():
    """Up to a quarter holds, and features that hardly moved are not named."""
    found = explanation_shift(entries([0.51, 0.49], [0.49, 0.51]))
    assert found.holds
    assert found.sentence == "2% of the reliance on features has moved."
    assert explanation_shift(entries([0.75, 0.25], [0.5, 0.5])).holds
    assert not explanation_shift(entries([0.76, 0.24], [0.5, 0.5])).holds


@pytest.mark.parametrize(
    ("candidate", "champion", "words"),
    [
        ([], [], "no importances of a champion"),
        ([1.0], [None], "no importances of a champion"),
        ([0.0, -0.1], [1.0, 0.0], "does not harm the candidate"),
        ([1.0, 0.1], [0.0, -1.0], "does not harm the champion"),
    ],
)
def test_what_cannot_be_compared_holds_and_says_so(candidate, champion, words):
    """Without a champion, or with a model that relies on nothing, there is a sentence and no distance."""
    found = explanation_shift(entries(candidate, champion))
    assert (found.distance, found.holds) == (None, True)
    assert words in found.sentence


importances = st.lists(st.tuples(st.floats(0.001, 5), st.floats(0.001, 5)), min_size=1, max_size=12)


@given(importances, st.floats(0.1, 10))
@settings(max_examples=100, deadline=None)
def test_the_distance_is_a_distance(pairs, factor):
    """It lies between 0 and 1, is the same both ways, does not depend on the scale, and is 0 for like models."""
    one, other = ([pair[i] for pair in pairs] for i in (0, 1))
    distance = explanation_shift(entries(one, other)).distance
    assert 0 <= distance <= 1
    assert explanation_shift(entries(other, [factor * value for value in one])).distance == pytest.approx(
        distance
    )
    assert explanation_shift(entries(one, one)).distance == 0
