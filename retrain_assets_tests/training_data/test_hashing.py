"""Identities of rows and contents."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain_assets.training_data.hashing import content_hash, ordinals, row_hashes, row_ids

ROWS = pl.DataFrame(
    {
        "id": ["a", "b", "c", None],
        "number": [1.5, -0.0, float("nan"), None],
        "whole": [1, -2, 3, None],
        "at": [datetime(2026, 1, 5, tzinfo=UTC), None, datetime(2026, 1, 6, tzinfo=UTC), None],
        "day": [date(2026, 1, 5), None, date(1960, 1, 5), None],
        "yes": [True, False, None, None],
        "list": [[1, 2], [], None, [3]],
        "bytes": [b"\x00\xff", b"", None, b"a"],
        "span": [timedelta(seconds=1), None, timedelta(0), None],
    }
)

GOLDEN = [2256410546172322738, 467360854259018309, -6328232490114791775, 808002881249563038]
GOLDEN_CONTENT = "6c422f05917fb6cf9fd3c0f72ff64a59"


def test_identities_are_the_same_for_ever() -> None:
    """Stored identities stay valid: these figures change with no release of a library."""
    assert row_ids(ROWS, ROWS.columns).to_list() == GOLDEN
    assert content_hash(ROWS, ROWS.columns) == GOLDEN_CONTENT


def test_rows_keep_their_identity_in_any_order() -> None:
    """Neither the order of rows nor that of columns changes an identity or a content."""
    turned = ROWS.reverse().select(reversed(ROWS.columns))
    assert row_ids(turned, turned.columns).to_list() == row_ids(ROWS, ROWS.columns).to_list()[::-1]
    assert content_hash(turned, turned.columns) == content_hash(ROWS, ROWS.columns)


@pytest.mark.parametrize("column", ROWS.columns)
def test_every_column_counts(column: str) -> None:
    """A value that becomes null changes the row's identity and the content, in a column of any type."""
    changed = ROWS.with_columns(pl.col(column).shift(1))
    assert (row_ids(changed, changed.columns) != row_ids(ROWS, ROWS.columns))[0]
    assert content_hash(changed, changed.columns) != content_hash(ROWS, ROWS.columns)


def test_null_nan_and_empty_differ_and_zeros_do_not() -> None:
    """Null, NaN and zero are three values, null and the empty text two, 0.0 and -0.0 one."""
    numbers = pl.Series("x", [None, float("nan"), 0.0, -0.0])
    hashes = row_hashes([numbers], 4).tolist()
    assert len(set(hashes)) == 3
    assert hashes[2] == hashes[3]
    assert len(set(row_hashes([pl.Series("x", [None, "", "a"])], 3).tolist())) == 3


def test_bytes_within_lists_and_structs_count() -> None:
    """Rows that differ in bytes alone, however deep, differ; equal ones are equal."""
    values = [{"of": [b"\xff", None]}, {"of": [b"\xfe", None]}, None, {"of": [b"\xff", None]}]
    first, second, third, fourth = row_hashes([pl.Series("deep", values)], 4).tolist()
    assert len({first, second, third}) == 3
    assert first == fourth


def test_a_value_in_another_column_is_another_row() -> None:
    """Equal values in different columns do not make equal rows."""
    swapped = pl.DataFrame({"a": [1, 2], "b": [2, 1]})
    assert row_ids(swapped, ["a", "b"]).n_unique() == 2


def test_equal_rows_are_numbered() -> None:
    """Rows equal in all that identifies them get identities of their own, the same on every read."""
    equal = pl.DataFrame({"a": [1, 1, 2, 1]})
    ids = row_ids(equal, ["a"])
    assert ids.n_unique() == 4
    assert row_ids(equal.head(2), ["a"]).to_list() == ids.head(2).to_list()


@given(st.lists(st.one_of(st.none(), st.text(max_size=3)), max_size=300))
def test_texts_hash_alike_however_often_they_occur(texts: list[str | None]) -> None:
    """A text's hash does not depend on what stands beside it."""
    together = row_hashes([pl.Series("x", texts, dtype=pl.String)], len(texts))
    alone = [row_hashes([pl.Series("x", [text], dtype=pl.String)], 1)[0] for text in texts]
    assert together.tolist() == alone


@given(st.lists(st.integers(0, 5), max_size=50))
def test_ordinals_count_earlier_occurrences(values: list[int]) -> None:
    """Each value is told how often it occurred before."""
    found = ordinals(pl.Series(values, dtype=pl.UInt64).to_numpy())
    assert found.tolist() == [values[:place].count(value) for place, value in enumerate(values)]


def test_no_rows_have_no_identity() -> None:
    """An empty partition has a content like any other."""
    assert row_ids(ROWS.clear(), ROWS.columns).to_list() == []
    assert content_hash(ROWS.clear(), ["id"]) != content_hash(ROWS.clear(), ["number"])


AT_ONCE = """
import sys, threading
import polars as pl
from retrain_assets.training_data.hashing import row_hashes
assert "pandas" not in sys.modules
failed, begin = [], threading.Barrier(12)
threading.excepthook = lambda caught: failed.append(caught.exc_value)

def look(number):
    begin.wait()
    threading.Event().wait(0.02 * number)
    row_hashes([pl.Series("x", ["a", "b"])], 2)

threads = [threading.Thread(target=look, args=(number,)) for number in range(12)]
for thread in threads: thread.start()
for thread in threads: thread.join()
sys.exit(repr(failed) if failed else 0)
"""


def test_sensors_that_hash_at_once_import_pandas_once():
    """In a young process many threads need pandas within its import, and none finds itself in a deadlock."""
    done = subprocess.run([sys.executable, "-c", AT_ONCE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
