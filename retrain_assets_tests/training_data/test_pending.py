"""What the source holds that the lake does not: new and changed partitions, and none else."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from retrain_assets.declaration import Declaration
from retrain_assets.deliveries import complete, withheld
from retrain_assets.errors import SourceError
from retrain_assets.training_data import pending as module
from retrain_assets.training_data.ingest import ingest
from retrain_assets.training_data.pending import Pending, contiguous, pending
from retrain_assets.training_data.sources.delivery import Delivery
from retrain_assets_tests.pipelines import FIRST_DAY, declare, loans_of, write_day, write_days

NOW = datetime(2026, 1, 20, 12, tzinfo=UTC)
DAYS = 5


def look(
    declaration: Declaration, cursor: str | None = None, now: datetime = NOW, first: str | None = None
) -> Pending:
    """Compare the source with the lake."""
    return pending(declaration, declaration.source(), now, cursor, first)


def keys(found: Pending) -> list[str]:
    """Partitions that are asked for."""
    return list(found.fingerprints)


def take_in(declaration: Declaration, wanted: Iterable[str]) -> None:
    """Ingest partitions into the lake, as a run that comes to its end."""
    read = list(wanted)
    list(ingest(declaration, read, "run"))
    complete(declaration.lake, read, "run")


@pytest.fixture
def taken(tmp_path: Path) -> Declaration:
    """A pipeline whose five days of files have all been taken in."""
    declaration = declare(tmp_path)
    take_in(declaration, write_days(tmp_path, DAYS))
    return declaration


def file_of(folder: Path, number: int) -> Path:
    """The file of a day."""
    return folder / "rows" / f"{FIRST_DAY + timedelta(days=number)}.parquet"


def test_all_that_is_new_is_asked_for_oldest_first(tmp_path):
    """Nothing has been taken in, so each day with a file is pending; the newest of them is told."""
    days = write_days(tmp_path, DAYS)
    found = look(declare(tmp_path))
    assert keys(found) == days
    assert found.left == 0
    assert found.newest == datetime(2026, 1, 10, tzinfo=UTC)


def test_an_empty_source_has_nothing(tmp_path):
    """A source without rows has nothing pending and no newest partition."""
    loans_of(FIRST_DAY).clear().write_parquet(tmp_path / "all.parquet")
    found = look(declare(tmp_path, source__path="all.parquet"))
    assert (keys(found), found.newest) == ([], None)


@pytest.mark.parametrize("zone", ["Pacific/Auckland", "Pacific/Kiritimati", "Etc/GMT+12"])
@pytest.mark.parametrize("path", ["all.parquet", "{partition:%Y-%m-%d}.parquet"])
def test_the_declared_start_is_a_local_day(tmp_path, zone, path):
    """However far a time zone is from UTC, the first day taken in is the one that is declared."""
    days = [FIRST_DAY + timedelta(days=number) for number in range(3)]
    frames = [loans_of(day).with_columns(pl.col("asked_at").dt.replace_time_zone(None)) for day in days]
    for day, frame in zip(days, frames, strict=True):
        frame.write_parquet(tmp_path / f"{day}.parquet")
    pl.concat(frames).write_parquet(tmp_path / "all.parquet")
    declaration = declare(tmp_path, source__path=path, source__start=days[1].isoformat(), timezone=zone)
    assert keys(look(declaration)) == [day.isoformat() for day in days[1:]]


def test_what_was_taken_in_is_not_asked_for_again(taken):
    """With or without the cursor of the last look, an unchanged source has nothing pending."""
    found = look(taken)
    assert keys(found) == []
    assert keys(look(taken, found.cursor)) == []


@pytest.mark.parametrize("with_cursor", [True, False])
def test_touching_a_file_asks_for_nothing(taken, tmp_path, with_cursor):
    """A file that is touched, or written again with the same bytes, is not pending."""
    cursor = look(taken).cursor if with_cursor else None
    os.utime(file_of(tmp_path, 1), (1_800_000_000, 1_800_000_000))
    content = file_of(tmp_path, 2).read_bytes()
    file_of(tmp_path, 2).unlink()
    file_of(tmp_path, 2).write_bytes(content)
    assert keys(look(taken, cursor)) == []


@pytest.mark.parametrize("with_cursor", [True, False])
def test_one_changed_value_asks_for_its_partition_only(taken, tmp_path, with_cursor):
    """One value of one row changes, and that row's day is pending."""
    cursor = look(taken).cursor if with_cursor else None
    day = FIRST_DAY + timedelta(days=3)
    row = pl.int_range(pl.len()) == 7
    changed = loans_of(day).with_columns(age=pl.when(row).then(99).otherwise("age"))
    write_day(tmp_path, day, changed)
    found = look(taken, cursor)
    assert keys(found) == [day.isoformat()]
    take_in(taken, keys(found))
    assert keys(look(taken, found.cursor)) == []


