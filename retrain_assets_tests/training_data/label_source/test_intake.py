"""Labels from elsewhere in the lake: all of them are kept, and none is taken in twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa

from retrain_assets.labelled_rows import labelled_rows
from retrain_assets.training_data.ingest import ingest
from retrain_assets.training_data.label_source.intake import LabelsTaken, take_labels
from retrain_assets.windows import mature_rows
from retrain_assets_tests.pipelines import FIRST_DAY, ROWS_A_DAY, loans_of
from retrain_assets_tests.training_data.label_source.late import AFTER, book, bookings_of, deliver, late

HERE = "retrain_assets_tests.training_data.label_source.test_intake"
DAY = timedelta(days=1)
CLOCK = datetime(2026, 1, 30, tzinfo=UTC)


def function(start: datetime, end: datetime) -> pl.DataFrame:
    """Deliver labels as a function that a declaration names."""
    bookings = pl.concat([bookings_of(FIRST_DAY + day * DAY) for day in range(2)])
    return bookings.filter(pl.col("booked") >= start, pl.col("booked") < end)


@pytest.fixture
def loans(tmp_path):
    """Two days of loans in the lake, and their labels in files."""
    declaration = late(tmp_path)
    list(ingest(declaration, deliver(tmp_path, 2), "rows"))
    return declaration


def outcomes(declaration, as_of: datetime = CLOCK, **versions) -> dict[str, float]:
    """Label of each loan as of a moment."""
    rows = labelled_rows(declaration, "training_data", versions)
    found = mature_rows(rows, as_of, declaration.time_columns).select("loan", "repaid").collect()
    assert found["loan"].is_unique().all()
    return dict(found.iter_rows())


def truth(*days: int) -> dict[str, float]:
    """Label of each loan of some days."""
    frames = [loans_of(FIRST_DAY + day * DAY) for day in days]
    return dict(pl.concat(frames).select("loan", "repaid").iter_rows())


def test_labels_find_their_rows(loans):
    """Each row gets the label that its key names, with the run and the moment at which it was seen."""
    assert [taken.new for taken in take_labels(loans, "first")] == [ROWS_A_DAY] * 2
    assert outcomes(loans) == truth(0, 1)
    kept = loans.lake.scan("labels").collect()
    assert kept["run_id"].unique().to_list() == ["first"]
    assert kept["seen_at"].max() <= datetime.now(UTC)
    assert kept.filter(key="2026-01-05-0")["known_at"].item() == bookings_of(FIRST_DAY)["booked"][0]


def test_unchanged_labels_are_not_read_again(loans, tmp_path):
    """A second look takes nothing in, and the same rows in another order add nothing."""
    take_labels(loans, "first")
    assert take_labels(loans, "second") == []
    book(tmp_path, FIRST_DAY, bookings_of(FIRST_DAY).reverse())
    assert take_labels(loans, "third") == [LabelsTaken("2026-01-05", 0, 0, None)]
    assert loans.lake.scan("labels").collect().height == 2 * ROWS_A_DAY


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland"])
def test_the_declared_start_of_labels_is_a_local_day(tmp_path, zone):
    """However far a time zone is from UTC, the first day of labels is the one that is declared."""
    declaration = late(tmp_path, start=(FIRST_DAY + DAY).isoformat(), declared={"timezone": zone})
    list(ingest(declaration, deliver(tmp_path, 3), "rows"))
    assert [taken.key for taken in take_labels(declaration, "first")] == ["2026-01-06", "2026-01-07"]


def test_a_correction_leaves_the_past_readable(loans, tmp_path):
    """As of before it the old label is read; its delivery adds one row and takes none away."""
    take_labels(loans, "first")
    corrected = CLOCK - 2 * DAY
    right = (
        bookings_of(FIRST_DAY).head(1).with_columns(outcome=1 - pl.col("outcome"), booked=pl.lit(corrected))
    )
    book(tmp_path, corrected.date(), right)
    assert [taken.new for taken in take_labels(loans, "second")] == [1]
    before, after = outcomes(loans, corrected - timedelta(microseconds=1)), outcomes(loans, corrected)
    assert before == truth(0, 1)
    assert {loan for loan in after if after[loan] != before[loan]} == {"2026-01-05-0"}
    assert loans.lake.scan("labels").collect().height == 2 * ROWS_A_DAY + 1


def test_a_partition_that_is_delivered_again_replaces_nothing(loans, tmp_path):
    """A value that was mended in its file counts from then on; the Delta version before reads as it did."""
    take_labels(loans, "first")
    version = loans.lake.version("labels")
    flipped = pl.when(pl.col("of_loan") == "2026-01-05-3").then(1 - pl.col("outcome")).otherwise("outcome")
    book(tmp_path, FIRST_DAY, bookings_of(FIRST_DAY).with_columns(outcome=flipped))
    assert [taken.new for taken in take_labels(loans, "second")] == [1]
    assert outcomes(loans)["2026-01-05-3"] == 1 - truth(0)["2026-01-05-3"]
    assert outcomes(loans, labels=version) == truth(0, 1)
    book(tmp_path, FIRST_DAY)
    assert [taken.new for taken in take_labels(loans, "third")] == [1]
    assert outcomes(loans) == truth(0, 1)


def test_a_label_that_is_no_longer_delivered_stays(loans, tmp_path):
    """What was known once is not forgotten when its file is delivered without it."""
    take_labels(loans, "first")
    book(tmp_path, FIRST_DAY, bookings_of(FIRST_DAY).head(5))
    assert take_labels(loans, "second") == [LabelsTaken("2026-01-05", 0, 0, None)]
    assert outcomes(loans) == truth(0, 1)


def withdrawal(day: int, *numbers: int, booked: datetime) -> pl.DataFrame:
    """Labels of some loans of a day, without value from a moment on."""
    chosen = [f"{FIRST_DAY + day * DAY}-{number}" for number in numbers]
    return pl.DataFrame(
        {"of_loan": chosen, "outcome": pl.Series([None] * len(chosen), dtype=pl.Int64), "booked": booked}
    )


def test_a_label_is_withdrawn_by_one_without_value(loans, tmp_path):
    """As of before it the label is read, from it on none, and what was read before reads as it did."""
    take_labels(loans, "first")
    version, withdrawn = loans.lake.version("labels"), CLOCK - 2 * DAY
    book(tmp_path, withdrawn.date(), withdrawal(0, 3, booked=withdrawn))
    assert take_labels(loans, "second") == [LabelsTaken(str(withdrawn.date()), 1, 0, None, withdrawn=1)]
    assert outcomes(loans, withdrawn - timedelta(microseconds=1)) == truth(0, 1)
    assert truth(0, 1).keys() - outcomes(loans, withdrawn).keys() == {"2026-01-05-3"}
    assert outcomes(loans, labels=version) == truth(0, 1)

    right = bookings_of(FIRST_DAY)[3].with_columns(booked=withdrawn + DAY)
    book(tmp_path, (withdrawn + DAY).date(), right)
    assert [taken.new for taken in take_labels(loans, "fourth")] == [1]
    assert outcomes(loans) == truth(0, 1)


def test_a_label_that_comes_after_its_withdrawal_is_withdrawn(loans, tmp_path):
    """A file that is mended after a later one was read changes what the later one says; it is read again, once."""
    good = book(tmp_path, FIRST_DAY).read_bytes()
    book(tmp_path, FIRST_DAY).write_bytes(b"")
    withdrawn = CLOCK - 2 * DAY
    book(tmp_path, withdrawn.date(), withdrawal(0, 3, booked=withdrawn))
    take_labels(loans, "first")
    book(tmp_path, FIRST_DAY).write_bytes(good)
    taken = [take_labels(loans, "second"), take_labels(loans, "third"), take_labels(loans, "fourth")]
    assert [[item.key for item in run] for run in taken] == [["2026-01-05"], [str(withdrawn.date())], []]
    assert "2026-01-05-3" in outcomes(loans, withdrawn - timedelta(microseconds=1))
    assert truth(0, 1).keys() - outcomes(loans, withdrawn).keys() == {"2026-01-05-3"}


def test_a_label_that_is_delivered_again_without_value_is_withdrawn_at_once(loans, tmp_path):
    """A value that is emptied in its file was never known to later readers; filled in again, it is."""
    take_labels(loans, "first")
    third = pl.col("of_loan") == "2026-01-05-3"
    book(tmp_path, FIRST_DAY, bookings_of(FIRST_DAY).with_columns(outcome=pl.when(~third).then("outcome")))
    assert take_labels(loans, "second") == [LabelsTaken("2026-01-05", 1, 0, None, withdrawn=1)]
    assert truth(0, 1).keys() - outcomes(loans).keys() == {"2026-01-05-3"}
    book(tmp_path, FIRST_DAY)
    assert take_labels(loans, "third") == [LabelsTaken("2026-01-05", 1, 0, None)]
    assert outcomes(loans) == truth(0, 1)


def test_what_has_no_value_and_no_label_before_it_is_none(loans, tmp_path):
    """Without a label known by then there is nothing to withdraw; one of the same run, a day before, is such a label."""
    known = bookings_of(FIRST_DAY)["booked"]
    early = withdrawal(0, 3, booked=known[3] - timedelta(microseconds=1))
    book(tmp_path, FIRST_DAY, pl.concat([bookings_of(FIRST_DAY), early]))
    late_ones = withdrawal(0, 4, booked=known[4] + 2 * DAY).vstack(
        withdrawal(7, 1, booked=known[4] + 2 * DAY)
    )
    book(tmp_path, (known[4] + 2 * DAY).date(), late_ones)
    first, _, third = take_labels(loans, "first")
    assert (first.new, first.unusable, first.withdrawn) == (ROWS_A_DAY, 1, 0)
    assert (third.new, third.unusable, third.withdrawn) == (1, 1, 1)
    assert truth(0, 1).keys() - outcomes(loans).keys() == {"2026-01-05-4"}


def test_rows_that_are_no_label_are_counted(loans, tmp_path):
    """A row without a key, a value or a time is left out, and the others are taken."""
    bookings = bookings_of(FIRST_DAY).with_columns(pl.col("outcome").cast(pl.Float64))
    holes = [
        pl.when(pl.int_range(pl.len()) != place).then(pl.col(name)).alias(name)
        for place, name in enumerate(("of_loan", "outcome", "booked"))
    ]
    book(tmp_path, FIRST_DAY, bookings.with_columns(holes))
    first, _ = take_labels(loans, "first")
    assert (first.new, first.unusable) == (ROWS_A_DAY - 3, 3)


def test_a_key_of_another_type_is_refused_in_a_sentence(tmp_path):
    """Keys that can name no row are told with the file and the types, and the partition is not asked for again."""
    declaration = late(tmp_path, path="labels/{partition:%Y-%m-%d}.parquet")
    list(ingest(declaration, deliver(tmp_path, 1, booked=0), "rows"))
    file = tmp_path / "labels" / "2026-01-05.parquet"
    file.parent.mkdir()
    bookings_of(FIRST_DAY).with_columns(of_loan=pl.int_range(pl.len())).write_parquet(file)
    [taken] = take_labels(declaration, "first")
    assert taken.problem == (
        f"{file}: the column 'of_loan' is Int64 here (such as 0) and String in the partitions before. "
        "Deliver it as String again."
    )
    assert take_labels(declaration, "second") == []


def test_a_missing_column_is_told_by_the_field_that_names_it(loans, tmp_path):
    """The sentence says which field of label.source to look at."""
    file = book(tmp_path, FIRST_DAY, bookings_of(FIRST_DAY).rename({"outcome": "result"}))
    first, _ = take_labels(loans, "first")
    assert first.problem == (
        f"{file}: label.source.column: there is no column 'outcome' in the source. "
        "It can be one of: booked, of_loan, result."
    )


def test_what_was_read_of_other_columns_is_no_label(loans, tmp_path):
    """Once the declaration names another column, all is read again, and what stood in the one before counts no more."""
    wrong = late(tmp_path, column="guess")
    for day in range(2):
        bookings = bookings_of(FIRST_DAY + day * DAY)
        book(tmp_path, FIRST_DAY + day * DAY, bookings.with_columns(guess=1 - pl.col("outcome")).head(100))
    assert sum(taken.new for taken in take_labels(wrong, "first")) == 200
    assert outcomes(wrong) == {loan: 1 - value for loan, value in truth(0, 1).items() if int(loan[11:]) < 100}
    assert outcomes(loans) == {}
    assert sum(taken.new for taken in take_labels(loans, "second")) == 200
    assert outcomes(loans) == {loan: value for loan, value in truth(0, 1).items() if int(loan[11:]) < 100}


def test_when_labels_are_read_is_none_of_what_they_say(loans, tmp_path):
    """A mended way of reading reads all again; another wait for complete periods reads nothing again."""
    take_labels(loans, "first")
    assert take_labels(late(tmp_path, complete_after="3h"), "second") == []
    again = take_labels(late(tmp_path, read={"null_values": ["none"]}), "third")
    assert again == [LabelsTaken(key, 0, 0, None) for key in ("2026-01-05", "2026-01-06")]


def test_labels_wait_for_the_first_rows(tmp_path):
    """Before rows are in, nothing is known that labels could be joined by."""
    deliver(tmp_path, 1)
    declaration = late(tmp_path)
    assert take_labels(declaration, "first") == []
    assert not declaration.lake.exists("labels")


def test_rows_do_not_wait_for_a_source_of_labels_that_is_away(tmp_path):
    """A database that does not answer is told, and nothing is raised."""
    declaration = late(tmp_path, url=f"sqlite:///{tmp_path}/away/labels.db", table="labels")
    list(ingest(declaration, deliver(tmp_path, 1, booked=0), "rows"))
    [taken] = take_labels(declaration, "first")
    assert taken.problem is not None
    assert "away/labels.db" in taken.problem


def whole_file(folder: Path) -> dict[str, str]:
    """Write all labels into one file."""
    all_days = pl.concat([bookings_of(FIRST_DAY + day * DAY) for day in range(2)])
    all_days.write_csv(folder / "labels.csv")
    return {"path": "labels.csv"}


def database(folder: Path) -> dict[str, str]:
    """Write all labels into a table of a database."""
    all_days = pl.concat([bookings_of(FIRST_DAY + day * DAY) for day in range(2)])
    engine = sa.create_engine(f"sqlite:///{folder / 'labels.db'}")
    all_days.with_columns(pl.col("booked").dt.replace_time_zone(None)).to_pandas().to_sql(
        "labels", engine, index=False
    )
    engine.dispose()
    return {"url": f"sqlite:///{folder / 'labels.db'}", "table": "labels"}


def python(_: Path) -> dict[str, str]:
    """Name the function of this module."""
    return {"function": f"{HERE}:function", "start": FIRST_DAY.isoformat()}


@pytest.mark.parametrize("kind", [whole_file, database, python])
def test_labels_come_from_any_kind_of_source(tmp_path, kind):
    """One file, a database and a function are taken in by the periods in which labels became known, and once."""
    declaration = late(tmp_path, **kind(tmp_path))
    list(ingest(declaration, deliver(tmp_path, 2, booked=0), "rows"))
    assert sum(taken.new for taken in take_labels(declaration, "first")) == 2 * ROWS_A_DAY
    assert outcomes(declaration) == truth(0, 1)
    booked = (
        declaration.lake.scan("labels").select("partition_key", day=pl.col("known_at").dt.date()).collect()
    )
    assert (booked["partition_key"] == booked["day"].cast(pl.String)).all()
    assert booked["day"].max() == (loans_of(FIRST_DAY + DAY)["asked_at"].max() + AFTER).date()
    assert take_labels(declaration, "second") == []


def test_labels_that_another_row_of_their_file_kept_out_are_read_once_it_is_mended(tmp_path):
    """One row's fault keeps out all labels of a file, whose own rows do not change when it is mended."""
    declaration = late(tmp_path, path="ends.csv")
    list(ingest(declaration, deliver(tmp_path, 2), "rows"))
    text = pl.concat([bookings_of(FIRST_DAY + day * DAY) for day in range(2)]).write_csv()
    (tmp_path / "ends.csv").write_text(f"{text}broken\n")
    assert all(item.problem for item in take_labels(declaration, "first"))
    assert take_labels(declaration, "second") == []
    (tmp_path / "ends.csv").write_text(text)
    assert sum(item.new for item in take_labels(declaration, "third")) == 2 * ROWS_A_DAY
    assert take_labels(declaration, "fourth") == []
