from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from retrain_assets.errors import SpecError
from retrain_assets.features.columns import feature_columns
from retrain_assets.features.derivation_faults import check_derivations
from retrain_assets.features.derive import derive
from retrain_assets.spec import PipelineSpec, load_spec

SCHEMA = {
    "partition_key": pl.String(),
    "row_id": pl.Int64(),
    "shown_at": pl.Datetime("us", "UTC"),
    "impression": pl.Int64(),
    "bid": pl.Float64(),
    "slot": pl.Int64(),
    "mobile": pl.Boolean(),
    "device": pl.String(),
    "day": pl.Date(),
    "arrived": pl.Datetime("us", "UTC"),
    "label_at": pl.Datetime("us", "UTC"),
    "importance": pl.Float64(),
    "clicked": pl.Int64(),
}


def declare(**features) -> PipelineSpec:
    """Declare a pipeline with these features."""
    return load_spec(
        {
            "name": "ads",
            "source": {"path": "x.csv", "timestamp": "shown_at", "key": "impression", "known_at": "arrived"},
            "label": {"column": "clicked", "delay": "1d", "known_at": "label_at"},
            "weight": "importance",
            "features": features,
            "evaluation": {"slices": ["device"]},
        },
        "defs.yaml",
    )


def doubled(frame: pl.DataFrame) -> pl.DataFrame:
    """Add twice the bid."""
    return frame.with_columns(twice=pl.col("bid") * 2)


def shortened(frame: pl.DataFrame) -> pl.DataFrame:
    """Drop rows, which no derivation may."""
    return frame.head(1)


def first_row(frame):
    """A function that needs rows."""
    return frame.with_columns(first=frame["bid"].to_list()[0])


def test_expressions_apply_in_order():
    """A derivation may use the column of an earlier one, and rows keep their order."""
    frame = pl.DataFrame(
        {"shown_at": [datetime(2026, 1, 5, 22, tzinfo=UTC), datetime(2026, 1, 5, 3, tzinfo=UTC)]}
    )
    derived = derive(frame, {"hour": "EXTRACT(hour FROM shown_at)", "night": "hour > 20"})
    assert derived["hour"].to_list() == [22, 3]
    assert derived["night"].to_list() == [True, False]


def test_nan_is_no_value_for_an_expression():
    """NaN and null are the same for a derivation."""
    frame = pl.DataFrame({"bid": [float("nan"), None, 1.0]})
    assert derive(frame, {"known": "bid IS NOT NULL"})["known"].to_list() == [False, False, True]


def test_function_adds_columns():
    """A declared function's new columns are added beside the raw ones."""
    derived = derive(pl.DataFrame({"bid": [1.0, 2.0]}), {"function": f"{__name__}:doubled"})
    assert derived.to_dict(as_series=False) == {"bid": [1.0, 2.0], "twice": [2.0, 4.0]}


def test_function_that_drops_rows_is_refused():
    """A function that returns another number of rows is named with both numbers."""
    with pytest.raises(SpecError, match=r"shortened was given 2 rows and returned 1 rows\. It must return"):
        derive(pl.DataFrame({"bid": [1.0, 2.0]}), {"function": f"{__name__}:shortened"})


def test_value_that_does_not_fit_is_a_sentence():
    """An expression that fails on a value says which derivation, and how to mend it."""
    with pytest.raises(SpecError, match=r"features\.derive\.number: .* TRY_CAST gives null"):
        derive(pl.DataFrame({"device": ["x"]}), {"number": "CAST(device AS DOUBLE)"})


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        ("EXTRACT(hour FROM", "is no Polars SQL expression"),
        ("SELECT 1", "is no Polars SQL expression"),
        ("bidd * 2", "uses 'bidd', which the source lacks. Did you mean 'bid'?"),
        ("clicked + 1", "uses 'clicked', which is not known yet when a row is scored. Remove it."),
        ("label_at IS NULL", "uses 'label_at', which is not known yet"),
        ("AVG(bid)", "needs other rows than its own"),
        ("bid - AVG(bid)", "needs other rows than its own"),
        ("SUM(bid) OVER (PARTITION BY device)", "needs other rows than its own"),
        ("LAG(bid) OVER (ORDER BY shown_at)", "needs other rows than its own"),
        ("ROW_NUMBER() OVER (ORDER BY bid)", "needs other rows than its own"),
        ("RANK() OVER (ORDER BY bid)", "needs other rows than its own"),
        ("bid / COUNT(*)", "needs other rows than its own"),
        ("CASE WHEN bid > MAX(bid) THEN 1 ELSE 0 END", "needs other rows than its own"),
        ("CURRENT_TIMESTAMP > shown_at", "reads the wall clock"),
        ("UPPER(bid)", "cannot be applied to the rows"),
    ],
)
def test_wrong_expression_is_a_sentence(expression, fault):
    """An expression that does not parse, or needs what its row cannot know, is told at load."""
    faults = check_derivations(declare(derive={"made": expression}), SCHEMA)
    assert len(faults) == 1
    assert faults[0].startswith("features.derive.made: ")
    assert fault in faults[0]


