"""Labels of three classes or more: what their declaration must be, and what the first rows say against it."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from retrain_assets.checks import examine
from retrain_assets.errors import SpecError
from retrain_assets.findings import Findings
from retrain_assets.spec import load_spec
from retrain_assets_tests.parcels import (
    ATTRIBUTES,
    CLASSES,
    FIRST_DAY,
    declare_parcels,
    parcels_of,
    write_parcels,
)

VALUE = {"currency": "EUR", "true_positive": 1, "false_positive": 0, "true_negative": 1, "false_negative": 0}


def declared(label: dict[str, object], **blocks: object):
    """Read the declaration of the parcels with changes."""
    return load_spec(ATTRIBUTES | {"label": ATTRIBUTES["label"] | label} | blocks, "defs.yaml")


def test_classes_are_named_by_their_text():
    """Classes may be texts or numbers; their names are texts, in the declared order."""
    assert declared({}).label.class_names == CLASSES
    assert declared({"classes": [3, 1, 2]}).label.class_names == ["3", "1", "2"]


@pytest.mark.parametrize(
    ("label", "blocks", "sentence"),
    [
        ({"classes": ["a", "b"]}, {}, "classes lists 2 values, and several classes are 3 or more"),
        ({"classes": ["a", "b", "a"]}, {}, "classes lists 'a' twice; remove one"),
        (
            {"classes": ["a", "b", None]},
            {},
            "label.classes: None is no value of a label: write a number, true",
        ),
        ({"positive": "late"}, {}, "positive is one of two classes, and classes lists three or more"),
        (
            {"missing_after": "9d", "missing_value": "gone"},
            {},
            "missing_value is 'gone', which classes does not list; choose one of on time, late, lost",
        ),
        (
            {},
            {"evaluation": {"metrics": ["roc_auc"]}},
            "evaluation.metrics: 'roc_auc' does not measure several classes, which label.classes declares",
        ),
        (
            {},
            {"retrain_when": {"performance": {"metric": "average_precision", "drop": 0.1}}},
            "retrain_when.performance.metric: 'average_precision' does not measure several classes",
        ),
        (
            {"classes": None},
            {"evaluation": {"metrics": ["roc_auc_ovr"]}},
            "evaluation.metrics: 'roc_auc_ovr' measures several classes; list them in label.classes",
        ),
        (
            {},
            {"promotion": {"value": VALUE}},
            "promotion.value: true and false positives are outcomes of two classes, and label.classes declares",
        ),
        ({}, {"features": {"numeric": ["predicted"]}}, "'predicted' is a column of retrain_assets itself"),
    ],
)
def test_a_declaration_that_cannot_be_is_told(label, blocks, sentence):
    """Too few classes, one twice, two kinds of label at once, and metrics of another kind are sentences."""
    with pytest.raises(SpecError) as caught:
        declared(label, **blocks)
    assert sentence in str(caught.value)


def written(folder: Path, outcome: pl.Expr, **label: object) -> Findings:
    """What a look at the first day says, with other labels."""
    write_parcels(folder, 1)
    file = folder / "rows" / f"{FIRST_DAY.isoformat()}.parquet"
    parcels_of(FIRST_DAY).with_columns(outcome.alias("outcome")).write_parquet(file)
    return examine(declare_parcels(folder, **label))


def test_first_rows_that_hold_the_classes(tmp_path: Path):
    """Labels that are all listed, and missing ones, say nothing against the declaration."""
    label = pl.when(pl.int_range(pl.len()) > 3).then(pl.col("outcome"))
    assert written(tmp_path, label) == Findings([], [])


def test_first_rows_without_any_class(tmp_path: Path):
    """Where no label is listed the pipeline is refused, with what the column holds."""
    assert written(tmp_path, pl.lit("gone")) == Findings(
        ["label.classes: none of the first 150 labels is listed; the column 'outcome' holds 'gone'."], []
    )


def test_first_rows_with_another_spelling(tmp_path: Path):
    """A label that is listed in another spelling is a fault that names both."""
    label = pl.when(pl.int_range(pl.len()) < 5).then(pl.lit("Lost")).otherwise(pl.lit("late"))
    assert written(tmp_path, label) == Findings(
        [
            "label.classes: 5 of the first 150 labels are not listed; the column 'outcome' holds 'Lost'. 'lost' is "
            "listed: did you mean 'Lost'?"
        ],
        [],
    )


def test_first_rows_with_a_label_that_is_not_listed(tmp_path: Path):
    """Another label than the listed ones is told, and its rows count as rows without a label."""
    label = pl.when(pl.int_range(pl.len()) < 5).then(pl.lit("eaten")).otherwise(pl.lit("late"))
    assert written(tmp_path, label) == Findings(
        [],
        [
            "label.classes: 5 of the first 150 labels are not listed; the column 'outcome' holds 'eaten'. Rows with "
            "such a label count as rows without one."
        ],
    )
