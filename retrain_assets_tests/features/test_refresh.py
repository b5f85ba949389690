"""The table of features is of one recipe, whatever happens while it is made."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError

from retrain_assets.declaration import Declaration
from retrain_assets.errors import SpecError, TrainingError
from retrain_assets.features import refresh
from retrain_assets.features.columns import feature_columns
from retrain_assets.features.refresh import refresh_features
from retrain_assets.features.table import feature_table
from retrain_assets.lake import Lake
from retrain_assets.training_data.ingest import ingest
from retrain_assets_tests.pipelines import declare, write_days

DAYS = 4
RATIO = {"numeric": ["amount"], "derive": {"burden": "amount / age"}}
PRODUCT = {"numeric": ["amount"], "derive": {"burden": "amount * age"}}
FUNCTION = {"numeric": ["amount"], "derive": {"function": f"{__name__}:burdened"}}


class Gate:
    """Lets the first derivation wait until others are done."""

    def __init__(self) -> None:
        self.reached, self.opened = threading.Event(), threading.Event()


GATES: list[Gate] = []


def burdened(rows: pl.DataFrame) -> pl.DataFrame:
    """Derive a feature; the first call on rows waits at a gate, if there is one."""
    if GATES and rows.height:
        gate = GATES.pop()
        gate.reached.set()
        assert gate.opened.wait(60)
    return rows.with_columns(burden=pl.col("amount") * pl.col("age"))


def taken_in(folder: Path, **changes: Any) -> tuple[Declaration, list[str]]:
    """Declare the loans and take their first days in; no features are made yet."""
    declaration = declare(folder, **({"features": RATIO, "expectations": []} | changes))
    keys = write_days(folder, DAYS)
    list(ingest(declaration, keys, "run"))
    return declaration, keys


def changed(declaration: Declaration, **changes: Any) -> Declaration:
    """Declare the same pipeline otherwise."""
    return declare(declaration.file.parent, **({"expectations": []} | changes))


def burden(declaration: Declaration, version: int | None = None) -> list[float]:
    """Read the derived feature of all rows, in a certain order."""
    rows = declaration.lake.scan("features", version).sort("partition_key", "row_id")
    return rows.collect()["burden"].to_list()


def expected(declaration: Declaration, expression: str) -> list[float]:
    """Derive it from the raw rows."""
    rows = declaration.lake.scan("training_data").sort("partition_key", "row_id")
    return rows.select(pl.sql_expr(expression)).collect().to_series().to_list()


def beside(*refreshed: tuple[Declaration, list[str]]) -> list[refresh.Refreshed]:
    """Let the first run get as far as deriving, then the others to their end, then the first."""
    gate, found = Gate(), []
    GATES[:] = [gate]
    (first, keys), *others = refreshed
    slow = threading.Thread(target=lambda: found.append(refresh_features(first, keys)))
    slow.start()
    assert gate.reached.wait(60)
    done = [refresh_features(*other) for other in others]
    gate.opened.set()
    slow.join()
    return [*found, *done]


def test_first_rows(tmp_path):
    """The first table has all partitions, in their folders, and was not made anew."""
    declaration, keys = taken_in(tmp_path)
    made = refresh_features(declaration, keys)
    assert (made.rebuilt, made.said) == (False, None)
    assert made.rows == dict.fromkeys(keys, 120)
    assert burden(declaration) == expected(declaration, "amount / age")
    handle = declaration.lake.open("features")
    assert handle.metadata().partition_columns == ["partition_key"]
    assert sorted(Path(uri).parent.name for uri in handle.file_uris()) == [
        f"partition_key={key}" for key in keys
    ]


def test_same_recipe_replaces_what_is_asked_for(tmp_path):
    """Under the same recipe only the given partitions are made, and none where none is given."""
    declaration, keys = taken_in(tmp_path)
    before = refresh_features(declaration, keys)
    files = set(declaration.lake.open("features").file_uris())
    assert refresh_features(declaration).version == before.version
    again = refresh_features(declaration, keys[1:2])
    assert (again.version, again.rows, again.rebuilt) == (before.version + 1, {keys[1]: 120}, False)
    assert len(files & set(declaration.lake.open("features").file_uris())) == DAYS - 1
    assert burden(declaration) == expected(declaration, "amount / age")


def test_partition_without_rows(tmp_path):
    """A partition whose rows are gone loses its features, and no other does."""
    declaration, keys = taken_in(tmp_path)
    refresh_features(declaration, keys)
    declaration.lake.replace_partitions(
        "training_data", declaration.lake.rows("training_data", []).collect(), keys[:1]
    )
    refresh_features(declaration, keys[:1])
    assert burden(declaration) == expected(declaration, "amount / age")
    assert declaration.lake.rows("features", keys[:1]).collect().is_empty()


@pytest.mark.parametrize("most", [1, 250, 1_000_000])
def test_another_recipe_makes_all_partitions(tmp_path, monkeypatch, most):
    """Another recipe makes every partition anew in one commit, however few rows are in memory at once."""
    declaration, keys = taken_in(tmp_path)
    before = refresh_features(declaration, keys)
    old = burden(declaration)
    monkeypatch.setattr(refresh, "ROWS_AT_ONCE", most)
    again = refresh_features(changed(declaration, features=PRODUCT), keys[-1:])
    assert again.version == before.version + 1
    assert again.rows == dict.fromkeys(keys, 120)
    assert again.said is not None
    assert "all 4 partitions (480 rows) were made anew" in again.said
    assert burden(declaration) == expected(declaration, "amount * age")
    assert burden(declaration, before.version) == old


def test_rows_in_memory(tmp_path, monkeypatch):
    """Partitions are read in groups of so many rows, a larger one alone."""
    declaration, _ = taken_in(tmp_path)
    monkeypatch.setattr(refresh, "ROWS_AT_ONCE", 250)
    heights = []
    table = refresh.feature_table
    monkeypatch.setattr(
        refresh, "feature_table", lambda raw, *rest: heights.append(raw.height) or table(raw, *rest)
    )
    refresh_features(declaration)
    assert heights == [240, 240]


@pytest.mark.parametrize(
    ("changes", "column"),
    [
        ({"weight": "age"}, "age"),
        ({"label__column": "region"}, "region"),
        ({"evaluation__slices": ["loan"]}, "loan"),
    ],
    ids=str,
)
def test_kept_columns(tmp_path, changes, column):
    """Another label, weight or slice is in the table as it came."""
    declaration, keys = taken_in(tmp_path, features=PRODUCT | {"categorical": []})
    refresh_features(declaration, keys)
    again = changed(declaration, features=PRODUCT | {"categorical": []}, **changes)
    refresh_features(again)
    found = again.lake.scan("features").sort("partition_key", "row_id").select(column).collect()
    raw = again.lake.scan("training_data").sort("partition_key", "row_id").select(column).collect()
    assert found.equals(raw)


def test_table_without_a_mark(tmp_path):
    """A table that does not say what it was made by is made anew."""
    declaration, keys = taken_in(tmp_path)
    rows = declaration.lake.rows("training_data", keys).collect()
    columns = feature_columns(declaration.spec, rows.schema)
    made = feature_table(rows, declaration.spec, columns).with_columns(burden=pl.lit(0.0))
    declaration.lake.replace_partitions("features", made, keys)
    assert refresh_features(declaration).rebuilt
    assert burden(declaration) == expected(declaration, "amount / age")


@pytest.mark.parametrize("written", [False, True], ids=["before", "after"])
def test_crash(tmp_path, monkeypatch, written):
    """A rebuild that dies before its commit leaves the table as it was, after it the new one; the next goes on."""
    declaration, keys = taken_in(tmp_path)
    refresh_features(declaration, keys)
    again = changed(declaration, features=PRODUCT)
    commit = DeltaTable.create_write_transaction

    def dying(*arguments, **named):
        if written:
            commit(*arguments, **named)
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(DeltaTable, "create_write_transaction", dying)
        with pytest.raises(OSError, match="the disk is full"):
            refresh_features(again)
    assert burden(declaration) == expected(declaration, "amount * age" if written else "amount / age")
    assert refresh_features(again).rebuilt is not written
    assert burden(declaration) == expected(declaration, "amount * age")


def test_derivation_that_fails_midway(tmp_path, monkeypatch):
    """A derivation that fails on a later partition leaves the table as it was."""
    monkeypatch.setattr(refresh, "ROWS_AT_ONCE", 1)
    declaration, keys = taken_in(tmp_path)
    refresh_features(declaration, keys)
    rows = declaration.lake.rows("training_data", keys[-1:]).collect().with_columns(region=pl.lit("7 north"))
    declaration.lake.replace_partitions("training_data", rows, keys[-1:])
    wrong = {
        "numeric": ["amount"],
        "derive": {
            "burden": "amount / CAST(CASE WHEN LENGTH(region) > 5 THEN region ELSE '1' END AS DOUBLE)"
        },
    }
    with pytest.raises(SpecError, match=r"features\.derive\.burden: .* cannot be applied"):
        refresh_features(changed(declaration, features=wrong))
    assert burden(declaration) == expected(declaration, "amount / age")


def test_two_at_once(tmp_path):
    """Of two runs that make the table anew at once one does, and the other goes on with what that made."""
    declaration, keys = taken_in(tmp_path)
    before = refresh_features(declaration, keys)
    again = changed(declaration, features=FUNCTION)
    slow, fast = beside((again, []), (again, []))
    assert (slow.rebuilt, fast.rebuilt) == (False, True)
    assert slow.version == fast.version == before.version + 1
    assert declaration.lake.version("features") == before.version + 1
    assert burden(declaration) == expected(declaration, "amount * age")


def test_partition_that_comes_meanwhile(tmp_path):
    """A partition that is taken in while the table is made anew is in it afterwards, once."""
    declaration, keys = taken_in(tmp_path)
    refresh_features(declaration, keys[:-1])
    again = changed(declaration, features=FUNCTION)
    beside((again, keys[-1:]), (again, []))
    assert burden(declaration) == expected(declaration, "amount * age")


def test_partition_that_an_older_declaration_adds_meanwhile(tmp_path):
    """A partition made by the recipe before, while the table is made anew, is made anew as well."""
    declaration, keys = taken_in(tmp_path)
    refresh_features(declaration, keys[:-1])
    slow, _ = beside((changed(declaration, features=FUNCTION), []), (declaration, keys[-1:]))
    assert (slow.rebuilt, set(slow.rows)) == (True, set(keys))
    assert burden(declaration) == expected(declaration, "amount * age")


def test_declarations_that_disagree(tmp_path):
    """A run that holds an older declaration makes all by it, or nothing: its version is of its own recipe."""
    declaration, keys = taken_in(tmp_path)
    refresh_features(declaration, keys)
    older, newer = changed(declaration, features=FUNCTION), changed(declaration, features=RATIO)
    slow, fast = beside((older, keys[:1]), (newer, keys[1:2]))
    assert burden(declaration, slow.version) == expected(declaration, "amount * age")
    assert burden(declaration, fast.version) == expected(declaration, "amount / age")


def test_place_that_cannot_be_written(tmp_path, monkeypatch):
    """A commit that fails though nobody else committed is an error, and no endless loop."""
    declaration, keys = taken_in(tmp_path)
    refresh_features(declaration, keys)

    def failing(*_, **__):
        raise CommitFailedError("no space left")

    monkeypatch.setattr(DeltaTable, "create_write_transaction", failing)
    with pytest.raises(CommitFailedError, match="no space left"):
        refresh_features(declaration, keys)


def test_nothing_taken_in(tmp_path):
    """Before any row was taken in, a sentence says which job to run."""
    with pytest.raises(
        TrainingError, match=r"has no rows to make features of\. Run the job loans_ingest first"
    ):
        refresh_features(declare(tmp_path))
    assert not Lake("loans").exists("features")


def test_column_without_values(tmp_path):
    """A kept column has no type while it has had no value, and that of its values from then on."""
    declaration, keys = taken_in(tmp_path)
    lake = declaration.lake
    lake.replace_partitions(
        "training_data", lake.scan("training_data").with_columns(verdict=None).collect(), keys
    )
    awaited = changed(declaration, features=RATIO, label__column="verdict")
    refresh_features(awaited, keys)
    assert lake.schema("features")["verdict"] == pl.Null
    rows = lake.rows("training_data", keys[-1:]).with_columns(verdict=pl.lit(1, pl.Int64)).collect()
    lake.replace_partitions("training_data", rows, keys[-1:])
    refresh_features(awaited, keys[-1:])
    found = lake.scan("features").sort("partition_key").collect()["verdict"]
    assert (found.dtype, found.null_count()) == (pl.Int64, 3 * 120)
    assert found.tail(120).to_list() == [1] * 120
    assert burden(declaration) == expected(declaration, "amount / age")


def test_column_that_the_source_has_gained(tmp_path):
    """Until a partition with the column was taken in, a sentence says that the next ingest brings it."""
    declaration, keys = taken_in(tmp_path)
    refresh_features(declaration, keys)
    sentence = "has no column 'income'.* a column that the source has gained comes with the next partition"
    with pytest.raises(SpecError, match=sentence):
        refresh_features(changed(declaration, features=RATIO | {"numeric": ["amount", "income"]}))
