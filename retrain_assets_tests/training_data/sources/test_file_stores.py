"""Files in an object store and on a web server."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest

from retrain_assets.errors import SourceError
from retrain_assets.training_data.sources.source import open_source
from retrain_assets_tests.training_data.declared import DAILY, DAYS, declared, rows
from retrain_assets_tests.training_data.sources.days import (
    by_key,
    delivered,
)


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
