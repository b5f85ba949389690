"""What is declared about the label: where it comes from, and what a missing one means."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest

from retrain_assets.checks import examine
from retrain_assets.errors import SpecError
from retrain_assets.spec import load_spec
from retrain_assets.training_data.ingest import ingest
from retrain_assets.training_data.label_source.intake import take_labels
from retrain_assets_tests.pipelines import FIRST_DAY, declare, write_days
from retrain_assets_tests.running import QUIET
from retrain_assets_tests.training_data.label_source.late import book, bookings_of, deliver, late

SOURCE = {"path": "ends.csv", "known_at": "booked"}


def declared(key: str | None = "loan", **label):
    """Read a declaration with such a label."""
    rows = {"path": "rows.csv", "timestamp": "asked_at", **({"key": key} if key else {})}
    return load_spec(
        {"name": "loans", "source": rows, "label": {"column": "repaid", "delay": "30d", **label}}, "defs.yaml"
    )


def test_a_label_counts_at_the_delay_or_when_a_missing_one_has_its_value():
    """The age at which rows count is the delay, and with a declared value of missing labels its age."""
    assert declared().label.maturity == timedelta(days=30)
    missing = declared(missing_after="90d", missing_value=0)
    assert missing.label.maturity == timedelta(days=90)
    assert declared(missing_after="30d", missing_value=0).label.maturity == timedelta(days=30)


@pytest.mark.parametrize(
    ("label", "sentence"),
    [
        (
            {"missing_after": "90d"},
            "label: declare both missing_after and missing_value, or neither: without them",
        ),
        (
            {"missing_value": 0},
            "label: declare both missing_after and missing_value, or neither: without them",
        ),
        (
            {"missing_after": "29d", "missing_value": 0},
            "label: missing_after is 29d, and a label may still come until delay, which is 30d; let missing_after be "
            "as long at the least",
        ),
        (
            {"missing_after": "90d", "missing_value": float("nan")},
            "label.missing_value: nan is no value of a label",
        ),
        (
            {"source": SOURCE, "known_at": "booked"},
            "label: known_at is a column of the rows, and the labels come from label.source: declare the column of "
            "that table in label.source.known_at, and remove this one",
        ),
        ({"source": {"path": "ends.csv"}}, "label.source.known_at: this field is needed and has no default"),
        (
            {"source": {"known_at": "booked"}},
            "label.source: declare exactly one of path, url and function; the file declares none of them",
        ),
        (
            {"source": {**SOURCE, "colum": "x"}},
            "label.source.colum: there is no field 'colum' here. Did you mean 'column'?",
        ),
    ],
)
def test_a_faulty_label_is_told_in_a_sentence(label, sentence):
    """Each fault names its field, and says what to do."""
    with pytest.raises(SpecError) as caught:
        declared(**label)
    assert f"defs.yaml: {sentence}" in str(caught.value)


def test_labels_from_elsewhere_need_a_key():
    """Without a key of the rows nothing says which label is whose."""
    with pytest.raises(
        SpecError, match=r"label\.source: labels from elsewhere are joined by source\.key, which the"
    ):
        declared(key=None, source=SOURCE)


def test_a_sound_source_of_labels_has_no_fault(tmp_path):
    """Rows without the label's column are right where the label comes from elsewhere, and SQL may use its name."""
    deliver(tmp_path, 1)
    business = {"business": [{"name": "rate", "sql": "AVG(repaid)", "below": 0.5}]}
    assert examine(late(tmp_path, declared={"retrain_when": business})).faults == []


def test_columns_of_labels_are_looked_up_when_the_pipeline_is_loaded(tmp_path):
    """A column that the source of labels lacks is told with its field."""
    deliver(tmp_path, 1)
    faults = examine(late(tmp_path, column="outcom", key="loan")).faults
    file = tmp_path / "labels" / "{partition:%Y-%m-%d}.csv"
    assert faults == [
        f"{file}: label.source.key: there is no column 'loan' in the source. Did you mean 'of_loan'?",
        f"{file}: label.source.column: there is no column 'outcom' in the source. Did you mean 'outcome'?",
    ]


def test_a_label_in_both_places_is_refused(tmp_path):
    """Rows that bring the label's column too would leave open which of the two counts."""
    write_days(tmp_path, 1)
    book(tmp_path, FIRST_DAY)
    [fault] = examine(late(tmp_path)).faults
    assert fault.endswith(
        "label.column: the source has a column 'repaid' too, and the labels come from label.source. Name the label "
        "otherwise, and its column there in label.source.column."
    )


def test_a_function_of_labels_that_does_not_exist_is_told(tmp_path):
    """A misspelt function is found when the pipeline is loaded."""
    deliver(tmp_path, 1, booked=0)
    [fault] = examine(late(tmp_path, function="json:lods")).faults
    assert fault.startswith("label.source.function: ")
    assert "'lods'" in fault


def test_a_label_cannot_be_its_own_time(tmp_path):
    """One column named for the label and for its time is told as a fault of label.source."""
    deliver(tmp_path, 1)
    book(tmp_path, FIRST_DAY, bookings_of(FIRST_DAY).with_columns(pl.lit(1).alias("x")))
    [fault] = examine(late(tmp_path, column="booked")).faults
    assert "label.source.column: 'booked' is declared as the timestamp too" in fault


@pytest.mark.parametrize("form", ["own", "elsewhere"])
def test_a_missing_label_of_another_kind_is_told_when_the_pipeline_is_loaded(tmp_path, form):
    """A word for a missing label among numbers is a fault of the declaration, and the labels stay out."""
    missing = {"missing_after": "9d", "missing_value": "no"}
    if form == "own":
        write_days(tmp_path, 1)
        declaration = declare(tmp_path, **QUIET, label={"column": "repaid", "delay": "2d", **missing})
    else:
        deliver(tmp_path, 1)
        declaration = late(tmp_path, label=missing)
    [fault] = examine(declaration).faults
    assert "label.missing_value: 'no' is no value of the labels in " in fault
    [outcome] = ingest(declaration, [FIRST_DAY.isoformat()], "rows")
    told = outcome.problem if form == "own" else take_labels(declaration, "labels")[0].problem
    assert told.endswith(fault.partition(": ")[2])
