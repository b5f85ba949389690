"""The schemas of a declaration: the one that `dg check` holds a file against, and the one that editors are given."""

from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator
from pydantic import create_model

from retrain_assets.spec.attributes import Attributes
from retrain_assets_tests.bad_input.declarations import attributes

WORTH = {"true_positive": 1, "false_positive": -1, "true_negative": 0, "false_negative": 0}


def said(schema, written):
    """What a validator says against a declaration: field and message."""
    faults = Draft202012Validator(schema).iter_errors(written)
    return [(".".join(map(str, fault.absolute_path)), fault.message) for fault in faults]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"label__delay": 0},
        {"label__positive": "yes", "retrain_when": {"max_age": "30d", "schedule": None, "performance": None}},
        {"evaluation__metrics": ["log_loss", {"metric": "accuracy"}], "features__numeric": None},
        {"promotion": {"value": WORTH | {"true_positive": "amount", "currency": "EUR"}, "min_gain": 0.1}},
    ],
    ids=["all of it", "no delay", "forms", "metrics", "money"],
)
def test_a_sound_declaration_passes(changes):
    """`dg check` refuses nothing that is read."""
    assert said(Attributes.model_json_schema(), attributes(**changes)) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"source__timestamp": None},
        {"source__timestmp": "asked_at", "source__timestamp": None},
        {"promotion": {"value": WORTH}},
        {"retrain_when": {"performance": {"metric": "roc_auc", "drop": -0.02}}},
        {"label__delay": 7},
        {"name": "My loans"},
        {"evaluation__metrics": [{"metrik": "log_loss"}, 5]},
    ],
    ids=[
        "lacking",
        "misspelt",
        "lacking in an optional block",
        "a bound in one",
        "no unit",
        "a name",
        "metrics",
    ],
)
def test_what_reading_tells_better_is_left_to_it(changes):
    """Where `dg check` would not say what to do, it lets a declaration pass, for it reads it next."""
    needed = Attributes.model_json_schema()["$defs"]["SourceSpec"]["properties"]["timestamp"]
    assert needed["description"] == "Event time of a row. Needed."
    assert said(Attributes.model_json_schema(), attributes(**changes)) == []


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        (
            {"training__minimum_rows": -5},
            ("training.minimum_rows", "-5 is less than or equal to the minimum of 0"),
        ),
        (
            {"promotion": {"alpha": "low"}},
            ("promotion.alpha", "'low' is not of type 'number'"),
        ),
        (
            {"retrain_when": {"new_rows": "many"}},
            ("retrain_when.new_rows", "'many' is not of type 'integer', 'null'"),
        ),
        (
            {"source__partition": "dayly"},
            ("source.partition", "'dayly' is not one of ['daily', 'weekly', 'monthly']"),
        ),
    ],
    ids=["a bound", "a number", "a number that may be absent", "a choice"],
)
def test_what_is_refused_is_named(changes, fault):
    """What `dg check` refuses it shows by its field and line."""
    assert said(Attributes.model_json_schema(), attributes(**changes)) == [fault]


def test_editors_are_given_all_that_is_known():
    """The schema of all components has the fields of a declaration, and refuses what is lacking and what is unknown."""
    schema = create_model("File", attributes=(Attributes, ...)).model_json_schema()
    wrong = attributes(source__timestamp=None, label__dely="1d")
    assert said(schema, {"attributes": attributes()}) == []
    assert {field for field, _ in said(schema, {"attributes": wrong})} == {
        "attributes.source",
        "attributes.label",
    }
    spec = schema["$defs"]["SourceSpec"]
    assert spec["properties"]["timestamp"]["description"] == "Event time of a row."