def test_a_request_that_was_never_run_is_made_again(taken, tmp_path):
    """Nothing depends on what was asked for before: the same partitions are pending until they are taken in."""
    write_day(tmp_path, FIRST_DAY + timedelta(days=DAYS))
    first = look(taken)
    again = look(taken, first.cursor)
    assert keys(first) == keys(again) == ["2026-01-10"]


def test_a_withheld_partition_waits_for_a_change(taken, tmp_path):
    """A file that could not be read is not asked for again until it changes."""
    file = file_of(tmp_path, DAYS)
    file.write_bytes(b"no parquet")
    assert keys(look(taken)) == ["2026-01-10"]
    take_in(taken, ["2026-01-10"])
    assert keys(look(taken)) == []
    write_day(tmp_path, FIRST_DAY + timedelta(days=DAYS))
    assert keys(look(taken)) == ["2026-01-10"]


def test_a_removed_file_takes_nothing_away(taken, tmp_path):
    """A day whose file has gone is not pending, and its rows stay."""
    file_of(tmp_path, 2).unlink()
    assert keys(look(taken)) == []
    assert taken.lake.scan("training_data").select("partition_key").unique().collect().height == DAYS


def test_no_more_than_a_ticks_worth_is_asked_for(tmp_path, monkeypatch):
    """What is over the limit is counted, and asked for when the first lot is in."""
    monkeypatch.setattr(module, "PARTITIONS_A_TICK", 3)
    days = write_days(tmp_path, DAYS)
    declaration = declare(tmp_path)
    found = look(declaration)
    assert (keys(found), found.left) == (days[:3], 2)
    take_in(declaration, keys(found))
    found = look(declaration, found.cursor)
    assert (keys(found), found.left) == (days[3:], 0)


@pytest.mark.parametrize(
    ("period", "wanted", "ranges"),
    [
        ("daily", [], []),
        ("daily", ["2026-01-05"], [("2026-01-05", "2026-01-05")]),
        (
            "daily",
            ["2026-01-30", "2026-01-31", "2026-02-01", "2026-02-03"],
            [("2026-01-30", "2026-02-01"), ("2026-02-03", "2026-02-03")],
        ),
        (
            "weekly",
            ["2026-01-05", "2026-01-12", "2026-01-26"],
            [("2026-01-05", "2026-01-12"), ("2026-01-26",) * 2],
        ),
        (
            "monthly",
            ["2026-01-01", "2026-02-01", "2026-04-01"],
            [("2026-01-01", "2026-02-01"), ("2026-04-01",) * 2],
        ),
    ],
)
def test_neighbours_are_joined_to_ranges(tmp_path, period, wanted, ranges):
    """Contiguous partitions make one range; a gap of one partition starts another."""
    assert contiguous(wanted, declare(tmp_path, source__partition=period)) == ranges


