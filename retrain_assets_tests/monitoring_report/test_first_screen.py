from __future__ import annotations

from typing import Any

import pytest

from retrain_assets.monitoring_report.first_screen import newest_candidate
from retrain_assets_tests.pages import lives

DUE = "2026-07-08T09:21:00+00:00"


@pytest.fixture
def life() -> dict[str, Any]:
    """A life whose newest candidate is inconclusive, and was judged after the last change of champion."""
    document = lives.life()
    document["evaluations"][-1] |= {
        "at": "2026-07-01T02:30:00+00:00",
        "verdict": "inconclusive",
        "reason": "gain_unclear",
        "next_look": DUE,
    }
    return document


def test_of_candidates_with_the_same_data_the_later_one_is_the_newest(life: dict[str, Any]) -> None:
    """Two retrains with the data up to one moment are told apart by the clock."""
    again = life["evaluations"][-1] | {"at": "2026-07-01T03:30:00+00:00", "attempt": "again"}
    newest = newest_candidate(life | {"evaluations": [*life["evaluations"], again]})
    assert newest is not None
    assert newest["attempt"] == "again"


@pytest.mark.parametrize(
    ("reason", "looks"),
    [
        ("gain_unclear", True),
        ("error_budget_spent", True),
        ("too_few_rows", False),
        ("champion_unscorable", False),
    ],
)
def test_a_next_look_is_told_of_a_candidate_that_will_get_one(
    life: dict[str, Any], reason: str, looks: bool
) -> None:
    """A candidate that could not be compared is followed by another, and not looked at again."""
    life["evaluations"][-1]["reason"] = reason
    newest = newest_candidate(life)
    assert newest is not None
    assert newest["next_look"] == (DUE if looks else None)
