"""What a declaration may say, and the sentences for what it may not."""

from __future__ import annotations

from copy import deepcopy
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain_assets.errors import SpecError
from retrain_assets.spec import format_duration, load_spec, parse_duration

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
        declared(features__numeric=["churned"]),
        "defs.yaml: attributes: features: the label 'churned' cannot be a feature; remove it.",
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


@given(st.integers(0, 10_000), st.sampled_from("mhdw"))
def test_a_duration_survives_being_written_and_read(number, unit):
    """A duration that is written and read again is the same."""
    value = parse_duration(f"{number}{unit}")
    assert parse_duration(format_duration(value)) == value
