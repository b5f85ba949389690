"""Which label of a row is known at which moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain_assets.errors import SpecError
from retrain_assets.labelled_rows import with_labels
from retrain_assets.labels import target
from retrain_assets.lake_tables import SCHEMAS
from retrain_assets.spec import PipelineSpec, WindowSpec
from retrain_assets.windows import TimeColumns, holdout_rows, mature_rows, resolve_windows, training_rows

TICK, DAY = timedelta(microseconds=1), timedelta(days=1)
ROW = datetime(2026, 1, 5, 12, tzinfo=UTC)
MOMENT = st.integers(0, 12).map(lambda half_days: ROW + half_days * DAY / 2)
TIME = pl.Datetime("us", "UTC")


def declared(**label) -> PipelineSpec:
    """Declare a pipeline of rows with a key, and what is said about its label."""
    return PipelineSpec.model_validate(
        {
            "name": "loans",
            "source": {"path": "rows.parquet", "timestamp": "at", "key": "loan"},
            "label": {"column": "repaid", "delay": "1d", **label},
        }
    )


def elsewhere(**label) -> PipelineSpec:
    """Declare that the labels come from a file of their own."""
    return declared(source={"path": "labels.csv", "known_at": "booked"}, **label)


def rows(*moments: datetime, **columns) -> pl.LazyFrame:
    """Make rows of some moments, identified by their number."""
    numbers = range(len(moments))
    frame = {
        "partition_key": ["2026-01-05"] * len(moments),
        "row_id": numbers,
        "loan": numbers,
        "at": moments,
    }
    return pl.LazyFrame({**frame, **columns}, schema_overrides={"at": TIME})


def labels(*given: tuple[int, object, datetime]) -> pl.LazyFrame:
    """Make labels as they are kept, in whatever order: row, value, when it became known, as they were delivered."""
    columns = list(zip(*given, strict=True)) if given else [[], [], []]
    known = dict(zip(("key", "value", "known_at"), columns, strict=True))
    kept = {**known, "delivery": range(len(given))}
    return pl.LazyFrame(kept, schema_overrides={"key": pl.Int64, "known_at": TIME}).reverse()


def as_of(moment: datetime, spec: PipelineSpec, some: pl.LazyFrame, given: pl.LazyFrame | None) -> dict:
    """Label of each mature row, by its number, as of a moment."""
    found = mature_rows(with_labels(some, given, spec), moment, TimeColumns.of(spec))
    chosen = found.select("row_id", "repaid").collect()
    assert chosen["row_id"].is_unique().all()
    return dict(chosen.iter_rows())


@pytest.mark.parametrize(("first", "second"), [(0, 1), (2.5, -1.0), ("low", "high"), (False, True)], ids=str)
def test_a_correction_counts_from_the_moment_at_which_it_became_known(first, second):
    """Before a correction became known, readers take the label that was known then; numbers, words, whatever."""
    corrected = ROW + 5 * DAY
    given = labels((0, first, ROW + DAY), (0, second, corrected))
    spec = elsewhere()
    assert as_of(ROW + DAY, spec, rows(ROW), given) == {0: first}
    assert as_of(corrected - TICK, spec, rows(ROW), given) == {0: first}
    assert as_of(corrected, spec, rows(ROW), given) == {0: second}


@pytest.mark.parametrize(("distance", "expected"), [(0 * TICK, {0: 1}), (-TICK, {})])
def test_a_label_does_not_exist_before_it_became_known(distance, expected):
    """A row whose label became known a microsecond after the moment is none of its rows."""
    known = ROW + 3 * DAY
    assert as_of(known + distance, elsewhere(), rows(ROW), labels((0, 1, known))) == expected


def test_a_label_that_is_known_early_waits_for_its_cohort():
    """A label that is known at once counts no sooner than the delay says."""
    given = labels((0, 1, ROW))
    assert as_of(ROW + DAY - TICK, elsewhere(), rows(ROW), given) == {}
    assert as_of(ROW + DAY, elsewhere(), rows(ROW), given) == {0: 1}


def test_of_two_labels_known_at_one_moment_the_later_delivery_counts():
    """A label that is delivered again with another value and the same time takes the place of the one before."""
    given = labels((0, 1, ROW + DAY), (0, 0, ROW + DAY))
    assert as_of(ROW + DAY, elsewhere(), rows(ROW), given) == {0: 0}


@pytest.mark.parametrize("source", ["elsewhere", "own"])
def test_a_missing_label_has_its_value_from_the_declared_age_on(source):
    """A row without a label counts as 0 from 90 days on, and before that is none of the rows."""
    missing = {"missing_after": "90d", "missing_value": 0}
    if source == "elsewhere":
        spec, some, given = elsewhere(**missing), rows(ROW), labels()
    else:
        spec, some, given = declared(**missing), rows(ROW, repaid=pl.Series([None], dtype=pl.Int64)), None
    due = ROW + 90 * DAY
    assert as_of(due - TICK, spec, some, given) == {}
    assert as_of(due, spec, some, given) == {0: 0}


def test_where_a_missing_label_has_a_value_no_row_counts_before_that_age():
    """A label that came waits for those that may not come: else all labels of the ages between would be such."""
    spec = elsewhere(missing_after="90d", missing_value=0)
    given = labels((0, 1, ROW + DAY))
    some = rows(ROW, ROW)
    assert as_of(ROW + 90 * DAY - TICK, spec, some, given) == {}
    assert as_of(ROW + 90 * DAY, spec, some, given) == {0: 1, 1: 0}


def test_a_label_that_comes_after_all_takes_the_place_of_the_missing_one():
    """A row counts as 0 until its label became known, and as that label from then on."""
    spec, late = elsewhere(missing_after="10d", missing_value=0), ROW + 30 * DAY
    given = labels((0, 1, late))
    assert as_of(ROW + 10 * DAY, spec, rows(ROW), given) == {0: 0}
    assert as_of(late - TICK, spec, rows(ROW), given) == {0: 0}
    assert as_of(late, spec, rows(ROW), given) == {0: 1}


def test_a_withdrawn_label_leaves_its_row_unlabelled_from_then_on():
    """As of before the withdrawal the label is read, from it on none, and from the next label on that one."""
    withdrawn, mended = ROW + 5 * DAY, ROW + 9 * DAY
    given = labels((0, 1, ROW + DAY), (0, None, withdrawn), (0, 0, mended), (1, 1, ROW + DAY))
    some, spec = rows(ROW, ROW), elsewhere()
    assert as_of(withdrawn - TICK, spec, some, given) == {0: 1, 1: 1}
    assert as_of(withdrawn, spec, some, given) == {1: 1}
    assert as_of(mended, spec, some, given) == {0: 0, 1: 1}


def test_a_withdrawn_label_is_a_missing_one():
    """While a label is withdrawn its row counts as one whose label never came, once it is as old as that asks for."""
    spec, withdrawn = elsewhere(missing_after="10d", missing_value=0), ROW + 12 * DAY
    given = labels((0, 1, ROW + DAY), (0, None, withdrawn), (1, 1, ROW + DAY), (1, None, ROW + 2 * DAY))
    assert as_of(withdrawn - TICK, spec, rows(ROW, ROW), given) == {0: 1, 1: 0}
    assert as_of(withdrawn, spec, rows(ROW, ROW), given) == {0: 0, 1: 0}


def test_an_own_label_that_became_known_late_takes_the_place_of_the_missing_one():
    """Also a label among the rows counts from the moment of its column, and as missing before."""
    spec = declared(missing_after="10d", missing_value=0, known_at="booked")
    some = rows(ROW, ROW, repaid=[1, 1], booked=[ROW + 2 * DAY, ROW + 30 * DAY])
    assert as_of(ROW + 10 * DAY, spec, some, None) == {0: 1, 1: 0}
    assert as_of(ROW + 30 * DAY, spec, some, None) == {0: 1, 1: 1}


def test_training_and_holdout_take_what_was_known_at_their_own_moments():
    """A correction between the split and the moment of knowledge judges, and does not train."""
    spec = elsewhere()
    moment = datetime(2026, 2, 1, tzinfo=UTC)
    windows = resolve_windows(moment, DAY, 7 * DAY, WindowSpec(type="expanding"))
    some = rows(windows.train_end - DAY, windows.split + DAY)
    corrected = windows.split + 3 * DAY
    given = labels(
        *((row, 0, windows.split - DAY) for row in (0, 1)), *((row, 1, corrected) for row in (0, 1))
    )
    table, columns = with_labels(some, given, spec), TimeColumns.of(spec)
    assert training_rows(table, windows, columns).select("row_id", "repaid").collect().rows() == [(0, 0)]
    assert holdout_rows(table, windows, columns).select("row_id", "repaid").collect().rows() == [(1, 1)]


@given(
    st.lists(st.tuples(st.integers(0, 2), st.none() | st.integers(0, 9), MOMENT), max_size=12),
    MOMENT,
    st.none() | st.integers(2, 8).map(lambda half_days: half_days * DAY / 2),
)
def test_at_any_moment_a_row_has_the_newest_label_that_is_known(given_labels, moment, missing_after):
    """Whatever was delivered and withdrawn, reading as of a moment gives what a look through all deliveries gives."""
    missing = {} if missing_after is None else {"missing_after": missing_after, "missing_value": -1}
    spec = elsewhere(**missing)
    expected = {}
    for row in range(3):
        known = [(at, place, value) for place, (of, value, at) in enumerate(given_labels) if of == row]
        known = [item for item in known if item[0] <= moment]
        if moment - ROW < spec.label.maturity or moment <= ROW:
            continue
        if known and max(known)[2] is not None:
            expected[row] = max(known)[2]
        elif missing_after is not None:
            expected[row] = -1
    given = labels(*given_labels) if given_labels else pl.LazyFrame(schema=SCHEMAS["labels"])
    assert as_of(moment, spec, rows(ROW, ROW, ROW), given) == expected


def test_labels_among_the_rows_are_left_as_they_are():
    """Where a row has its own label and a missing one means nothing, the rows are not touched."""
    some = rows(ROW, repaid=[1])
    assert with_labels(some, None, declared()) is some


def test_a_missing_label_cannot_be_a_word_among_numbers():
    """A value that is none of the labels' type is refused in a sentence with the field."""
    spec = elsewhere(missing_after="10d", missing_value="no")
    with pytest.raises(
        SpecError, match=r"label\.missing_value: 'no' is no value of the labels in 'repaid', which"
    ):
        with_labels(rows(ROW), labels((0, 1, ROW)), spec)


def test_labels_of_several_classes_are_joined_like_any_other():
    """The codes of the classes come from the labels that were known, and from the declared one of a missing label."""
    spec = elsewhere(classes=["low", "mid", "high"], missing_after="10d", missing_value="low")
    given = labels((0, "mid", ROW + DAY), (1, "mid", ROW + DAY), (1, "high", ROW + 5 * DAY))
    table = with_labels(rows(ROW, ROW, ROW), given, spec)
    found = mature_rows(table, ROW + 10 * DAY, TimeColumns.of(spec)).sort("row_id").collect()
    assert target(found, spec, "multiclass").tolist() == [1, 2, 0]