@pytest.mark.parametrize(
    ("now", "changes", "days"),
    [
        (datetime(2026, 1, 6, 23, 59, tzinfo=UTC), {}, 1),
        (datetime(2026, 1, 7, tzinfo=UTC), {}, 2),
        (datetime(2026, 1, 7, 5, 59, tzinfo=UTC), {"source__complete_after": "6h"}, 1),
        (datetime(2026, 1, 7, 6, tzinfo=UTC), {"source__complete_after": "6h"}, 2),
        (datetime(2026, 1, 7, 4, 59, tzinfo=UTC), {"timezone": "America/New_York"}, 1),
        (datetime(2026, 1, 7, 5, tzinfo=UTC), {"timezone": "America/New_York"}, 2),
    ],
    ids=["within the day", "its end", "not yet complete", "complete", "local evening", "local midnight"],
)
def test_only_complete_partitions_are_asked_for(tmp_path, now, changes, days):
    """A day is pending from its end in the declared time zone on, and the declared time after that."""
    written = write_days(tmp_path, DAYS)
    assert keys(look(declare(tmp_path, **changes), now=now)) == written[:days]


def test_a_change_in_one_long_file_asks_for_the_days_that_differ(tmp_path):
    """A single file is compared day by day: appended and changed days are pending, the others are not."""

    def write(*frames: pl.DataFrame) -> None:
        pl.concat(frames).write_parquet(tmp_path / "all.parquet")

    days = [FIRST_DAY + timedelta(days=number) for number in range(4)]
    frames = [loans_of(day) for day in days]
    declaration = declare(tmp_path, source__path="all.parquet")
    write(*frames[:3])
    found = look(declaration)
    take_in(declaration, keys(found))
    write(frames[0], frames[1].with_columns(repaid=1 - pl.col("repaid")), *frames[2:])
    assert keys(look(declaration, found.cursor)) == ["2026-01-06", "2026-01-08"]
    assert keys(look(declaration)) == ["2026-01-06", "2026-01-08"]


@pytest.mark.parametrize(
    "breaking",
    [
        lambda lines: [*lines, "kaputt"],
        lambda lines: [*lines, lines[-1].replace(",", ",x", 2).replace(",x", ",", 1)],
    ],
    ids=["a short row", "a text among the numbers"],
)
def test_a_mended_file_is_read_again_for_all_days_that_it_kept_out(tmp_path, breaking):
    """One row's fault withholds all days of a file, of which the mended row changes one."""
    file = tmp_path / "all.csv"
    pl.concat(loans_of(FIRST_DAY + timedelta(days=number)) for number in range(3)).write_csv(
        file, datetime_format="%Y-%m-%d %H:%M:%S"
    )
    whole = file.read_text().splitlines()
    declaration = declare(tmp_path, source={"path": "all.csv", "timestamp": "asked_at"})
    file.write_text("\n".join([*breaking(whole), ""]))
    asked = keys(look(declaration))
    take_in(declaration, asked)
    assert list(withheld(declaration.lake)) == asked
    assert keys(look(declaration)) == []
    today = loans_of(datetime.now(UTC).date()).write_csv(
        include_header=False, datetime_format="%Y-%m-%d %H:%M:%S"
    )
    file.write_text("\n".join([*breaking(whole), today]))
    assert keys(look(declaration)) == []
    file.write_text("\n".join([*whole, ""]))
    assert keys(look(declaration)) == asked
    take_in(declaration, asked)
    assert not withheld(declaration.lake)
    assert keys(look(declaration)) == []


@pytest.fixture
def database(tmp_path: Path) -> tuple[sa.Engine, Declaration]:
    """Three days of loans in SQLite, taken in."""
    url = f"sqlite:///{tmp_path / 'loans.db'}"
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE loans (loan TEXT, asked_at TEXT, amount REAL, age INTEGER, region TEXT, "
            "repaid INTEGER, updated_at TEXT)"
        )
    for number in range(3):
        insert(engine, FIRST_DAY + timedelta(days=number))
    source: dict[str, Any] = {
        "url": url,
        "table": "loans",
        "timestamp": "asked_at",
        "key": "loan",
        "start": FIRST_DAY.isoformat(),
        "updated_at": "updated_at",
    }
    declaration = declare(tmp_path, source=source)
    take_in(declaration, keys(look(declaration)))
    return engine, declaration


