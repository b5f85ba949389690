"""Files as a source: partitions by path or by timestamp, local and in an object store."""

from __future__ import annotations

import io
import os
import threading
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from retrain_assets.errors import SourceError, SpecError
from retrain_assets.training_data.sources.delivery import Delivery
from retrain_assets.training_data.sources.source import Source, open_source
from retrain_assets.windows import Partitions
from retrain_assets_tests.training_data.declared import DAILY, DAYS, declared, rows

BY_DAY = {"path": "{partition:%Y-%m-%d}.parquet"}
WHOLE = {"path": "all.parquet"}


def by_key(source: Source, cursor: str | None = None) -> dict[str, str]:
    """Fingerprint every day."""
    return dict(source.fingerprints(DAILY, DAYS, {}, cursor).by_key)


def delivered(source: Source, keys: list[str] = DAYS) -> dict[str, Delivery]:
    """Read days."""
    return {delivery.key: delivery for delivery in source.read(DAILY, keys)}


def write_days(folder: Path) -> None:
    """Write a file a day."""
    for day in DAYS:
        rows(day).write_parquet(folder / f"{day}.parquet")


def test_a_partition_reads_only_its_own_file(tmp_path: Path) -> None:
    """With the partition in the path, each delivery holds the rows of its file and names it."""
    write_days(tmp_path)
    source = open_source(declared(BY_DAY), tmp_path)
    found = delivered(source)
    for day in DAYS:
        assert found[day].frame is not None
        assert found[day].frame.equals(rows(day))
        assert found[day].files == (str(tmp_path / f"{day}.parquet"),)
    assert source.earliest() == datetime(2026, 1, 5, tzinfo=UTC)
    assert source.latest() == datetime(2026, 1, 7, tzinfo=UTC)
    assert source.columns() == dict(rows(DAYS[0]).schema)


@pytest.mark.parametrize("source_block", [BY_DAY, WHOLE])
def test_read_gives_the_fingerprint_that_the_look_gave(tmp_path: Path, source_block: dict[str, str]) -> None:
    """The fingerprint recorded after reading is the one that the next look finds."""
    write_days(tmp_path)
    pl.concat(rows(day) for day in DAYS).write_parquet(tmp_path / "all.parquet")
    source = open_source(declared(source_block), tmp_path)
    assert {key: item.fingerprint for key, item in delivered(source).items()} == by_key(source)


def test_touching_a_file_changes_nothing_and_one_value_changes_its_partition(tmp_path: Path) -> None:
    """A new modification time alone keeps the fingerprint; one changed value changes that partition only."""
    write_days(tmp_path)
    source = open_source(declared(BY_DAY), tmp_path)
    first = source.fingerprints(DAILY, DAYS, {}, None)
    os.utime(tmp_path / "2026-01-06.parquet", (1, 1))
    touched = source.fingerprints(DAILY, DAYS, first.by_key, first.cursor)
    assert touched.by_key == first.by_key
    rows("2026-01-06", bid=2.0).write_parquet(tmp_path / "2026-01-06.parquet")
    after = source.fingerprints(DAILY, DAYS, first.by_key, touched.cursor)
    assert {key for key in DAYS if after.by_key[key] != first.by_key[key]} == {"2026-01-06"}
    assert by_key(source, "no cursor at all") == after.by_key


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_one_changed_value_of_a_whole_file_changes_its_partition_only(tmp_path: Path, suffix: str) -> None:
    """In a file of many days only the day of the changed value is new, in whatever order the rows stand."""
    days = pl.concat(rows(day) for day in DAYS)
    write = {"parquet": pl.DataFrame.write_parquet, "csv": pl.DataFrame.write_csv}[suffix]
    write(days, tmp_path / f"all.{suffix}")
    source = open_source(declared({"path": f"all.{suffix}"}), tmp_path)
    first = source.fingerprints(DAILY, DAYS, {}, None)
    write(days.reverse(), tmp_path / f"all.{suffix}")
    assert source.fingerprints(DAILY, DAYS, {}, first.cursor).by_key == first.by_key
    changed = days.with_columns(bid=pl.when(pl.col("id") == "2026-01-06-2").then(9.5).otherwise("bid"))
    write(changed, tmp_path / f"all.{suffix}")
    after = source.fingerprints(DAILY, DAYS, {}, first.cursor).by_key
    assert {key for key in DAYS if after[key] != first.by_key[key]} == {"2026-01-06"}


