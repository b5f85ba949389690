"""A declared key is unique over all partitions of the lake."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count

import polars as pl
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as some

from retrain_assets.declaration import Declaration
from retrain_assets.deliveries import complete
from retrain_assets.lake import Lake
from retrain_assets.training_data import ingest as module
from retrain_assets.training_data.ingest import ingest
from retrain_assets.training_data.pending import pending
from retrain_assets.training_data.release import release_quarantined
from retrain_assets.training_data.unique_keys import KeysElsewhere
from retrain_assets_tests.pipelines import FIRST_DAY, declare, loans_of, write_day, write_days
from retrain_assets_tests.retraining_decision.past import make_features

DAYS = [FIRST_DAY + timedelta(days=number) for number in range(3)]
KEYS = [day.isoformat() for day in DAYS]
AGAIN = "duplicate_key(partition=2026-01-05)"


def take_in(declaration: Declaration, *keys: str) -> dict[str, tuple[int, int]]:
    """Take partitions in; tells how many rows of each were accepted and put aside."""
    return {item.key: (item.rows, item.quarantined) for item in ingest(declaration, keys or KEYS, "run")}


def with_rows_of_the_first_day(number: int = 4) -> pl.DataFrame:
    """The second day's rows with some of the first day's among them."""
    return pl.concat([loans_of(DAYS[1]), loans_of(DAYS[0]).head(number)])


def put_aside(declaration: Declaration, key: str) -> list[tuple[str, str]]:
    """Rule and value of a partition's quarantined rows."""
    rows = declaration.lake.rows("quarantine", [key]).sort("value").select("rule", "value")
    return rows.collect().rows()


def dying(write, number: int):
    """Make a writer of tables that ends the run in the place of one of its writes."""
    writes = count(1)

    def die(*arguments):
        if next(writes) == number:
            raise KeyboardInterrupt
        write(*arguments)

    return die


def settle(declaration: Declaration) -> None:
    """Take in what the source sensor asks for, until it asks for nothing."""
    while asked := list(pending(declaration, declaration.source(), datetime.now(UTC), None).fingerprints):
        take_in(declaration, *asked)
        complete(declaration.lake, asked, "run")


def is_unique(declaration: Declaration) -> bool:
    """Whether no key stands in the lake twice."""
    keys = declaration.lake.scan("training_data").collect()["loan"]
    return keys.n_unique() == len(keys)


@pytest.mark.parametrize("rows_a_commit", [1, 1000])
def test_a_key_of_an_earlier_day_of_the_same_run_is_put_aside(tmp_path, monkeypatch, rows_a_commit):
    """Of a row that two files of a run hold, the older day keeps it and the other's copy is put aside."""
    monkeypatch.setattr(module, "ROWS_A_COMMIT", rows_a_commit)
    write_days(tmp_path, 3)
    write_day(tmp_path, DAYS[1], with_rows_of_the_first_day())
    declaration = declare(tmp_path)
    assert take_in(declaration) == {KEYS[0]: (120, 0), KEYS[1]: (120, 4), KEYS[2]: (120, 0)}
    assert put_aside(declaration, KEYS[1]) == [(AGAIN, f"{KEYS[0]}-{number}") for number in range(4)]
    assert is_unique(declaration)


def test_a_key_of_a_day_taken_in_before_is_put_aside(tmp_path):
    """A late delivery that repeats another day's rows doubles none, and the day itself can be delivered again."""
    write_days(tmp_path, 3)
    declaration = declare(tmp_path)
    take_in(declaration)
    write_day(tmp_path, DAYS[1], with_rows_of_the_first_day())
    assert take_in(declaration, KEYS[1]) == {KEYS[1]: (120, 4)}
    assert put_aside(declaration, KEYS[1])[0] == (AGAIN, f"{KEYS[0]}-0")
    write_day(tmp_path, DAYS[0], loans_of(DAYS[0]).with_columns(age=pl.lit(40)))
    assert take_in(declaration, KEYS[0]) == {KEYS[0]: (120, 0)}
    assert is_unique(declaration)


def test_a_row_that_moves_to_another_day_is_taken_in_there(tmp_path):
    """Both days are read in one run: the row stands in its new day only."""
    write_days(tmp_path, 3)
    declaration = declare(tmp_path)
    take_in(declaration)
    write_day(tmp_path, DAYS[0], pl.concat([loans_of(DAYS[0]), loans_of(DAYS[1]).head(1)]))
    write_day(tmp_path, DAYS[1], loans_of(DAYS[1]).tail(-1))
    assert take_in(declaration, *KEYS[:2]) == {KEYS[0]: (121, 0), KEYS[1]: (119, 0)}
    assert is_unique(declaration)