def insert(engine: sa.Engine, day: date) -> None:
    """Insert a day's rows."""
    rows = loans_of(day).with_columns(
        pl.col("asked_at").dt.strftime("%Y-%m-%d %H:%M:%S"), updated_at=pl.lit("2026-01-15 00:00:00")
    )
    statement = sa.text(
        "INSERT INTO loans VALUES (:loan, :asked_at, :amount, :age, :region, :repaid, :updated_at)"
    )
    with engine.begin() as connection:
        connection.execute(statement, rows.to_dicts())


def change(engine: sa.Engine, statement: str) -> None:
    """Change the database."""
    with engine.begin() as connection:
        connection.exec_driver_sql(statement)


def test_a_database_that_did_not_change_has_nothing_pending(database):
    """All rows of the table have been taken in."""
    _, declaration = database
    assert declaration.lake.scan("training_data").collect().height == 360
    assert keys(look(declaration)) == []


@pytest.mark.parametrize(
    ("statement", "day"),
    [
        (
            "UPDATE loans SET amount = 1, updated_at = '2026-01-16 09:00:00' WHERE loan = '2026-01-06-3'",
            "2026-01-06",
        ),
        ("DELETE FROM loans WHERE loan = '2026-01-07-0'", "2026-01-07"),
    ],
    ids=["updated row", "deleted row"],
)
def test_one_changed_row_of_a_table_asks_for_its_day_only(database, statement, day):
    """An updated or deleted row makes the day of its timestamp pending, until that is taken in."""
    engine, declaration = database
    change(engine, statement)
    assert keys(look(declaration)) == [day]
    take_in(declaration, [day])
    assert keys(look(declaration)) == []


def test_new_rows_of_a_table_ask_for_their_day(database):
    """Rows of a new day make it pending."""
    engine, declaration = database
    insert(engine, FIRST_DAY + timedelta(days=3))
    assert keys(look(declaration)) == ["2026-01-08"]


@pytest.mark.parametrize("path", ["rows/{partition:%Y-%m-%d}.parquet", "rows/*.parquet"])
def test_rows_older_than_all_before_are_told(tmp_path, path):
    """Without a declared start, a day before the first that the loaded code knows is told, not asked for."""
    declaration = declare(tmp_path, source__path=path, source__start=None)
    first = FIRST_DAY + timedelta(days=3)
    take_in(declaration, write_days(tmp_path, 2, first))
    write_days(tmp_path, 1)
    found = look(declaration, first=first.isoformat())
    assert (keys(found), found.older) == ([], FIRST_DAY.isoformat())
    # Loaded anew, the code location begins with it.
    assert declaration.first_day() == FIRST_DAY
    found = look(declaration)
    assert (keys(found), found.older) == ([FIRST_DAY.isoformat()], None)
    declared = declare(tmp_path, source__path=path, source__start=first.isoformat())
    assert look(declared).older is None


def test_older_rows_of_a_table_are_told(database, tmp_path):
    """A row before the first day that the loaded code knows is found in a database as well."""
    engine, declaration = database
    source = declaration.spec.source.model_dump(mode="json") | {"start": None}
    insert(engine, FIRST_DAY - timedelta(days=9))
    found = look(declare(tmp_path, source=source), first=FIRST_DAY.isoformat())
    assert found.older == "2025-12-27"
    assert look(declaration).older is None


