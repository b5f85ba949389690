"""Quarantined rows come in once their rule is mended: rows, features and counts together, and once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from retrain_assets.features import refresh
from retrain_assets.lake import Lake
from retrain_assets.training_data import release as module
from retrain_assets.training_data.release import left_aside, release_quarantined
from retrain_assets_tests.pipelines import FIRST_DAY, loans_of, write_day
from retrain_assets_tests.running import YOUNG, Running, declared_anew, loans

pytestmark = YOUNG

KEYS = [(FIRST_DAY + timedelta(days=number)).isoformat() for number in range(3)]


def age_below(limit: int, mostly: float = 0.5) -> dict[str, object]:
    """Declare the rule whose limit is mended."""
    return {
        "expectations": [
            {
                "type": "expect_column_values_to_be_between",
                "column": "age",
                "max_value": limit,
                "mostly": mostly,
            }
        ]
    }


def strict(folder: Path, **changes) -> Running:
    """Take three days in under a rule that puts the old aside."""
    return loans(folder, days=3, **(age_below(60) | changes))


def tables(lake: Lake) -> dict[str, pl.DataFrame]:
    """Read what a release changes, but for the moment of the release."""
    records = lake.scan("partitions").select("partition_key", "rows", "quarantined", "accepted", "problem")
    return {
        "training_data": lake.scan("training_data").sort("partition_key", "row_id").collect(),
        "features": lake.scan("features").sort("partition_key", "row_id").collect(),
        "partitions": records.sort("partition_key").collect(),
        "waiting": lake.scan("quarantine")
        .filter(pl.col("released_at").is_null())
        .drop("quarantined_at", "run_id")
        .sort("partition_key", "row_id", "rule")
        .collect(),
    }


def same(one: dict[str, pl.DataFrame], other: dict[str, pl.DataFrame]) -> bool:
    """Whether two readings hold the same."""
    return all(one[name].equals(other[name]) for name in one)


def test_what_stays_aside_is_told(tmp_path):
    """While the rule is as it was, nothing is released, and a sentence says how many rows break which rule."""
    declaration = strict(tmp_path).declaration
    assert release_quarantined(declaration, []) == {}
    aside = tables(declaration.lake)["waiting"]
    rule = aside["rule"][0]
    assert left_aside(declaration, []) == (
        f"In quarantine are {aside.height} rows still, put aside by {rule} ({aside.height}). Mend the rule in the "
        "declaration and release again, or deliver them mended."
    )
    of_a_day = aside.filter(pl.col("partition_key") == KEYS[1]).height
    assert left_aside(declaration, [KEYS[1]]).startswith(f"In quarantine are {of_a_day} rows still")
    assert left_aside(declaration, ["2020-01-01"]) == "No row is in quarantine."


def test_mended_rule(tmp_path):
    """Released, the lake holds what it would hold had the rule been right from the beginning."""
    running = strict(tmp_path)
    before = tables(running.declaration.lake)
    aside = before["waiting"].group_by("partition_key").len().sort("partition_key")
    assert before["waiting"].height == before["partitions"]["quarantined"].sum() > 60
    mended = declared_anew(running, **age_below(70))
    released = release_quarantined(mended.declaration, [])
    after = tables(running.declaration.lake)

    fresh = declared_anew(running, name="credits", **age_below(70))
    fresh.ingest(KEYS)
    expected = tables(fresh.declaration.lake)
    for name in ("training_data", "features", "partitions"):
        assert after[name].equals(expected[name]), name
    # What waits still does so under the rule that it broke when it came.
    assert after["waiting"]["row_id"].equals(expected["waiting"]["row_id"])
    staying = after["waiting"].group_by("partition_key").len().sort("partition_key")
    assert list(released.values()) == (aside["len"] - staying["len"]).to_list()
    assert set(released) == set(KEYS)


def test_nothing_is_lost(tmp_path):
    """A released row stays on record in quarantine, with the rule, the run and the moment of its release."""
    running = strict(tmp_path)
    before = running.declaration.lake.scan("quarantine").sort("row_id").collect()
    release_quarantined(declared_anew(running).declaration, [])
    after = running.declaration.lake.scan("quarantine").sort("row_id").collect()
    assert after.drop("released_at").equals(before.drop("released_at"))
    assert after["released_at"].null_count() == 0


def test_unchanged_rule(tmp_path):
    """While the rule is what it was nothing is released, and no table has a new version."""
    running = strict(tmp_path)
    lake = running.declaration.lake
    names = ("training_data", "features", "partitions", "quarantine")
    before = {name: lake.version(name) for name in names}
    assert release_quarantined(running.declaration, []) == {}
    assert {name: lake.version(name) for name in names} == before


def test_again(tmp_path):
    """A second release finds nothing to do, and leaves no second row of any."""
    running = strict(tmp_path)
    mended = declared_anew(running).declaration
    assert release_quarantined(mended, [])
    before = tables(mended.lake)
    assert release_quarantined(mended, []) == {}
    assert same(tables(mended.lake), before)
    assert before["training_data"].n_unique(["partition_key", "row_id"]) == 360


def test_chosen_partitions(tmp_path):
    """Of the partitions only those that are named are released."""
    running = strict(tmp_path)
    mended = declared_anew(running).declaration
    assert set(release_quarantined(mended, [KEYS[1]])) == {KEYS[1]}
    records = dict(
        mended.lake.scan("partitions").select("partition_key", "quarantined").collect().iter_rows()
    )
    assert records[KEYS[1]] == 0
    assert records[KEYS[0]] > 0
    assert records[KEYS[2]] > 0


def test_taken_in_again_after_a_release(tmp_path):
    """The same delivery taken in again under the mended rule changes nothing more."""
    running = strict(tmp_path)
    mended = declared_anew(running)
    release_quarantined(mended.declaration, [])
    before = tables(mended.declaration.lake)
    mended.ingest(KEYS)
    assert same(tables(mended.declaration.lake), before)
    assert release_quarantined(mended.declaration, []) == {}


def test_row_with_two_broken_rules(tmp_path):
    """A row that breaks two rules waits until both are mended."""
    both = age_below(60)["expectations"] + [
        {
            "type": "expect_column_values_to_be_in_set",
            "column": "region",
            "value_set": ["north"],
            "mostly": 0.1,
        }
    ]
    running = loans(tmp_path, days=1, expectations=both)
    lake = running.declaration.lake
    old = pl.col("age") > 60
    elsewhere = pl.col("region") != "north"
    raw = loans_of(FIRST_DAY)
    released = release_quarantined(declared_anew(running, expectations=both[:1]).declaration, [])
    assert released == {KEYS[0]: raw.filter(elsewhere & ~old).height}
    assert tables(lake)["partitions"]["quarantined"].item() == raw.filter(old).height
    assert release_quarantined(declared_anew(running).declaration, []) == {KEYS[0]: raw.filter(old).height}
    assert tables(lake)["partitions"].row(0)[1:3] == (120, 0)


@pytest.mark.parametrize("table", ["training_data", "features", "partitions", "quarantine"])
@pytest.mark.parametrize("written", [False, True], ids=["before", "after"])
def test_crash(tmp_path, monkeypatch, table, written):
    """A release that dies before or after any of its commits is completed by the next."""
    running = strict(tmp_path)
    other = declared_anew(running, name="credits", **age_below(60))
    other.ingest(KEYS)
    release_quarantined(declared_anew(running, name="credits").declaration, [])
    expected = tables(other.declaration.lake)
    mended = declared_anew(running).declaration

    def dying(commit):
        def write(lake, asked, *arguments, **named):
            if asked != table:
                return commit(lake, asked, *arguments, **named)
            if written:
                commit(lake, asked, *arguments, **named)
            raise OSError("the disk is full")

        return write

    with monkeypatch.context() as patch:
        for place, name in ((Lake, "append"), (Lake, "replace_partitions"), (refresh, "put_partitions")):
            patch.setattr(place, name, dying(getattr(place, name)))
        with pytest.raises(OSError, match="the disk is full"):
            release_quarantined(mended, [])
    release_quarantined(mended, [])
    assert same(tables(mended.lake), expected)
    assert module.release_quarantined(mended, []) == {}


def test_withheld_delivery(tmp_path):
    """Rows of a delivery that was withheld as a whole stay: the partition keeps what was accepted before."""
    running = loans(tmp_path, days=1)
    late = loans_of(FIRST_DAY).with_columns(age=pl.lit(99), loan=pl.col("loan") + " late")
    write_day(tmp_path, FIRST_DAY, pl.concat([loans_of(FIRST_DAY), late.cast({"age": pl.Int64})]))
    ruled = declared_anew(running, **age_below(80, mostly=0.9))
    result = ruled.run(
        "ingest",
        tags={"dagster/asset_partition_range_start": KEYS[0], "dagster/asset_partition_range_end": KEYS[0]},
    )
    del result
    lake = running.declaration.lake
    record = lake.scan("partitions").collect().row(0, named=True)
    assert record["accepted"]
    assert record["problem"].startswith(f"Partition {KEYS[0]} is withheld: ")
    assert release_quarantined(running.declaration, []) == {}
    assert tables(lake)["training_data"].height == 120
    running.ingest([KEYS[0]])
    assert tables(lake)["training_data"].height == 240


def test_nothing_ingested(tmp_path):
    """Before anything was taken in there is nothing to release."""
    running = loans(tmp_path, days=1)
    assert release_quarantined(declared_anew(running, name="credits").declaration, []) == {}