def test_a_row_that_moves_to_an_older_day_is_taken_in_there_once_its_key_is_free(tmp_path):
    """The older day is read first and the row put aside; when the other has been read without it, it is asked for."""
    write_days(tmp_path, 3)
    declaration = declare(tmp_path)
    take_in(declaration)
    complete(declaration.lake, KEYS, "run")
    write_day(tmp_path, DAYS[0], pl.concat([loans_of(DAYS[0]), loans_of(DAYS[2]).head(1)]))
    assert take_in(declaration, KEYS[0]) == {KEYS[0]: (120, 1)}
    write_day(tmp_path, DAYS[2], loans_of(DAYS[2]).tail(-1))
    complete(declaration.lake, KEYS, "run")
    assert take_in(declaration, KEYS[2]) == {KEYS[2]: (119, 0)}
    complete(declaration.lake, [KEYS[2]], "run")
    assert list(pending(declaration, declaration.source(), datetime.now(UTC), None).fingerprints) == [KEYS[0]]
    assert take_in(declaration, KEYS[0]) == {KEYS[0]: (121, 0)}
    assert is_unique(declaration)


def test_a_day_whose_row_waits_is_asked_for_though_the_run_that_freed_its_key_died(tmp_path, monkeypatch):
    """Whatever write a run dies before, a row that was put aside for its key is taken in once the key is free."""
    write_days(tmp_path, 3)
    write_day(tmp_path, DAYS[0], pl.concat([loans_of(DAYS[0]), loans_of(DAYS[2]).head(1)]))
    for dies_at in range(1, 5):
        declaration = declare(tmp_path, name=f"loans_{dies_at}")
        take_in(declaration, KEYS[2])
        take_in(declaration, *KEYS[:2])
        complete(declaration.lake, KEYS, "run")
        write_day(tmp_path, DAYS[2], loans_of(DAYS[2]).tail(-1))
        with monkeypatch.context() as patched:
            patched.setattr(Lake, "replace_partitions", dying(Lake.replace_partitions, dies_at))
            with suppress(KeyboardInterrupt):
                take_in(declaration, KEYS[2])
        settle(declaration)
        held = declaration.lake.rows("training_data", [KEYS[0]]).select("loan").collect()["loan"]
        assert f"{KEYS[2]}-0" in held, dies_at
        assert is_unique(declaration)
        write_day(tmp_path, DAYS[2])


def test_a_day_that_has_left_the_source_keeps_its_rows_until_it_is_taken_in_by_hand(tmp_path):
    """All rows of a day move to another one: they wait there, and are taken in once the day is empty."""
    days = [loans_of(day) for day in DAYS[:2]]
    pl.concat(days).write_parquet(tmp_path / "all.parquet")
    declaration = declare(tmp_path, source__path="all.parquet")
    take_in(declaration, *KEYS[:2])
    complete(declaration.lake, KEYS, "run")
    moved = days[0].with_columns(asked_at=pl.col("asked_at") + timedelta(days=1))
    pl.concat([moved, days[1]]).write_parquet(tmp_path / "all.parquet")
    assert take_in(declaration, KEYS[1]) == {KEYS[1]: (120, 120)}
    complete(declaration.lake, KEYS, "run")
    assert list(pending(declaration, declaration.source(), datetime.now(UTC), None).fingerprints) == []
    assert take_in(declaration, KEYS[0]) == {KEYS[0]: (0, 0)}
    assert list(pending(declaration, declaration.source(), datetime.now(UTC), None).fingerprints) == [KEYS[1]]
    assert take_in(declaration, KEYS[1]) == {KEYS[1]: (240, 0)}


def test_what_a_withheld_day_keeps_counts(tmp_path):
    """A day that is withheld keeps its rows, so that their keys stay taken."""
    write_days(tmp_path, 3)
    declaration = declare(tmp_path)
    take_in(declaration)
    write_day(tmp_path, DAYS[0]).write_bytes(b"")
    write_day(tmp_path, DAYS[1], with_rows_of_the_first_day())
    assert take_in(declaration)[KEYS[1]] == (120, 4)
    assert is_unique(declaration)


def test_rows_that_a_run_left_without_a_record_count(tmp_path, monkeypatch):
    """A first run dies behind its rows, and their day cannot be read again: another day does not double them."""
    write_days(tmp_path, 2)
    declaration = declare(tmp_path)
    with monkeypatch.context() as patched, suppress(KeyboardInterrupt):
        patched.setattr(Lake, "replace_partitions", dying(Lake.replace_partitions, 3))
        take_in(declaration, KEYS[1])
    write_day(tmp_path, DAYS[0], pl.concat([loans_of(DAYS[0]), loans_of(DAYS[1]).head(1)]))
    write_day(tmp_path, DAYS[1]).write_bytes(b"")
    settle(declaration)
    assert is_unique(declaration)


