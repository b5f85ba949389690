from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from retrain_assets.errors import SpecError
from retrain_assets.features.columns import feature_columns
from retrain_assets.features.table import feature_table
from retrain_assets.spec import PipelineSpec, load_spec

RAW = pl.DataFrame(
    {
        "partition_key": ["2026-01-05"] * 4,
        "row_id": [0, 1, 2, 3],
        "shown_at": [datetime(2026, 1, 5, hour, tzinfo=UTC) for hour in range(4)],
        "bid": [1.0, float("nan"), float("inf"), None],
        "slot": [1, None, 3, 4],
        "mobile": [True, False, None, True],
        "device": ["phone", None, "desk", "phone"],
        "site": [7, 8, None, 9],
        "clicked": ["yes", "no", None, "no"],
    }
)


def declare(**features) -> PipelineSpec:
    """Declare a pipeline with these features."""
    return load_spec(
        {
            "name": "ads",
            "source": {"path": "x.csv", "timestamp": "shown_at"},
            "label": {"column": "clicked", "delay": "1d", "positive": "yes"},
            "features": features,
            "evaluation": {"slices": ["device", "site"]},
        },
        "defs.yaml",
    )


def centred(frame: pl.DataFrame) -> pl.DataFrame:
    """Look at other rows, which no derivation may."""
    return frame.with_columns(centred=pl.col("slot") - pl.col("slot").mean())


def squared(frame: pl.DataFrame) -> pl.DataFrame:
    """Derive from the row alone."""
    return frame.with_columns(squared=pl.col("slot") ** 2)


def table_of(raw: pl.DataFrame, spec: PipelineSpec) -> pl.DataFrame:
    """Make the table of features of some raw rows."""
    return feature_table(raw, spec, feature_columns(spec, RAW.schema))


def test_features_are_typed():
    """Numbers become Float64 without NaN and infinity, categories text; label and time are kept raw."""
    table = table_of(
        RAW, declare(categorical=["device", "site"], derive={"hour": "EXTRACT(hour FROM shown_at)"})
    )
    assert table.schema == {
        "partition_key": pl.String(),
        "row_id": pl.Int64(),
        "shown_at": pl.Datetime("us", "UTC"),
        "clicked": pl.String(),
        "bid": pl.Float64(),
        "slot": pl.Float64(),
        "mobile": pl.Float64(),
        "hour": pl.Float64(),
        "device": pl.String(),
        "site": pl.String(),
    }
    assert table["bid"].to_list() == [1.0, None, None, None]
    assert table["mobile"].to_list() == [1.0, 0.0, None, 1.0]
    assert table["site"].to_list() == ["7", "8", None, "9"]
    assert table["hour"].to_list() == [0.0, 1.0, 2.0, 3.0]


def test_schema_does_not_depend_on_the_batch():
    """A batch without a column, or without any row, has the same schema; what it lacks is empty."""
    spec = declare(derive={"double": "slot * 2"})
    whole = table_of(RAW, spec)
    lacking = table_of(RAW.drop("slot", "device"), spec)
    assert lacking.schema == whole.schema == table_of(RAW.clear(), spec).schema
    assert lacking["double"].null_count() == lacking["device"].null_count() == RAW.height


def test_text_declared_as_number_is_told():
    """A numeric feature that holds text is named with the first such value."""
    raw = RAW.with_columns(device=pl.Series(["1", "2.5", "many", None]))
    with pytest.raises(SpecError, match=r"'device' holds text that is no number in 1 rows, such as 'many'"):
        table_of(raw, declare(numeric=["device"]))


def test_text_that_is_a_number_is_taken():
    """Text that reads as a number is one when it is declared numeric."""
    raw = RAW.with_columns(device=pl.Series(["1", "2.5", "-3", None]))
    assert table_of(raw, declare(numeric=["device"]))["device"].to_list() == [1.0, 2.5, -3.0, None]


def test_function_that_looks_at_other_rows_is_refused():
    """A function that gives a row another value when it is alone is refused, with both values."""
    with pytest.raises(SpecError, match=r"gives the column 'centred' .* for the row alone"):
        table_of(RAW, declare(derive={"function": f"{__name__}:centred"}))


def test_row_wise_function_is_taken():
    """A function that derives each row alone adds its column to the table."""
    table = table_of(RAW, declare(derive={"function": f"{__name__}:squared"}))
    assert table["squared"].to_list() == [1.0, None, 9.0, 16.0]
