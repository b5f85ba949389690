"""A database as a source: SQLite and a real PostgreSQL."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from retrain_assets.errors import SourceError, SpecError
from retrain_assets.training_data.conform import conform
from retrain_assets.training_data.normalise import normalise
from retrain_assets.training_data.sources.delivery import Delivery
from retrain_assets.training_data.sources.source import Source, open_source
from retrain_assets.windows import Partitions
from retrain_assets_tests.training_data.declared import DAILY, DAYS, declared, rows

TABLE = {"table": "clicks"}
QUERY = {"query": "SELECT * FROM clicks WHERE shown_at >= :start AND shown_at < :end;"}
WRITTEN = datetime(2026, 2, 1, 12, tzinfo=UTC)


def fill(url: str, time_type: str, *, text: bool = False) -> sa.Engine:
    """Create the table anew with four rows a day."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS clicks")
        connection.exec_driver_sql(
            f'CREATE TABLE clicks (id TEXT, shown_at {time_type}, bid NUMERIC(8,2), "count" INTEGER, '
            f"clicked INTEGER, updated_at {time_type})"
        )
        for row in pl.concat(rows(day) for day in DAYS).iter_rows(named=True):
            insert(connection, row | {"updated_at": WRITTEN}, text=text)
    return engine


def insert(connection: sa.Connection, row: dict[str, Any], *, text: bool) -> None:
    """Insert one row."""
    if text:
        row = row | {
            name: row[name].replace(tzinfo=None).isoformat(" ") for name in ("shown_at", "updated_at")
        }
    connection.execute(
        sa.text("INSERT INTO clicks VALUES (:id, :shown_at, :bid, :count, :clicked, :updated_at)"), row
    )


def by_day(deliveries: Iterator[Delivery]) -> dict[str, Delivery]:
    """Sort deliveries by their day."""
    return {delivery.key: delivery for delivery in deliveries}


def look(source: Source, known: dict[str, str], cursor: str | None = None) -> dict[str, str]:
    """Fingerprint every day."""
    return dict(source.fingerprints(DAILY, DAYS, known, cursor).by_key)


@pytest.fixture(params=["sqlite", "postgresql timestamptz", "postgresql timestamp"])
def filled(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, sa.Engine, bool]:
    """Address, engine, and whether times are text, of a database with the table."""
    kind, _, time_type = request.param.partition(" ")
    if kind == "sqlite":
        url = f"sqlite:///{tmp_path / 'source.db'}"
        return url, fill(url, "TEXT", text=True), True
    url = request.getfixturevalue("postgres").url()
    return url, fill(url, time_type), False


@pytest.mark.parametrize("what", [TABLE, QUERY])
def test_a_partition_is_read_from_a_database(filled, tmp_path: Path, what: dict[str, str]) -> None:
    """A delivery holds the rows of its period, and its fingerprint is what the next look finds."""
    url, _, _ = filled
    spec = declared({"url": url, "updated_at": "updated_at", **what})
    source = open_source(spec, tmp_path)
    found = by_day(source.read(DAILY, [*DAYS, "2026-01-08"]))
    assert {day: item.fingerprint for day, item in found.items() if day in DAYS} == look(source, {})
    assert found["2026-01-08"].frame.height == 0
    for day in DAYS:
        frame = conform(found[day].frame, None, spec, day)
        accepted = normalise(frame, spec, DAILY, day).accepted
        expected = rows(day).with_columns(pl.col("count", "clicked").cast(pl.Int64))
        assert accepted.select(expected.columns).sort("id").equals(expected)
    assert source.earliest() == datetime(2026, 1, 5, tzinfo=UTC)
    assert source.latest() == datetime(2026, 1, 7, 18, tzinfo=UTC)
    assert set(source.columns()) == {"id", "shown_at", "bid", "count", "clicked", "updated_at"}


@pytest.mark.parametrize("what", [TABLE, QUERY])
def test_one_updated_row_changes_its_partition_only(filled, tmp_path: Path, what: dict[str, str]) -> None:
    """A row written later makes its own partition new, on every look until it is taken in."""
    url, engine, text = filled
    source = open_source(declared({"url": url, "updated_at": "updated_at", **what}), tmp_path)
    known = look(source, {})
    quiet = source.fingerprints(DAILY, DAYS, known, None)
    assert quiet.by_key == known
    later = datetime(2026, 2, 2, 8, 30)
    with engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE clicks SET bid = 9.5, updated_at = :at WHERE id = '2026-01-06-2'"),
            {"at": later.isoformat(" ") if text else later.replace(tzinfo=UTC)},
        )
    changed = source.fingerprints(DAILY, DAYS, known, quiet.cursor)
    again = source.fingerprints(DAILY, DAYS, known, changed.cursor)
    for found in (changed, again):
        assert {day for day in DAYS if found.by_key[day] != known[day]} == {"2026-01-06"}
    [delivery] = source.read(DAILY, ["2026-01-06"])
    assert delivery.fingerprint == changed.by_key["2026-01-06"]
    settled = {**known, "2026-01-06": delivery.fingerprint}
    assert source.fingerprints(DAILY, DAYS, settled, again.cursor).by_key == settled