@pytest.mark.parametrize("rows_a_commit", [1, 1000])
def test_a_row_that_a_withheld_day_keeps_is_not_in_the_older_day_as_well(
    tmp_path, monkeypatch, rows_a_commit
):
    """It moved to a day that is read before it, and cannot leave its own until that is accepted."""
    monkeypatch.setattr(module, "ROWS_A_COMMIT", rows_a_commit)
    write_days(tmp_path, 3)
    declaration = declare(tmp_path)
    take_in(declaration)
    complete(declaration.lake, KEYS, "run")
    write_day(tmp_path, DAYS[0], pl.concat([loans_of(DAYS[0]), loans_of(DAYS[1]).head(1)]))
    write_day(tmp_path, DAYS[1]).write_bytes(b"")
    settle(declaration)
    assert is_unique(declaration)
    write_day(tmp_path, DAYS[1], loans_of(DAYS[1]).tail(-1))
    settle(declaration)
    assert is_unique(declaration)
    assert declaration.lake.rows("training_data", KEYS[:1]).collect().height == 121


def test_a_row_that_moves_within_a_database_is_taken_in_at_its_new_place(tmp_path):
    """Of its old place, of which the database tells nothing, the key's holder is read again, and only once."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'loans.db'}", poolclass=sa.NullPool)
    days = [loans_of(day, rows=20).with_columns(written=pl.lit(number)) for number, day in enumerate(DAYS)]
    frame = pl.concat(days).with_columns(pl.col("asked_at").dt.strftime("%Y-%m-%d %H:%M:%S"))
    frame.write_database("loans", engine)
    address = {"url": "sqlite:///loans.db", "table": "loans", "updated_at": "written"}
    source = {**address, "timestamp": "asked_at", "key": "loan", "start": KEYS[0]}
    declaration = declare(tmp_path, source=source)
    settle(declaration)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            f"UPDATE loans SET asked_at = '{KEYS[2]} 12:00:00', written = 7 WHERE loan = '{KEYS[0]}-3'"
        )
    settle(declaration)
    assert is_unique(declaration)
    held = declaration.lake.scan("training_data").filter(loan=f"{KEYS[0]}-3").collect()
    assert held["partition_key"].to_list() == [KEYS[2]]
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO loans SELECT * FROM loans WHERE written = 7")
        connection.exec_driver_sql(
            f"UPDATE loans SET asked_at = '{KEYS[1]} 12:00:00', written = 8 WHERE rowid = 61"
        )
    settle(declaration)
    assert put_aside(declaration, KEYS[1]) == [(f"duplicate_key(partition={KEYS[2]})", f"{KEYS[0]}-3")]


def test_without_a_declared_key_equal_rows_stay(tmp_path):
    """Rows that no key identifies are kept in each partition that delivers them."""
    write_days(tmp_path, 3)
    write_day(tmp_path, DAYS[1], with_rows_of_the_first_day())
    assert take_in(declare(tmp_path, source__key=None))[KEYS[1]] == (124, 0)


def test_a_released_row_whose_key_is_taken_by_now_stays_aside(tmp_path):
    """A quarantined row is not let in beside the row of another day that has its key by now."""
    rule = {"type": "expect_column_values_to_be_between", "column": "amount", "min_value": 0, "mostly": 0.9}
    write_days(tmp_path, 3)
    bad = loans_of(DAYS[0]).with_columns(
        amount=pl.when(pl.int_range(pl.len()) < 2).then(-1.0).otherwise("amount")
    )
    write_day(tmp_path, DAYS[0], bad)
    write_day(tmp_path, DAYS[1], with_rows_of_the_first_day(1))
    strict = declare(tmp_path, expectations=[rule])
    assert take_in(strict) == {KEYS[0]: (118, 2), KEYS[1]: (121, 0), KEYS[2]: (120, 0)}
    mended = declare(tmp_path, expectations=[])
    assert release_quarantined(mended, []) == {}, "a run that died before the features judges them itself"
    make_features(mended, KEYS)
    assert release_quarantined(mended, []) == {KEYS[0]: 1}
    assert is_unique(strict)


@given(
    some.lists(some.lists(some.integers(-40, 40), max_size=30), max_size=12),
    some.sets(some.integers(-40, 40)),
)
def test_the_partition_of_a_key_is_found_whatever_was_read_before(tmp_path_factory, read, asked):
    """Of partitions that are read one after the other, one that holds a key is named; of no other key any."""
    elsewhere = KeysElsewhere(Lake("loans", root=str(tmp_path_factory.mktemp("lake"))), [])
    for place, ids in enumerate(read):
        elsewhere.add(str(place), pl.Series(ids, dtype=pl.Int64))
    found = elsewhere.partition_of(pl.Series(sorted(asked), dtype=pl.Int64)).to_list()
    for wanted, partition in zip(sorted(asked), found, strict=True):
        assert (partition is not None) == any(wanted in ids for ids in read)
        assert partition is None or wanted in read[int(partition)]
