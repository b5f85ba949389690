"""The declared value of decisions."""

from __future__ import annotations

import pytest

from retrain_assets.errors import SpecError
from retrain_assets.spec import load_spec
from retrain_assets_tests.spec.test_declarations import declared

BENEFITS = {
    "true_positive": 5,
    "false_positive": -1,
    "true_negative": 0,
    "false_negative": 0,
    "currency": "EUR",
}


def value_of(**changes):
    """Load the benefits with some of them changed; None leaves a field out."""
    written = {name: amount for name, amount in (BENEFITS | changes).items() if amount is not None}
    return load_spec(declared(promotion={"value": written}), "defs.yaml").promotion.value


def test_benefits_are_numbers_or_columns():
    """A benefit is a number or the name of a column, and columns are listed once."""
    assert value_of().columns == ()
    assert value_of(true_positive="worth", true_negative="worth").columns == ("worth",)


def test_the_metric_decides_where_nothing_else_is_declared():
    """Value is told by default, and decides where that is declared."""
    assert load_spec(declared(promotion={"value": BENEFITS}), "defs.yaml").promotion.decide_by == "metric"
    by_value = load_spec(declared(promotion={"value": BENEFITS, "decide_by": "value"}), "defs.yaml")
    assert by_value.promotion.decide_by == "value"


@pytest.mark.parametrize(
    ("promotion", "message"),
    [
        (
            {"value": {name: BENEFITS[name] for name in ("true_positive", "false_positive", "currency")}},
            "promotion.value: the benefit of true_negative and false_negative is missing; declare that of each of the "
            "four outcomes (0 for what changes nothing), or a function.",
        ),
        (
            {"value": BENEFITS | {"false_positive": 0}},
            "promotion.value: true_negative (0) must be worth more than false_positive (0): else one decision is the "
            "better one whatever a model says.",
        ),
        (
            {"value": {"function": "shop.money:kept", "threshold": 0.5, "currency": "EUR"}},
            "promotion.value: threshold belongs to benefits of outcomes, and function takes their place.",
        ),
        (
            {"value": {"function": "shop.money:kept"}},
            "promotion.value.currency: this field is needed and has no default. Declare it.",
        ),
        (
            {"value": BENEFITS | {"true_positive": float("inf")}},
            "promotion.value.true_positive: inf is no amount of money; write a number, or the name of a column.",
        ),
        (
            {"decide_by": "value"},
            "promotion: decide_by: value needs value, which says what the outcomes are worth.",
        ),
    ],
)
def test_what_cannot_be_counted_is_refused(promotion, message):
    """Half a declaration, benefits that depend on no label, and two forms at once are told in a sentence."""
    with pytest.raises(SpecError) as caught:
        load_spec(declared(promotion=promotion), "defs.yaml")
    assert str(caught.value).splitlines()[0].removeprefix("defs.yaml: ") == message
