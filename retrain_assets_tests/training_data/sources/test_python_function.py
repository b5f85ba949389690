"""A Python function as a source."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from retrain_assets.errors import SourceError
from retrain_assets.training_data.sources.source import open_source
from retrain_assets_tests.training_data.declared import DAILY, DAYS, declared, rows

HERE = "retrain_assets_tests.training_data.sources.test_python_function"


def load(start: datetime, end: datetime) -> pl.LazyFrame:
    """Return the rows of the asked period, lazily."""
    assert (end - start).days == 1
    return rows(start.date().isoformat()).lazy()


def load_pandas(start: datetime, end: datetime) -> object:
    """Return rows in the form of another library."""
    return rows(start.date().isoformat(), (end - start).days).to_dicts()


def test_a_function_is_called_for_each_partition(tmp_path: Path) -> None:
    """Start and end of the partition are given in UTC, and a lazy frame is collected."""
    source = open_source(declared({"function": f"{HERE}:load"}), tmp_path)
    found = {item.key: item.frame for item in source.read(DAILY, DAYS)}
    assert all(found[day].equals(rows(day)) for day in DAYS)
    assert source.address == f"{HERE}:load"


def test_only_unknown_partitions_are_asked_for(tmp_path: Path) -> None:
    """A partition that was read keeps its fingerprint, a new one gets the one that reading gives."""
    source = open_source(declared({"function": f"{HERE}:load"}), tmp_path)
    found = source.fingerprints(DAILY, DAYS, {DAYS[0]: "as read"}, None).by_key
    [delivery] = source.read(DAILY, [DAYS[1]])
    assert found == {DAYS[0]: "as read", DAYS[1]: delivery.fingerprint, DAYS[2]: delivery.fingerprint}


@pytest.mark.parametrize(
    ("reference", "sentence"),
    [
        (
            f"{HERE}:lod",
            f"source.function: {HERE!r} has no function 'lod'. Did you mean 'load'?",
        ),
        (
            "no_such_package:load",
            "source.function: 'no_such_package' cannot be imported: No module named 'no_such_package'. "
            "Install it, or mend the name.",
        ),
        (
            f"{HERE}:load_pandas",
            f"source.function: {HERE}:load_pandas returned list for partition 2026-01-05. Return a "
            "Polars DataFrame or LazyFrame; for a period without rows one with its columns and no rows.",
        ),
    ],
)
def test_a_function_that_cannot_work_is_a_sentence(tmp_path: Path, reference: str, sentence: str) -> None:
    """A wrong name and a wrong kind of result say what to do."""
    source = open_source(declared({"function": reference}), tmp_path)
    with pytest.raises(SourceError) as caught:
        list(source.read(DAILY, DAYS[:1]))
    assert str(caught.value) == sentence


def test_a_function_tells_no_bounds(tmp_path: Path) -> None:
    """What a function could deliver is unknown before it is called."""
    source = open_source(declared({"function": f"{HERE}:load"}), tmp_path)
    assert (source.columns(), source.earliest(), source.latest()) == (None, None, None)