@pytest.mark.parametrize(
    "expression",
    [
        "EXTRACT(hour FROM shown_at)",
        "bid / slot",
        "slot % 2",
        "device IN ('phone', 'desk')",
        "CASE WHEN mobile THEN 'yes' ELSE NULL END",
        "LN(bid + 1) * ROUND(bid, 2)",
        "COALESCE(bid, 0)",
        "UPPER(SUBSTR(device, 1, 2)) || '-' || CAST(slot AS VARCHAR)",
        "TRY_CAST(device AS DOUBLE)",
        "slot BETWEEN 1 AND 3",
        "day",
        "1",
    ],
)
def test_row_wise_expression_is_accepted(expression):
    """What is made from its own row alone has no fault."""
    assert check_derivations(declare(derive={"made": expression}), SCHEMA) == []


def test_names_are_not_checked_while_columns_are_unknown():
    """Without the source's columns only the expression itself is checked."""
    spec = declare(derive={"a": "whatever * 2", "b": "AVG(whatever)"})
    faults = check_derivations(spec, None)
    assert [fault.partition(":")[0] for fault in faults] == ["features.derive.b"]


def test_derived_name_must_be_free():
    """A derivation cannot replace a column of the source."""
    assert check_derivations(declare(derive={"bid": "bid * 2"}), SCHEMA) == [
        "features.derive.bid: the source already has a column 'bid'. Choose another name."
    ]
    assert check_derivations(declare(derive={"BID": "bid * 2"}), SCHEMA) == [
        "features.derive.BID: the source already has a column 'bid'. Choose another name."
    ]


@pytest.mark.parametrize(
    ("reference", "fault"),
    [
        ("no_such_package.module:make", "There is no module 'no_such_package' here."),
        (f"{__name__}:dubled", "Did you mean 'doubled'?"),
    ],
)
def test_wrong_function_is_a_sentence(reference, fault):
    """A function that does not exist is told at load, without importing its module."""
    faults = check_derivations(declare(derive={"function": reference}), SCHEMA)
    assert len(faults) == 1
    assert fault in faults[0]


def test_a_function_is_not_called_when_the_declaration_is_loaded():
    """A function that cannot do with frames without rows keeps no pipeline from being loaded."""
    derive = {
        "hour": "EXTRACT(hour FROM shown_at)",
        "function": f"{__name__}:first_row",
        "late": "hour > first",
    }
    assert check_derivations(declare(derive=derive), SCHEMA) == []


def test_default_features_follow_the_types():
    """Numbers and booleans are numeric, text categorical; time, label, key and weight are kept, as no features."""
    columns = feature_columns(declare(), SCHEMA)
    assert columns.numeric == ("bid", "slot", "mobile")
    assert columns.categorical == ("device",)
    assert set(columns.inputs) == {"bid", "slot", "mobile", "device"}
    assert set(columns.kept) == {"impression", "shown_at", "clicked", "label_at", "arrived", "importance"}


def test_declared_features_and_derived_ones():
    """Declared lists are taken as they are, and a derived column joins by its type unless it is excluded."""
    spec = declare(
        numeric=["bid"],
        categorical=["slot"],
        exclude=["hidden"],
        derive={
            "hour": "EXTRACT(hour FROM shown_at)",
            "kind": "UPPER(device)",
            "hidden": "slot * 2",
            "next": "day",
        },
    )
    columns = feature_columns(spec, SCHEMA)
    assert columns.numeric == ("bid", "hour")
    assert columns.categorical == ("slot", "kind")
    assert set(columns.inputs) == {"bid", "slot", "shown_at", "device", "day"}


def test_function_is_given_all_but_the_label():
    """A function's inputs are every raw column except the label and its time."""
    columns = feature_columns(declare(derive={"function": f"{__name__}:doubled"}), SCHEMA)
    assert "twice" in columns.numeric
    assert set(SCHEMA) - set(columns.inputs) == {"partition_key", "row_id", "clicked", "label_at"}


@pytest.mark.parametrize(
    ("features", "sentence"),
    [
        ({"numeric": ["bd"]}, "features.numeric: the source has no column 'bd'. Did you mean 'bid'?"),
        (
            {"categorical": ["devise"]},
            "features.categorical: the source has no column 'devise'. Did you mean 'device'?",
        ),
        (
            {"numeric": ["day"]},
            "features.numeric: the column 'day' is of type Date, which is no number. "
            "Derive a number from it under features.derive.",
        ),
    ],
)
def test_wrong_feature_is_a_sentence(features, sentence):
    """A declared feature that the source lacks, or that cannot be a number, is named."""
    with pytest.raises(SpecError) as caught:
        feature_columns(declare(**features), SCHEMA)
    assert str(caught.value) == sentence