def test_a_mended_query_reads_withheld_days_again(database, tmp_path):
    """A query that lacked a column is mended: what was withheld because of it is pending at once."""
    engine, declaration = database
    del engine
    query = "SELECT {} FROM loans WHERE asked_at >= :start AND asked_at < :end"
    source = {"url": declaration.spec.source.url, "timestamp": "asked_at", "start": FIRST_DAY.isoformat()}
    columns = "loan, asked_at, amount, region, repaid"
    short = declare(tmp_path, name="queried", source=source | {"query": query.format(columns)})
    asked = keys(look(short))
    take_in(short, asked)
    assert len(asked) == len(withheld(short.lake)) == 3
    assert keys(look(short, now=datetime.now(UTC))) == []
    mended = declare(tmp_path, name="queried", source=source | {"query": query.format(f"{columns}, age")})
    assert keys(look(mended, now=datetime.now(UTC))) == asked


FUNCTION = """
import polars as pl

def load(start, end):
    if start.day == 7:
        raise ValueError("one bad day")
    return pl.DataFrame({"loan": [start.isoformat()], "asked_at": [start], "amount": [1.0], "repaid": [1]})
"""


@pytest.fixture
def function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Declaration]:
    """A source whose function raises for one day of five, all of which have been asked for and read."""
    (tmp_path / "module_of_loans.py").write_text(FUNCTION)
    monkeypatch.syspath_prepend(tmp_path)
    source = {"function": "module_of_loans:load", "timestamp": "asked_at", "start": FIRST_DAY.isoformat()}
    declaration = declare(
        tmp_path, source=source, features={"numeric": ["amount"]}, expectations=[], evaluation={}
    )
    take_in(declaration, keys(look(declaration, now=datetime(2026, 1, 10, tzinfo=UTC))))
    yield declaration
    del sys.modules["module_of_loans"]


def test_a_function_that_raises_for_a_day_keeps_no_other_day_out(function, tmp_path):
    """The day is withheld with what was raised and where; the days before and after it are taken in."""
    accepted = function.lake.scan("partitions").filter("accepted").collect()["partition_key"]
    assert sorted(accepted) == ["2026-01-05", "2026-01-06", "2026-01-08", "2026-01-09"]
    assert withheld(function.lake) == {
        "2026-01-07": "source.function: module_of_loans:load raised ValueError for partition 2026-01-07: one bad day "
        f"({tmp_path}/module_of_loans.py, line 6). Mend the function; the partition is read again when its module "
        "has changed, and every hour."
    }


def test_a_mended_function_reads_its_withheld_days_again(function, tmp_path):
    """Nothing tells what a function would return: a withheld day is pending when its module changes, and in time."""
    ask = partial(pending, function, function.source(), cursor=None)
    now = datetime.now(UTC)
    later = now + timedelta(minutes=61)
    wanted = {"2026-01-07"}
    days = {f"2026-01-{day:02}" for day in range(5, 10)}
    assert days.isdisjoint(ask(now=now).fingerprints)
    assert days.intersection(ask(now=later).fingerprints) == wanted
    (tmp_path / "module_of_loans.py").write_text(FUNCTION.replace("start.day == 7", "False"))
    assert days.intersection(ask(now=now).fingerprints) == wanted


def test_what_was_read_before_a_source_fails_is_kept(tmp_path, monkeypatch):
    """The source fails at the third day: the two before it are in the lake."""
    days = write_days(tmp_path, DAYS)
    declaration = declare(tmp_path)
    source = declaration.source()
    deliver = source.read

    def fails(*arguments: Any) -> Iterator[Delivery]:
        for number, delivery in enumerate(deliver(*arguments)):
            if number == 2:
                raise SourceError("The database restarts.")
            yield delivery

    monkeypatch.setattr(type(source), "read", lambda _, *arguments: fails(*arguments))
    with pytest.raises(SourceError):
        list(ingest(declaration, days, "run"))
    assert set(declaration.lake.scan("training_data").collect()["partition_key"]) == set(days[:2])