def test_a_text_among_the_numbers_of_a_csv_changes_its_partition_only(tmp_path: Path) -> None:
    """A value that changes the type of a whole CSV column makes no other partition new."""
    days = pl.concat(rows(day) for day in DAYS).with_columns(pl.col("bid").cast(pl.String))
    days.write_csv(tmp_path / "all.csv")
    source = open_source(declared({"path": "all.csv"}), tmp_path)
    first = by_key(source)
    days.with_columns(
        bid=pl.when(pl.col("id") == "2026-01-07-0").then(pl.lit("x")).otherwise("bid")
    ).write_csv(tmp_path / "all.csv")
    after = by_key(source)
    assert {key for key in DAYS if after[key] != first[key]} == {"2026-01-07"}


def test_a_whole_file_is_split_by_timestamp(tmp_path: Path) -> None:
    """Each partition gets its rows from one scan, rows without a time go to the first, and gaps are empty."""
    timeless = rows(DAYS[0], 1).with_columns(shown_at=pl.lit(None, pl.Datetime("us", "UTC")))
    days = pl.concat([rows("2026-01-07"), rows("2026-01-05"), timeless])
    days.write_parquet(tmp_path / "all.parquet")
    source = open_source(declared(WHOLE), tmp_path)
    found = delivered(source)
    frames = {key: item.frame for key, item in found.items()}
    assert frames["2026-01-05"].equals(pl.concat([rows("2026-01-05"), timeless]))
    assert frames["2026-01-06"].height == 0
    assert frames["2026-01-07"].equals(rows("2026-01-07"))
    assert set(by_key(source)) == {"2026-01-05", "2026-01-07"}
    assert source.earliest() == datetime(2026, 1, 5, tzinfo=UTC)


def test_a_glob_is_one_table(tmp_path: Path) -> None:
    """Rows of all files of a glob are taken together, and moving a row to another file changes nothing."""
    first, second = rows("2026-01-05"), rows("2026-01-06")
    first.write_parquet(tmp_path / "a.parquet")
    second.write_parquet(tmp_path / "b.parquet")
    source = open_source(declared({"path": "*.parquet"}), tmp_path)
    before = by_key(source)
    assert delivered(source)["2026-01-06"].frame.equals(second)
    first.head(3).write_parquet(tmp_path / "a.parquet")
    pl.concat([second, first.tail(1)]).write_parquet(tmp_path / "b.parquet")
    assert by_key(source) == before


