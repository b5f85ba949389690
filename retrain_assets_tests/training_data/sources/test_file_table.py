"""One CSV file as a table."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pyarrow
import pytest

from retrain_assets.training_data.conform import conform
from retrain_assets.training_data.sources.source import open_source
from retrain_assets_tests.training_data.declared import declared
from retrain_assets_tests.training_data.sources.days import (
    delivered,
)


def test_a_truncated_csv_is_noticed(tmp_path: Path) -> None:
    """A CSV file that ends within a line is not filled up with nulls."""
    path = tmp_path / "2026-01-05.csv"
    path.write_text("shown_at,bid,clicked\n2026-01-05,1.5,1\n2026-01-05,2")
    source = open_source(declared({"path": "{partition:%Y-%m-%d}.csv"}), tmp_path)
    assert delivered(source)["2026-01-05"].problem == (
        f"{path}: the file is truncated: its last line has 2 fields and no end. Deliver it again."
    )


def test_csv_is_read_as_declared(tmp_path: Path) -> None:
    """Separator, decimals, encoding and null texts are as declared; integers leave room for decimals."""
    text = (
        "key;shown_at;bid;clicked;city;note\n1;05.01.2026 13:30;1,5;1;Köln;\n2;05.01.2026 14:30;-;0;Genève;\n"
    )
    (tmp_path / "all.csv").write_bytes(text.encode("latin-1"))
    read = {
        "separator": ";",
        "decimal": ",",
        "encoding": "latin-1",
        "timestamp_format": "%d.%m.%Y %H:%M",
        "null_values": ["-"],
    }
    source = open_source(declared({"path": "all.csv", "key": "key", "read": read}), tmp_path)
    frame = delivered(source)["2026-01-05"].frame
    assert frame.to_dict(as_series=False) == {
        "key": ["1", "2"],
        "shown_at": ["05.01.2026 13:30", "05.01.2026 14:30"],
        "bid": [1.5, None],
        "clicked": [1.0, 0.0],
        "city": ["Köln", "Genève"],
        "note": [None, None],
    }
    assert frame.schema["note"] == pl.Null


@pytest.mark.parametrize("ending", ["gz", "zst"])
def test_a_packed_csv_is_read_in_its_encoding(tmp_path: Path, ending: str) -> None:
    """A file is unpacked before its encoding is looked at."""
    text = "shown_at,clicked,city\n2026-01-05,1,Köln\n".encode("latin-1")
    codec = {"gz": "gzip", "zst": "zstd"}[ending]
    (tmp_path / f"all.csv.{ending}").write_bytes(pyarrow.compress(text, codec=codec, asbytes=True))
    source = open_source(declared({"path": f"all.csv.{ending}", "read": {"encoding": "latin-1"}}), tmp_path)
    assert delivered(source)["2026-01-05"].frame["city"].to_list() == ["Köln"]


def test_thousands_that_a_point_sets_apart_are_no_fractions(tmp_path: Path) -> None:
    """Beside a decimal comma 1.234 is no number between 1 and 2; what has no such form is read as it stands."""
    text = "shown_at;clicked;rows;price;width\n2026-01-05;1;999;1.234,5;52.52\n2026-01-05;0;1.234;2,5;9.125\n"
    (tmp_path / "all.csv").write_text(text)
    source = open_source(declared({"path": "all.csv", "read": {"separator": ";", "decimal": ","}}), tmp_path)
    frame = delivered(source)["2026-01-05"].frame
    assert frame.select("rows", "price", "width").to_dict(as_series=False) == {
        "rows": ["999", "1.234"],
        "price": ["1.234,5", "2,5"],
        "width": [52.52, 9.125],
    }


def test_text_columns_of_csv_stay_text(tmp_path: Path) -> None:
    """A column that was text before stays text in a file where it holds digits only."""
    (tmp_path / "all.csv").write_text("shown_at,clicked,zip\n2026-01-05,1,01234\n")
    source = open_source(declared({"path": "all.csv"}), tmp_path, {"zip": pl.String()})
    assert delivered(source)["2026-01-05"].frame["zip"].to_list() == ["01234"]


def test_quoted_numbers_and_truths_of_csv_are_numbers_and_truths(tmp_path: Path) -> None:
    """Types are inferred from all values, quoted or not; integers too long for a float stay whole."""
    text = 'shown_at,clicked,bid,long,mixed\n"2026-01-05","True","1.5","9007199254740993","1"\n'
    text += '"2026-01-05","false"," 2","1","x"\n'
    (tmp_path / "all.csv").write_text(text)
    frame = delivered(open_source(declared({"path": "all.csv"}), tmp_path))["2026-01-05"].frame
    assert frame.drop("shown_at").to_dict(as_series=False) == {
        "clicked": [True, False],
        "bid": [1.5, 2.0],
        "long": [9007199254740993, 1],
        "mixed": ["1", "x"],
    }


def test_keys_and_categories_of_csv_are_what_stands_there(tmp_path: Path) -> None:
    """The codes 007 and 7 are two, whatever else a file holds; a column that was a number before stays one."""
    (tmp_path / "all.csv").write_text("shown_at,clicked,code,shop\n2026-01-05,1,007,01\n2026-01-05,1,7,1\n")
    spec = declared({"path": "all.csv", "key": "code"}, features={"categorical": ["shop"]})
    frame = delivered(open_source(spec, tmp_path))["2026-01-05"].frame
    assert frame["code"].to_list() == ["007", "7"]
    assert frame["shop"].to_list() == ["01", "1"]
    before = {"code": pl.String(), "shop": pl.Float64()}
    frame = delivered(open_source(spec, tmp_path, before))["2026-01-05"].frame
    assert frame["shop"].to_list() == [1.0, 1.0]


def test_times_of_digits_are_read_by_their_form(tmp_path: Path) -> None:
    """A timestamp of digits alone is a text with a form, and no number."""
    (tmp_path / "all.csv").write_text("shown_at,clicked\n20260105,1\n20260106,0\n")
    spec = declared({"path": "all.csv", "read": {"timestamp_format": "%Y%m%d"}})
    found = delivered(open_source(spec, tmp_path))
    taken = conform(found["2026-01-05"].frame, None, spec, "all.csv")
    assert taken.to_dicts() == [{"shown_at": datetime(2026, 1, 5, tzinfo=UTC), "clicked": 1.0}]


@pytest.mark.parametrize("quoted", [False, True])
def test_a_row_that_lacks_fields_is_named(tmp_path: Path, quoted: bool) -> None:
    """A short row in the middle of a CSV file is not filled up with nulls, with quotes in the file and without."""
    note = '"a,b"' if quoted else "ab"
    path = tmp_path / "all.csv"
    path.write_text(f"shown_at,note,clicked\n2026-01-05,{note},1\n2026-01-05,{note}\n2026-01-05,{note},\n")
    assert delivered(open_source(declared({"path": "all.csv"}), tmp_path))["2026-01-05"].problem == (
        f"{path}: row 2 has 2 fields and the header has 3. Write all of them, those without a value too."
    )


@pytest.mark.parametrize(
    "text",
    [
        'shown_at,clicked,note\n2026-01-05,1,"a\nb"',
        'shown_at,note,clicked\n2026-01-05,"a\n,b",\n2026-01-05,"c",1',
        "shown_at,note,clicked\n2026-01-05,a,\n2026-01-05,b,",
    ],
    ids=["quoted line end in the last field", "quoted separator", "no value in the last field"],
)
def test_a_whole_csv_is_not_taken_for_a_truncated_one(tmp_path: Path, text: str) -> None:
    """Quoted line ends and separators, and values that are missing, are no missing fields."""
    (tmp_path / "all.csv").write_text(text)
    delivery = delivered(open_source(declared({"path": "all.csv"}), tmp_path))["2026-01-05"]
    assert delivery.problem is None
    assert delivery.frame.height == text.count("2026-01-05")
