"""What decisions are worth, row by row."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain_assets.comparison import (
    Criterion,
    deciding_criterion,
    decision_threshold,
    value_criterion,
)
from retrain_assets.errors import TrainingError
from retrain_assets.spec import ValueSpec, load_spec
from retrain_assets_tests.spec.test_declarations import declared
from retrain_assets_tests.spec.test_value import BENEFITS

MONEY = "retrain_assets_tests.comparison.money"
ROWS = pl.DataFrame({"worth": [10.0, 20.0, 30.0, 40.0], "price": [2.0, 2.0, 3.0, 3.0]})
Y = np.array([1.0, 1.0, 0.0, 0.0])
SCORE = np.array([0.9, 0.1, 0.9, 0.1])


def money(y=Y, score=SCORE, rows=ROWS, task="classification", **changes):
    """The money of each row."""
    written = {name: amount for name, amount in (BENEFITS | changes).items() if amount is not None}
    return value_criterion(ValueSpec(**written), task).of(rows, y, score)


def by_function(name):
    """The money of each row by a function, of orders of 3 where 5 or 2 were wanted."""
    value = ValueSpec(function=f"{MONEY}:{name}", currency="EUR")
    return value_criterion(value, "regression").of(ROWS[:2], np.array([5.0, 2.0]), np.array([3.0, 3.0]))


def test_each_outcome_has_its_benefit():
    """A true positive, a false negative, a false positive and a true negative, in this order, as by hand."""
    assert money(true_negative=0.5, false_negative=-2).tolist() == [5, -2, -1, 0.5]


def test_rows_can_have_amounts_of_their_own():
    """A row is acted on where its own amount pays: at .1, 40 times .1 outweighs 3 times .9, and 20 times .1 does not."""
    assert money(true_positive="worth", false_positive=-3).tolist() == [10, 0, -3, -3]
    assert money(true_positive="worth", false_positive=-3, y=np.ones(4)).tolist() == [10, 0, 30, 40]


def test_the_threshold_is_that_of_the_greatest_expected_benefit():
    """Of 5 to win and 1 to lose the threshold is one sixth, or what is declared; rows' amounts have none."""
    assert decision_threshold(ValueSpec(**BENEFITS)) == pytest.approx(1 / 6)
    assert decision_threshold(ValueSpec(**BENEFITS, threshold=0.4)) == 0.4
    assert decision_threshold(ValueSpec(**BENEFITS | {"true_positive": "worth"})) is None
    assert money(score=np.array([0.17, 0.16, 0.17, 0.16])).tolist() == [5, 0, -1, 0]
    assert money(threshold=0.95).tolist() == [0, 0, 0, 0]


@given(
    true_positive=st.floats(0.5, 10),
    false_positive=st.floats(-10, -0.5),
    probability=st.floats(0.01, 0.99),
)
def test_no_decision_has_a_greater_expected_benefit(true_positive, false_positive, probability):
    """What is done has the greater expected benefit of the two decisions, whatever the benefits."""
    benefits = {"true_positive": true_positive, "false_positive": false_positive}
    rows, score = ROWS[:2], np.full(2, probability)
    won, lost = money(np.array([1.0, 0.0]), score, rows, **benefits)
    expected = probability * won + (1 - probability) * lost
    acting = probability * true_positive + (1 - probability) * false_positive
    assert expected == pytest.approx(max(acting, 0))


def test_a_function_counts_the_money_of_a_regression():
    """A function is given rows, labels and predictions; its amounts are taken as they are."""
    assert by_function("margin").tolist() == [2 * 3 - 3, 2 * 2 - 3]


@pytest.mark.parametrize(
    ("count", "message"),
    [
        (
            lambda: money(true_positive="wroth"),
            "promotion.value.true_positive: 'wroth' is no column of the source. Mend the declaration.",
        ),
        (
            lambda: money(true_positive="worth", rows=ROWS.with_columns(worth=pl.Series([1, None, 2, 3]))),
            "promotion.value.true_positive: the column 'worth' holds no number in 1 of 4 rows. Deliver an amount "
            "for every row, or name another column.",
        ),
        (
            lambda: money(task="regression"),
            "promotion.value: true and false positives are outcomes of two classes, and training.estimator does "
            "regression. Declare promotion.value.function instead.",
        ),
        (
            lambda: by_function("short"),
            f"promotion.value.function: {MONEY}:short gave an array of shape (1,) for 2 rows, and one amount a row "
            "is needed.",
        ),
        (
            lambda: by_function("unknown"),
            f"promotion.value.function: {MONEY}:unknown failed on 2 rows with ColumnNotFoundError: ",
        ),
    ],
)
def test_what_cannot_be_counted_is_told_in_a_sentence(count, message):
    """A column that is missing or empty, another task, and a function that fails are told with their place."""
    with pytest.raises(TrainingError) as caught:
        count()
    assert str(caught.value).startswith(message)


def test_what_decides():
    """The first metric decides, or value where that is declared; a metric takes scores as they are."""
    plain = deciding_criterion(
        load_spec(declared(promotion={"value": BENEFITS}), "defs.yaml"), "classification"
    )
    assert plain.metric.name == "log_loss"
    assert plain.of(ROWS, Y, SCORE) is SCORE
    promotion = {"value": BENEFITS, "decide_by": "value"}
    by_value = deciding_criterion(load_spec(declared(promotion=promotion), "defs.yaml"), "classification")
    assert (by_value.metric.name, by_value.metric.unit) == ("value", "EUR per row")
    assert isinstance(by_value, Criterion) and by_value.columns == ()
