"""Paths that name a partition, or cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrain_assets.errors import SpecError
from retrain_assets.training_data.sources.source import open_source
from retrain_assets_tests.training_data.declared import DAILY, DAYS, declared, rows


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


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("{partition:%Y%m%d}.csv", "20260105.csv"),
        ("{partition:%Y%m%d}/{partition:%Y%m%d}.csv", "20260105/20260105.csv"),
        ("{partition:%Y-%m-%d}*.csv", "2026-01-05-a.csv"),
        ("*{partition:%Y-%m-%d}.csv", "rows-2026-01-05.csv"),
        ("**{partition:%Y}/{partition:%m%d}.csv", "2026/0105.csv"),
        ("**/{partition:%Y%m%d}.csv", "deep/folder/20260105.csv"),
        ("**.csv", "any.csv"),
    ],
)
def test_wildcards_may_stand_side_by_side(tmp_path: Path, path: str, name: str) -> None:
    """Directives and stars that touch each other find the files of their form, and no others."""
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    rows(DAYS[0]).write_csv(tmp_path / name)
    (tmp_path / "unlike.txt").touch()
    source = open_source(declared({"path": path}), tmp_path)
    assert set(source.fingerprints(DAILY, DAYS, {}, None).by_key) == {DAYS[0]}