def test_a_partition_may_have_several_files_in_folders(tmp_path: Path) -> None:
    """The path may hold folders, globs and finer dates; unrelated files are not looked at."""
    for name in (
        "2026/01/05/a.csv",
        "2026/01/05/b.csv",
        "2026/01/06/a.csv",
        "2026/13/77/a.csv",
        "x/y/z/a.csv",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        rows("2026-01-05", 2).write_csv(path)
    source = open_source(declared({"path": "{partition:%Y}/{partition:%m/%d}/*.csv"}), tmp_path)
    found = delivered(source, ["2026-01-05", "2026-01-06", "2026-01-08"])
    assert found["2026-01-05"].frame.height == 4
    assert len(found["2026-01-05"].files) == 2
    assert found["2026-01-06"].frame.height == 2
    assert found["2026-01-08"].problem == (
        f"Partition 2026-01-08: no file of the form {source.address} is there. Deliver it."
    )


def test_weekly_partitions_take_daily_files(tmp_path: Path) -> None:
    """A path finer than the partition gives a week the files of its days."""
    for day in (*DAYS, "2026-01-12"):
        rows(day).write_parquet(tmp_path / f"{day}.parquet")
    source = open_source(declared({**BY_DAY, "partition": "weekly"}), tmp_path)
    [week] = source.read(Partitions("weekly", "UTC"), ["2026-01-05"])
    assert week.frame is not None
    assert week.frame.height == 12


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("{day:%Y-%m-%d}.csv", "{day:%Y-%m-%d} is not known in"),
        (
            "{partition:%Y-%m}.csv",
            "names no day, and source.partition is daily. Name it, such as {partition:%Y-%m-%d}",
        ),
        ("{partition:%m-%d}.csv", "names no year, so a file belongs to no one partition; add %Y."),
        ("{partition:%c}.csv", "%c in"),
        ("https://me:secret@example.org/a.csv", "holds a user, a password or a signature. Write it without,"),
        (
            "https://example.org/a.csv?token=secret",
            "holds a user, a password or a signature. Write it without,",
        ),
        ("https://example.org/*.csv", "has a wildcard, and a web server does not list its files."),
    ],
)
def test_a_path_that_names_no_partition_is_refused(tmp_path: Path, path: str, sentence: str) -> None:
    """A path whose form cannot work is refused when it is opened."""
    with pytest.raises(SpecError) as caught:
        open_source(declared({"path": path}), tmp_path)
    assert sentence in str(caught.value)
    assert "secret" not in str(caught.value)


