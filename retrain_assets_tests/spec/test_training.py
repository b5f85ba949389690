"""The promotion block: an alpha or a budget of false promotions."""

from __future__ import annotations

import pytest

from retrain_assets.errors import SpecError
from retrain_assets.spec import load_spec
from retrain_assets_tests.spec.test_declarations import LEAST, declared


def test_a_budget_of_false_promotions_may_be_declared():
    """Without one there is none, and alpha keeps its default."""
    assert load_spec(LEAST, "defs.yaml").promotion.false_promotions_per_year is None
    spec = load_spec(declared(promotion__false_promotions_per_year=0.5), "defs.yaml")
    assert spec.promotion.false_promotions_per_year == 0.5


@pytest.mark.parametrize(
    ("promotion", "message"),
    [
        (
            {"false_promotions_per_year": 1, "alpha": 0.05},
            "defs.yaml: promotion: false_promotions_per_year sets alpha, so declare one of the two.",
        ),
        (
            {"false_promotions_per_year": 0},
            "defs.yaml: promotion.false_promotions_per_year: input should be greater than 0, but the file says 0.",
        ),
    ],
)
def test_a_budget_that_says_two_things_is_refused(promotion, message):
    """Alpha beside a budget, even the default one, and a budget of nothing are told in a sentence."""
    with pytest.raises(SpecError) as caught:
        load_spec(declared(promotion=promotion), "defs.yaml")
    assert str(caught.value) == message