def test_a_row_with_the_newest_moment_of_writing_is_found(filled, tmp_path: Path) -> None:
    """A row that was written in the same moment as the newest known one is not overlooked."""
    url, engine, text = filled
    source = open_source(declared({"url": url, "updated_at": "updated_at", **TABLE}), tmp_path)
    known = look(source, {})
    cursor = source.fingerprints(DAILY, DAYS, known, None).cursor
    with engine.begin() as connection:
        insert(connection, rows(DAYS[2]).row(0, named=True) | {"updated_at": WRITTEN}, text=text)
    found = look(source, known, cursor)
    assert {day for day in DAYS if found[day] != known[day]} == {DAYS[2]}


def test_without_updated_at_only_new_partitions_are_asked_for(filled, tmp_path: Path) -> None:
    """Without a column that tells of writes a partition that was read keeps its fingerprint."""
    url, engine, _ = filled
    source = open_source(declared({"url": url, **TABLE}), tmp_path)
    known = look(source, {})
    assert set(known) == set(DAYS)
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM clicks WHERE id = '2026-01-06-2'")
    assert look(source, known) == known
    del known[DAYS[1]]
    assert look(source, known)[DAYS[1]] != look(source, known)[DAYS[0]]


def test_partitions_are_local_days(filled, tmp_path: Path) -> None:
    """Naive times are in the declared time zone, and moments are compared as moments."""
    url, engine, text = filled
    zone = "America/New_York"
    with engine.connect() as connection:
        aware = not text and connection.exec_driver_sql("SELECT shown_at FROM clicks LIMIT 1").scalar().tzinfo
    source = open_source(declared({"url": url, "updated_at": "updated_at", **TABLE}, timezone=zone), tmp_path)
    partitions = Partitions("daily", zone)
    keys = ["2026-01-04", *DAYS]
    found = source.fingerprints(partitions, keys, {}, None).by_key
    # 00:00 UTC is still the evening before in New York.
    assert list(found) == (keys if aware else DAYS)
    heights = [item.frame.height for item in source.read(partitions, keys)]
    assert heights == ([1, 4, 4, 3] if aware else [0, 4, 4, 4])


@pytest.mark.parametrize("stored", ["2026-01-05T{:02d}:30:00Z", "2026-01-05 {:02d}:30:00.5+00:00"])
def test_sqlite_text_in_utc_is_compared_in_utc(tmp_path: Path, stored: str) -> None:
    """Text with an offset of zero is compared with bounds in UTC, in its own form."""
    url = f"sqlite:///{tmp_path / 'source.db'}"
    engine = fill(url, "TEXT", text=True)
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM clicks")
        for hour in (14, 15):
            connection.exec_driver_sql("INSERT INTO clicks (shown_at) VALUES (?)", (stored.format(hour),))
    source = open_source(declared({"url": url, **TABLE}, timezone="Asia/Tokyo"), tmp_path)
    found = by_day(source.read(Partitions("daily", "Asia/Tokyo"), DAYS))
    assert [found[day].frame.height for day in DAYS] == [1, 1, 0]


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (1767571200, "holds 1767571200, which is no timestamp."),
        ("2026-01-05T00:00:00+05:00", "and SQLite compares times as text. Store them in UTC,"),
    ],
)
def test_sqlite_times_that_cannot_be_compared_are_a_sentence(
    tmp_path: Path, value: object, sentence: str
) -> None:
    """Numbers, and texts with an offset, are refused with what to do."""
    url = f"sqlite:///{tmp_path / 'source.db'}"
    with fill(url, "", text=True).begin() as connection:
        connection.exec_driver_sql("DELETE FROM clicks")
        connection.exec_driver_sql("INSERT INTO clicks (shown_at) VALUES (?)", (value,))
    with pytest.raises(SourceError) as caught:
        look(open_source(declared({"url": url, **TABLE}), tmp_path), {})
    assert sentence in str(caught.value)


