"""Rows that come again, corrected: which version of a row is read as of which moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain_assets.labelled_rows import labelled_rows, with_versions
from retrain_assets.spec import PipelineSpec
from retrain_assets.training_data.ingest import ingest
from retrain_assets.windows import TimeColumns, mature_rows
from retrain_assets_tests.pipelines import FIRST_DAY, declare, loans_of, write_day
from retrain_assets_tests.running import QUIET, YOUNG, Running, materialized, sentence
from retrain_assets_tests.training_data.label_source.late import book, late

pytestmark = YOUNG

DAY, TICK = timedelta(days=1), timedelta(microseconds=1)
START = datetime(2026, 1, 5, tzinfo=UTC)
KNOWN = {"source__known_at": "known"}


def versioned(day: datetime, *corrections: tuple[str, datetime, float]) -> pl.DataFrame:
    """Rows of a day that are known at once, and corrections of some loans: key, when it became known, amount."""
    first = loans_of(day.date()).with_columns(known="asked_at")
    again = [
        first.filter(loan=key).with_columns(known=pl.lit(moment), amount=pl.lit(amount))
        for key, moment, amount in corrections
    ]
    return pl.concat([first, *again])


def amounts(declaration, as_of: datetime) -> dict[str, float]:
    """Amount of each loan, as of a moment."""
    rows = mature_rows(labelled_rows(declaration, "training_data"), as_of, declaration.time_columns)
    found = rows.select("loan", "amount").collect()
    assert found["loan"].is_unique().all()
    return dict(found.iter_rows())


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 20)), unique=True, max_size=12), st.integers(0, 21)
)
def test_the_newest_version_that_was_known_is_read(versions, moment):
    """Of each key's versions that were known at a moment the last one is read, in whatever order they lie."""
    spec = PipelineSpec.model_validate(
        {
            "name": "loans",
            "source": {"path": "rows.parquet", "timestamp": "at", "key": "loan", "known_at": "known"},
            "label": {"column": "repaid", "delay": "0h"},
        }
    )
    rows = pl.LazyFrame(
        {
            "loan": [key for key, _ in versions],
            "at": [START - DAY] * len(versions),
            "known": [START + hours * timedelta(hours=1) for _, hours in versions],
        },
        schema={"loan": pl.Int64, "at": pl.Datetime("us", "UTC"), "known": pl.Datetime("us", "UTC")},
    )
    as_of = START + moment * timedelta(hours=1)
    found = (
        mature_rows(with_versions(rows, spec), as_of, TimeColumns.of(spec)).select("loan", "known").collect()
    )
    expected = {}
    for key, hours in sorted(versions, key=lambda version: version[1]):
        if hours <= moment:
            expected[key] = START + hours * timedelta(hours=1)
    assert dict(found.iter_rows()) == expected
    assert found.height == len(expected)


def test_a_corrected_row_counts_from_the_moment_at_which_it_became_known(tmp_path):
    """Beside the row in its period, or in a later period: before its moment the row is read as it was."""
    declaration = declare(tmp_path, **QUIET, **KNOWN)
    later = START + 3 * DAY
    write_day(tmp_path, FIRST_DAY, versioned(START, ("2026-01-05-7", later, 700.0)))
    tomorrow = versioned(START + DAY)
    elsewhere = versioned(START).filter(loan="2026-01-05-8").with_columns(amount=800.0, known=pl.lit(later))
    write_day(tmp_path, FIRST_DAY + DAY, pl.concat([tomorrow, elsewhere]))
    outcomes = list(ingest(declaration, ["2026-01-05", "2026-01-06"], "run"))
    assert [outcome.quarantined for outcome in outcomes] == [0, 0]

    before, after = amounts(declaration, later - TICK), amounts(declaration, later)
    assert before == dict(pl.concat([versioned(START), tomorrow]).select("loan", "amount").iter_rows())
    assert {key: after[key] for key in after if after[key] != before[key]} == {
        "2026-01-05-7": 700.0,
        "2026-01-05-8": 800.0,
    }


def test_two_rows_of_a_key_that_became_known_at_once_are_no_versions(tmp_path):
    """Nothing says which of the two counts: the second is put aside, as it is where no such column is declared."""
    write_day(
        tmp_path,
        FIRST_DAY,
        versioned(START, ("2026-01-05-7", START + DAY, 1.0), ("2026-01-05-7", START + DAY, 2.0)),
    )
    declaration = declare(tmp_path, **QUIET, **KNOWN)
    [outcome] = ingest(declaration, ["2026-01-05"], "run")
    assert (outcome.rows, outcome.quarantined) == (121, 1)
    assert amounts(declaration, START + 2 * DAY)["2026-01-05-7"] == 1.0
    [outcome] = ingest(declare(tmp_path, name="plain", **QUIET), ["2026-01-05"], "run")
    assert (outcome.rows, outcome.quarantined) == (120, 2)


def test_labels_from_elsewhere_find_every_version_of_their_row(tmp_path):
    """A row that was corrected keeps the label that its key names."""
    declaration = late(tmp_path, declared={"source__known_at": "known"})
    running = Running(declaration)
    later = START + 3 * DAY
    corrected = versioned(START, ("2026-01-05-7", later, 700.0)).drop("repaid")
    write_day(tmp_path, FIRST_DAY, corrected)
    book(tmp_path, FIRST_DAY)
    running.ingest(["2026-01-05"], "training_data", "features")
    truth = loans_of(FIRST_DAY).filter(loan="2026-01-05-7")["repaid"].item()
    for as_of, amount in ((later - TICK, None), (later, 700.0)):
        for table in ("training_data", "features"):
            rows = mature_rows(labelled_rows(declaration, table), as_of, declaration.time_columns)
            [row] = rows.filter(pl.col("loan") == "2026-01-05-7").collect().to_dicts()
            assert row["repaid"] == truth
            assert (row["amount"] == 700.0) == (amount is not None)


@pytest.mark.parametrize(("distance", "expected"), [(0 * TICK, 1), (TICK, 0)])
def test_training_takes_the_version_that_was_known_at_the_split(tmp_path, distance, expected):
    """A correction known at the split is trained on in the place of the row, one known a microsecond later is not."""
    running = Running(declare(tmp_path, **QUIET, **KNOWN))
    split = datetime(2026, 1, 22, tzinfo=UTC)
    for number in range(25):
        day = START + number * DAY
        corrections = [("2026-01-12-7", split + distance, 12345.0)] if number == 7 else []
        write_day(tmp_path, day.date(), versioned(day, *corrections))
    running.ingest(
        [(FIRST_DAY + number * DAY).isoformat() for number in range(25)], "training_data", "features"
    )
    trained = running.retrain("candidate_model")
    assert trained.success, sentence(trained)
    found = materialized(trained)["candidate_model"]
    assert found["rows"] == 14 * 120
    profile = pl.Series(running.declaration.lake.scan("attempts").select("payload").collect()["payload"])
    assert profile.str.contains("12345").sum() == expected
