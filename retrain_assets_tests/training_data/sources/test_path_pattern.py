"""Paths that name a partition, or cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrain_assets.errors import SpecError
from retrain_assets.training_data.sources.source import open_source
from retrain_assets_tests.training_data.declared import declared


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