BROKEN = {
    "empty": (
        b"",
        "the file is empty (0 bytes). Deliver it again; a period without rows is a file with its columns "
        "and no rows.",
    ),
    "truncated": (
        None,
        "the file is truncated: it begins as Parquet and its end is missing. Deliver it again.",
    ),
    "no parquet": (
        b"a,b\n1,2\n",
        "the file is no Parquet file. Write it as Parquet, or name it .csv if it is CSV.",
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_is_a_sentence_and_the_others_go_on(tmp_path: Path, kind: str) -> None:
    """A partition that cannot be read says why and keeps a stable fingerprint; the others are delivered."""
    write_days(tmp_path)
    path = tmp_path / "2026-01-06.parquet"
    content, sentence = BROKEN[kind]
    path.write_bytes(path.read_bytes()[:-100] if content is None else content)
    source = open_source(declared(BY_DAY), tmp_path)
    found = delivered(source)
    assert found["2026-01-06"].problem == f"{path}: {sentence}"
    assert found["2026-01-06"].frame is None
    assert found["2026-01-06"].fingerprint == by_key(source)["2026-01-06"]
    assert found["2026-01-05"].frame is not None
    assert found["2026-01-07"].frame is not None


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_whole_file_stops_the_look(tmp_path: Path, kind: str) -> None:
    """What a whole file holds is unknown while it cannot be read, so the look fails with its sentence."""
    path = tmp_path / "all.parquet"
    rows(DAYS[0]).write_parquet(path)
    content, sentence = BROKEN[kind]
    path.write_bytes(path.read_bytes()[:-100] if content is None else content)
    source = open_source(declared(WHOLE), tmp_path)
    with pytest.raises(SourceError) as caught:
        by_key(source)
    assert str(caught.value) == f"{path}: {sentence}"
    assert [item.problem for item in delivered(source).values()] == [f"{path}: {sentence}"] * 3


def test_a_whole_file_without_its_timestamp_says_so(tmp_path: Path) -> None:
    """A file that lacks the timestamp names the nearest spelling."""
    rows(DAYS[0]).rename({"shown_at": "shown_on"}).write_csv(tmp_path / "all.csv")
    source = open_source(declared({"path": "all.csv"}), tmp_path)
    with pytest.raises(SourceError) as caught:
        by_key(source)
    assert str(caught.value) == (
        f"{tmp_path / 'all.csv'}: source.timestamp: there is no column 'shown_at'. Did you mean 'shown_on'?"
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
        "key": [1, 2],
        "shown_at": ["05.01.2026 13:30", "05.01.2026 14:30"],
        "bid": [1.5, None],
        "clicked": [1.0, 0.0],
        "city": ["Köln", "Genève"],
        "note": [None, None],
    }
    assert frame.schema["key"] == pl.Int64
    assert frame.schema["note"] == pl.Null


def test_text_columns_of_csv_stay_text(tmp_path: Path) -> None:
    """A column that was text before stays text in a file where it holds digits only."""
    (tmp_path / "all.csv").write_text("shown_at,clicked,zip\n2026-01-05,1,01234\n")
    source = open_source(declared({"path": "all.csv"}), tmp_path, {"zip": pl.String()})
    assert delivered(source)["2026-01-05"].frame["zip"].to_list() == ["01234"]


def test_a_mended_declaration_makes_partitions_new(tmp_path: Path) -> None:
    """Another way of reading the same bytes changes the fingerprints, so that what failed is read again."""
    write_days(tmp_path)
    before = by_key(open_source(declared(BY_DAY), tmp_path))
    after = by_key(open_source(declared({**BY_DAY, "read": {"timestamp_format": "%Y"}}), tmp_path))
    assert all(before[day] != after[day] for day in DAYS)


@pytest.mark.parametrize("source_block", [BY_DAY, {"path": "*.parquet"}])
def test_a_file_written_while_it_is_read_is_read_again(
    tmp_path: Path, source_block: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that changes under the reader is no delivery, and leaves no fingerprint."""
    path = tmp_path / "2026-01-05.parquet"
    rows(DAYS[0]).write_parquet(path)
    source = open_source(declared(source_block), tmp_path)
    collect = pl.LazyFrame.collect

    def written_meanwhile(frame: pl.LazyFrame) -> pl.DataFrame:
        found = collect(frame)
        writer = threading.Thread(target=lambda: rows(DAYS[0], 5).write_parquet(path))
        writer.start()
        writer.join()
        return found

    monkeypatch.setattr(pl.LazyFrame, "collect", written_meanwhile)
    [delivery] = source.read(DAILY, [DAYS[0]])
    assert (delivery.frame, delivery.fingerprint) == (None, "")
    assert delivery.problem == (
        f"Partition 2026-01-05: {path} changed while it was read; it is read again at the next tick."
    )


def test_files_in_two_types_are_named(tmp_path: Path) -> None:
    """Files of one glob that hold a column as number and as text are a sentence that names both."""
    rows(DAYS[0]).write_parquet(tmp_path / "a.parquet")
    rows(DAYS[1]).with_columns(pl.col("bid").cast(pl.String)).write_parquet(tmp_path / "b.parquet")
    source = open_source(declared({"path": "*.parquet"}), tmp_path)
    assert delivered(source)[DAYS[0]].problem == (
        f"{tmp_path / 'b.parquet'}: the column 'bid' is String here and Float64 in {tmp_path / 'a.parquet'}. "
        "Write both alike."
    )


def test_no_file_is_no_partition(tmp_path: Path) -> None:
    """A source whose files are not there yet is empty; asked for a partition it says what is missing."""
    source = open_source(declared(WHOLE), tmp_path)
    assert by_key(source) == {}
    assert source.earliest() is None
    assert source.columns() is None
    assert delivered(source, ["2026-01-05"])["2026-01-05"].problem == (
        f"{tmp_path / 'all.parquet'}: there is no such file. Deliver it, or mend source.path."
    )


def test_a_local_day_is_a_partition(tmp_path: Path) -> None:
    """Naive times and partitions are in the declared time zone."""
    pl.DataFrame({"shown_at": ["2026-01-05 23:30:00", "2026-01-06 00:30:00"], "clicked": [0, 1]}).write_csv(
        tmp_path / "all.csv"
    )
    source = open_source(declared({"path": "all.csv"}, timezone="Asia/Tokyo"), tmp_path)
    found = {item.key: item for item in source.read(Partitions("daily", "Asia/Tokyo"), DAYS)}
    assert [found[day].frame.height for day in DAYS] == [1, 1, 0]
    assert source.earliest() == datetime(2026, 1, 5, 14, 30, tzinfo=UTC)


@pytest.mark.parametrize("path", ["days/{partition:%Y-%m-%d}.parquet", "days/*.parquet"])
def test_objects_of_a_bucket_are_files(s3, tmp_path: Path, path: str) -> None:
    """Objects are listed, read, and told apart by etag; writing the same bytes again changes nothing."""
    contents = {}
    for day in DAYS:
        buffer = io.BytesIO()
        rows(day).write_parquet(buffer)
        contents[day] = buffer.getvalue()
        s3.put(f"days/{day}.parquet", contents[day])
    block = {"path": f"s3://{s3.name}/{path}", "read": {"storage_options": s3.options}}
    source = open_source(declared(block), tmp_path)
    first = source.fingerprints(DAILY, DAYS, {}, None)
    found = delivered(source)
    assert {key: item.fingerprint for key, item in found.items()} == first.by_key
    assert all(found[day].frame.equals(rows(day)) for day in DAYS)
    assert found[DAYS[0]].files[0].startswith(f"s3://{s3.name}/days/2026-01-05")
    s3.put("days/2026-01-06.parquet", contents["2026-01-06"])
    assert source.fingerprints(DAILY, DAYS, {}, first.cursor).by_key == first.by_key
    buffer = io.BytesIO()
    rows("2026-01-06", bid=7.0).write_parquet(buffer)
    s3.put("days/2026-01-06.parquet", buffer.getvalue())
    after = source.fingerprints(DAILY, DAYS, {}, first.cursor).by_key
    assert {key for key in DAYS if after[key] != first.by_key[key]} == {"2026-01-06"}
    assert source.earliest() == datetime(2026, 1, 5, tzinfo=UTC)


def test_a_store_is_reached_by_environment_variables(
    s3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Credentials and endpoint may come from the environment instead of the declaration."""
    for name, value in s3.options.items():
        monkeypatch.setenv(name.upper(), value)
    s3.put("env/all.csv", rows(DAYS[0]).write_csv().encode())
    source = open_source(declared({"path": f"s3://{s3.name}/env/all.csv"}), tmp_path)
    assert delivered(source)[DAYS[0]].frame.height == 4


def test_a_bucket_that_is_not_there_is_a_sentence(s3, tmp_path: Path) -> None:
    """A wrong address names the store and its answer, and no credential."""
    block = {"path": "s3://nowhere/*.csv", "read": {"storage_options": s3.options}}
    with pytest.raises(SourceError) as caught:
        by_key(open_source(declared(block), tmp_path))
    assert "s3://nowhere: the store cannot be read:" in str(caught.value)
    assert "NoSuchBucket" in str(caught.value)
    assert "something" not in str(caught.value)


def test_files_of_a_web_server(site, tmp_path: Path) -> None:
    """A web server, which lists nothing, is asked for each partition's file by its name."""
    address, files = site
    for day in DAYS[:2]:
        buffer = io.BytesIO()
        rows(day).write_parquet(buffer)
        files[f"/{day}.parquet"] = buffer.getvalue()
    files["/all.csv"] = rows(DAYS[0]).write_csv().encode()
    read = {"storage_options": {"allow_http": "true"}}
    source = open_source(
        declared({"path": f"{address}/{{partition:%Y-%m-%d}}.parquet", "read": read}), tmp_path
    )
    found = delivered(source)
    assert by_key(source) == {day: found[day].fingerprint for day in DAYS[:2]}
    assert found[DAYS[1]].frame.equals(rows(DAYS[1]))
    assert found[DAYS[2]].problem is not None
    whole = open_source(declared({"path": f"{address}/all.csv", "read": read}), tmp_path)
    assert delivered(whole)[DAYS[0]].frame.height == 4


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