def test_long_keys_of_a_numeric_column_stay_apart(postgres, tmp_path: Path) -> None:
    """Numbers of unlimited length are not rounded where they are whole, and prices with NaN are floats."""
    engine = sa.create_engine(postgres.url(), poolclass=sa.NullPool)
    with engine.begin() as connection:
        for statement in (
            "DROP TABLE IF EXISTS numbers",
            "CREATE TABLE numbers (id NUMERIC, shown_at TIMESTAMP, bid NUMERIC, clicked INTEGER)",
            "INSERT INTO numbers VALUES (1800000000000000001, '2026-01-05', 1, 0), "
            "(1800000000000000002, '2026-01-05', 2.5, 1), (NULL, '2026-01-05', 'NaN', 0)",
        ):
            connection.exec_driver_sql(statement)
    source = open_source(declared({"url": postgres.url(), "table": "numbers"}), tmp_path)
    [delivery] = source.read(DAILY, DAYS[:1])
    assert delivery.frame["id"].to_list() == [1_800_000_000_000_000_001, 1_800_000_000_000_000_002, None]
    assert str(delivery.frame["bid"].to_list()) == "[1.0, 2.5, nan]"


def test_many_partitions_are_counted_in_few_statements(tmp_path: Path) -> None:
    """More partitions than one statement takes are all found, empty ones left out."""
    url = f"sqlite:///{tmp_path / 'source.db'}"
    fill(url, "TEXT", text=True)
    source = open_source(declared({"url": url, "updated_at": "updated_at", **TABLE}), tmp_path)
    keys = DAILY.keys_between(datetime(2025, 9, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
    assert list(source.fingerprints(DAILY, keys, {}, None).by_key) == DAYS


def test_a_wrong_password_is_a_sentence_without_it(postgres, tmp_path: Path) -> None:
    """The refusal names server and user, and the password is in no part of the error."""
    for url in (
        postgres.url("not%2Fthe%2Fpassword"),
        postgres.url("x").replace("x@", "@") + "?password=not%2Fthe%2Fpassword",
    ):
        source = open_source(declared({"url": url, **TABLE}), tmp_path)
        with pytest.raises(SourceError) as caught:
            source.earliest()
        text = "".join(traceback.format_exception(caught.value))
        assert 'password authentication failed for user "tester"' in text
        assert "Check source.url, its user and its password." in text
        for secret in ("not/the/password", "not%2Fthe%2Fpassword"):
            assert secret not in text
            assert secret not in source.address


def test_an_unknown_table_is_a_sentence(filled, tmp_path: Path) -> None:
    """A statement that the database refuses says so, without the statement's values."""
    url, _, _ = filled
    source = open_source(declared({"url": url, "table": "klicks"}), tmp_path)
    with pytest.raises(SourceError) as caught:
        look(source, {})
    assert "klicks" in str(caught.value)
    assert "Check source.table, source.query and the column names." in str(caught.value)


def test_addresses_that_cannot_work_are_sentences(tmp_path: Path) -> None:
    """No address, an unknown system and a missing SQLite file each say what to do, and create nothing."""
    with pytest.raises(SpecError, match="this is no SQLAlchemy address"):
        open_source(declared({"url": "my database", **TABLE}), tmp_path)
    with pytest.raises(SourceError, match="'nosuch' is not known to SQLAlchemy"):
        open_source(declared({"url": "nosuch://host/db", **TABLE}), tmp_path).earliest()
    with pytest.raises(SourceError, match="there is no such file"):
        open_source(declared({"url": "sqlite:///missing.db", **TABLE}), tmp_path).earliest()
    assert not (tmp_path / "missing.db").exists()


def test_rows_written_while_they_are_read_are_read_again(
    filled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A partition that is written to between two looks is no delivery."""
    from retrain_assets.training_data.sources.sql_relation import Relation

    url, engine, text = filled
    source = open_source(declared({"url": url, "updated_at": "updated_at", **TABLE}), tmp_path)
    read = Relation.rows

    def written_meanwhile(relation: Relation, *arguments: Any) -> pl.DataFrame:
        frame = read(relation, *arguments)
        with engine.begin() as connection:
            insert(connection, rows(DAYS[0]).row(0, named=True) | {"updated_at": WRITTEN}, text=text)
        return frame

    monkeypatch.setattr(Relation, "rows", written_meanwhile)
    [delivery] = source.read(DAILY, [DAYS[0]])
    assert (delivery.frame, delivery.fingerprint) == (None, "")
    assert delivery.problem == (
        f"Partition 2026-01-05: {source.address} changed while it was read; it is read again at the next "
        "tick."
    )
