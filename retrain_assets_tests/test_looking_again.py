"""A candidate that is inconclusive and looked at again, through the real sensor and jobs."""

from __future__ import annotations

import json

import pytest

from retrain_assets.attempts import attempts
from retrain_assets_tests.running import YOUNG, declared_anew, materialized, next_days, serving
from retrain_assets_tests.ticking import Automation, reasons

pytestmark = YOUNG

BUDGET = {"promotion": {"false_promotions_per_year": 1, "min_gain": 0.0}}
ALPHA = 1 / (2 * 6 * 13)
"""One false promotion a year, shared out among two looks at each of six attempts in each of 13 times 30 days."""


def rounds(number):
    """Give the estimator's parameters with so many rounds of boosting."""
    return {"training__params": {"max_iter": number, "min_samples_leaf": 10}}


def test_an_inconclusive_candidate_is_looked_at_again(tmp_path):
    """Two weeks later the sensor asks for the next look, all rows since judge, and the same model is promoted."""
    running = serving(tmp_path, **rounds(5), **BUDGET)
    running = declared_anew(running, **rounds(7), **BUDGET)
    next_days(running, 3)
    first = running.retrain()
    seen = materialized(first)["evaluation_report"]
    assert (seen["verdict"], seen["reason"], seen["look"]) == ("inconclusive", "gain_unclear", 1)
    assert seen["alpha"] == pytest.approx(ALPHA)

    sensor = Automation(running.declaration, running.instance)
    assert sensor.decide().run_requests == []
    next_days(running, 14)
    asked = sensor.decide()
    assert reasons(asked) == ["next_look"]
    (request,) = asked.run_requests
    nodes = [key.path[-1] for key in request.asset_selection]
    assert (sorted(nodes), request.tags["retrain_assets/attempt"]) == (
        ["evaluation_report", "registered_model"],
        first.run_id,
    )
    again = running.run("retrain", nodes=nodes, tags=request.tags)
    assert again.success
    found = materialized(again)
    shown = found["evaluation_report"]
    assert (shown["verdict"], shown["holdout_rows"], shown["look"]) == ("blessed", 21 * 120, 2)
    assert shown["alphas_used_in_a_year"] == pytest.approx(3 * ALPHA, rel=1e-5)
    assert found["registered_model"]["outcome"] == "promoted"

    lake = running.declaration.lake
    assert len(attempts(lake, "trained")) == 2
    entry = running.declaration.ledger.entries()[-1]
    assert (entry.evidence["attempt"], entry.as_of) == (first.run_id, running.declaration.data_clock())
    assert (entry.evidence["look"]["kind"], entry.evidence["look"]["cost"]) == ("later", pytest.approx(ALPHA))
    folder = running.declaration.reports / "evaluations"
    document = json.loads((folder / f"{first.run_id}-look-2" / "evaluation.json").read_text())
    assert document["comparisons"][0]["vs_champion"]["estimator"] == "confidence_sequence"
    assert document["windows"]["holdout"] == "21d"
    assert json.loads((folder / first.run_id / "evaluation.json").read_text())["look"]["number"] == 1
    life = json.loads((running.declaration.reports / "life.json").read_text())
    told = [sentence for week in life["weeks"] for sentence in week["decisions"]]
    assert any("looked at the candidate again, blessed (better)" in sentence for sentence in told)
    assert sensor.decide().run_requests == []
