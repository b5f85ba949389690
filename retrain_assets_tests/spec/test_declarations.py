"""What a declaration may say, and the sentences for what it may not."""

from __future__ import annotations

import math
from copy import deepcopy
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain_assets.errors import SpecError
from retrain_assets.spec import format_duration, load_spec, parse_duration
from retrain_assets.spec.value import OUTCOMES

LEAST = {
    "name": "churn",
    "source": {"path": "customers.csv", "timestamp": "month_end"},
    "label": {"column": "churned", "delay": "30d"},
}


def declared(**changes):
    """The least declaration with dotted fields changed."""
    attributes = deepcopy(LEAST)
    for path, value in changes.items():
        *parents, last = path.split("__")
        block = attributes
        for parent in parents:
            block = block.setdefault(parent, {})
        block[last] = value
    return attributes


def test_the_least_declaration_has_honest_defaults():
    """Name, source and label are enough; the rest is filled in."""
    spec = load_spec(LEAST, "defs.yaml")
    assert spec.timezone == "UTC"
    assert spec.source.partition == "daily"
    assert spec.evaluation.holdout == timedelta(days=7)
    assert spec.promotion.alpha == 0.05


FAULTS = [
    (declared(sorce={}), "defs.yaml: sorce: there is no field 'sorce' here. Did you mean 'source'?"),
    (
        declared(retrain_when__schedul="0 2 * * 1"),
        "defs.yaml: retrain_when.schedul: there is no field 'schedul' here. Did you mean 'schedule'?",
    ),
    (
        declared(source__partition="dayly"),
        "defs.yaml: source.partition: 'dayly' is not known here. Did you mean 'daily'?",
    ),
    (
        declared(label__delay="soon"),
        "defs.yaml: label.delay: 'soon' is no duration: write a number and a unit, such as 30m, 12h, 7d or 4w.",
    ),
    (
        declared(training__minimum_rows="many"),
        "defs.yaml: training.minimum_rows: input should be a valid integer, unable to parse string as an integer, "
        "but the file says 'many'.",
    ),
    (
        declared(promotion__alpha=0.7),
        "defs.yaml: promotion.alpha: input should be less than 0.5, but the file says 0.7.",
    ),
    (
        declared(name="../outside"),
        "defs.yaml: name: the name '../outside' must be a small letter followed by small letters, digits and _, "
        "63 at most.",
    ),
    (
        declared(timezone="Europe/Nowhere"),
        "defs.yaml: timezone: 'Europe/Nowhere' is no time zone; write one such as UTC or Europe/Berlin.",
    ),
    (
        declared(evaluation__metrics=["roc_auk"]),
        "defs.yaml: evaluation.metrics[0]: the metric 'roc_auk' is not known. Did you mean 'roc_auc'?",
    ),
    (
        declared(source__url="sqlite:///x.db", source__table="t"),
        "defs.yaml: source: declare exactly one of path, url and function; the file declares path and url.",
    ),
    (
        declared(promotion__margin=0.1),
        "defs.yaml: promotion: margin belongs to rule: non_inferiority, which needs it.",
    ),
    (
        declared(training__window={"type": "rolling"}),
        "defs.yaml: training.window: a rolling window needs exactly one of length and rows.",
    ),
    (
        declared(label__delay="99999999999d"),
        "defs.yaml: label.delay: '99999999999d' is longer than a hundred years; write one such as 12h, 7d or 4w.",
    ),
    (
        declared(evaluation__holdout="9" * 400 + "d"),
        f"defs.yaml: evaluation.holdout: '{'9' * 20}' is longer than a hundred years; write one such as 12h, 7d or 4w.",
    ),
    (
        declared(timezone="Europe"),
        "defs.yaml: timezone: 'Europe' is no time zone; write one such as UTC or Europe/Berlin.",
    ),
    (
        declared(source__read={"separator": "||"}),
        "defs.yaml: source.read.separator: '||' is no separator: write one character, such as ; or | or a tab.",
    ),
    (
        declared(source__read={"separator": ""}),
        "defs.yaml: source.read.separator: '' is no separator: write one character, such as ; or | or a tab.",
    ),
    *(
        (
            declared(label__positive=positive),
            f"defs.yaml: label.positive: {positive!r} is no value of a label: write a number, true, false, or text in "
            "quotes.",
        )
        for positive in ([1], {}, None, math.nan)
    ),
    (
        declared(source__table="customers"),
        "defs.yaml: source: table belongs to url, which the file does not declare; remove it.",
    ),
    (
        declared(source__updated_at="written"),
        "defs.yaml: source: updated_at belongs to url, which the file does not declare; remove it.",
    ),
    *(
        (
            declared(evaluation__block=block),
            f"defs.yaml: evaluation: block: {block} is shorter than a day, and the hours of one day are too much alike "
            "to count as independent; declare 1d or longer, a column, or row.",
        )
        for block in ("1h", "0d")
    ),
    (
        declared(evaluation__holdout="6d"),
        "defs.yaml: evaluation: holdout: 6d holds fewer than 7 blocks of 1d, from which nothing can be told; declare a "
        "longer holdout.",
    ),
    (
        declared(promotion__min_gain=math.nan),
        "defs.yaml: promotion.min_gain: nan is no gain worth having: write a share such as 10% or a number such as "
        "0.002.",
    ),
    (
        declared(promotion={"rule": "non_inferiority", "margin": math.inf}),
        "defs.yaml: promotion.margin: input should be a finite number, but the file says inf.",
    ),
    (
        declared(training__random_state=-5),
        "defs.yaml: training.random_state: input should be greater than or equal to 0, but the file says -5.",
    ),
    (
        declared(retrain_when__business=[{"name": "Default rate", "sql": "AVG(churned)", "below": 1}]),
        "defs.yaml: retrain_when.business[0].name: 'Default rate' cannot be the name of a business metric; begin with a "
        "small letter, and write small letters, digits and underscores, 63 at most, such as 'default_rate'.",
    ),
    (
        declared(retrain_when__business=[{"name": "rate", "sql": "AVG(churned)", "below": 1}] * 2),
        "defs.yaml: retrain_when.business: two business metrics are called 'rate'; rename one.",
    ),
    (
        declared(features__numeric=["age", "age"]),
        "defs.yaml: features.numeric: 'age' is listed twice; remove one.",
    ),
    (
        declared(features={"numeric": ["age"], "exclude": ["age"]}),
        "defs.yaml: features: 'age' is listed as a feature and under exclude; choose one.",
    ),
    (
        declared(features__categorical=["month_end"]),
        "defs.yaml: features: the timestamp 'month_end' cannot be a feature; remove it.",
    ),
    (
        declared(label__column="month_end"),
        "defs.yaml: label.column: 'month_end' is declared as the timestamp too; name another column.",
    ),
    (
        declared(weight="churned"),
        "defs.yaml: label.column: 'churned' is declared as the weight too; name another column.",
    ),
    (
        declared(promotion={"value": dict.fromkeys(OUTCOMES, 0)}),
        "defs.yaml: promotion.value.currency: this field is needed and has no default. Declare it.",
    ),
    (
        declared(promotion={"value": {"true_positive": [1], "currency": "EUR"}}),
        "defs.yaml: promotion.value.true_positive: this is a number or a text, and the file says [1].",
    ),
    (
        declared(retrain_when__performance={"metric": "roc_auc", "drop": -0.02}),
        "defs.yaml: retrain_when.performance.drop: input should be greater than 0, but the file says -0.02.",
    ),
    (
        declared(retrain_when__drift=None),
        "defs.yaml: retrain_when.drift: the block is empty. Write its fields below it, indented, or remove it; {} "
        "stands for its defaults.",
    ),
    (
        declared(label=None),
        "defs.yaml: label: the block is empty. Write its fields below it, indented, or remove it.",
    ),
    (
        declared(training__window="28d"),
        "defs.yaml: training.window: this is a block, and the file says '28d'. Write its fields below it, indented: "
        "type, length, rows.",
    ),
    (
        declared(training__params=["max_iter"]),
        "defs.yaml: training.params: this is a block of names with values, and the file says ['max_iter']. Write lines "
        "of the form name: value below it.",
    ),
    (
        declared(evaluation__metrics="log_loss"),
        "defs.yaml: evaluation.metrics: this is a list, and the file says 'log_loss'. Write each entry behind a dash, "
        "or all of them in brackets.",
    ),
    (
        declared(expectations=None),
        "defs.yaml: expectations: the list is empty. Write its entries below it, each behind a dash, or remove it.",
    ),
    (
        declared(weight=True),
        "defs.yaml: weight: this is a text, and the file says true. Put it in quotes.",
    ),
    (
        declared(label__delay=7),
        "defs.yaml: label.delay: 7 is no duration: write a number and a unit, such as 30m, 12h, 7d or 4w.",
    ),
    (
        declared(features__numeric=["churned"]),
        "defs.yaml: features: the label 'churned' cannot be a feature; remove it.",
    ),
]


@pytest.mark.parametrize(("attributes", "sentence"), FAULTS, ids=[fault[1][11:40] for fault in FAULTS])
def test_a_fault_is_told_as_a_sentence(attributes, sentence):
    """Each fault names the file and the field, and says what to do."""
    with pytest.raises(SpecError) as caught:
        load_spec(attributes, "defs.yaml")
    assert str(caught.value) == sentence


def test_all_faults_are_told_at_once():
    """Two faults are two sentences."""
    with pytest.raises(SpecError) as caught:
        load_spec(declared(sorce={}, label__delay="soon"), "defs.yaml")
    assert len(str(caught.value).splitlines()) == 2


@given(st.integers(0, 5_000), st.sampled_from("mhdw"))
def test_a_duration_survives_being_written_and_read(number, unit):
    """A duration that is written and read again is the same."""
    value = parse_duration(f"{number}{unit}")
    assert parse_duration(format_duration(value)) == value
