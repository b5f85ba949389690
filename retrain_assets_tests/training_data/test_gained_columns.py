"""Columns that a source gains and loses while its partitions are taken in."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from retrain_assets.training_data.columns import used_columns
from retrain_assets_tests.pipelines import FIRST_DAY, declare, loans_of, write_day
from retrain_assets_tests.running import YOUNG, Running, declared_anew, loans, sentence
from retrain_assets_tests.ticking import Automation

pytestmark = YOUNG

DAYS = 14
INCOME = {"numeric": ["amount", "income"], "categorical": ["region"]}


def day(number: int) -> date:
    """One of the days, the first is 0."""
    return FIRST_DAY + timedelta(days=number)


def deliver(folder: Path, number: int) -> str:
    """Write a day whose rows have a column more; returns its key."""
    rows = loans_of(day(number))
    write_day(folder, day(number), rows.with_columns(income=pl.col("amount") * 100))
    return day(number).isoformat()


def incomes(running: Running, table: str) -> dict[str, int]:
    """Rows with an income, by partition."""
    counts = running.declaration.lake.scan(table).group_by("partition_key").agg(pl.col("income").count())
    return {key: count for key, count in counts.collect().iter_rows() if count}


def test_gained_column_is_a_feature_once_it_is_declared(tmp_path):
    """It stays out while nobody names it, and is empty for the rows that came before it was declared."""
    running = loans(tmp_path, DAYS)
    unnamed = deliver(tmp_path, DAYS)
    running.ingest([unnamed])
    assert "income" not in running.declaration.lake.schema("training_data")
    again = declared_anew(running, features=INCOME)
    keys = [deliver(tmp_path, DAYS + 1), deliver(tmp_path, DAYS + 2)]
    again.ingest(keys)
    expected = dict.fromkeys(keys, 120)
    assert incomes(again, "training_data") == incomes(again, "features") == expected
    features = again.declaration.lake.scan("features").collect()
    assert features.height == (DAYS + 3) * 120
    assert features.filter(pl.col("income").is_not_null())["income"].sum() == pytest.approx(
        100 * sum(loans_of(day(DAYS + 1 + number))["amount"].sum() for number in range(2))
    )


def test_retrain_before_the_column_is_in(tmp_path):
    """Before the next ingest a retrain says that the column is not in yet, and what brings it."""
    again = declared_anew(loans(tmp_path, DAYS), features=INCOME)
    result = again.retrain("candidate_model")
    assert not result.success
    assert "the source has no column 'income'" in sentence(result)
    assert "comes with the next partition that loans_ingest takes in" in sentence(result)


def test_decision_waits_for_a_column_that_says_when(tmp_path):
    """The retraining sensor says which declared column is not in yet, where it cannot count rows without it."""
    again = declared_anew(loans(tmp_path, 2), label__known_at="repaid_at")
    told = Automation(again.declaration, again.instance).decide().skip_message
    assert told.startswith("No row that was taken in has the column 'repaid_at', which is declared")


def test_lost_column(tmp_path):
    """A partition without a column that those before had is withheld, and says so; the others go on."""
    running = loans(tmp_path, 2)
    write_day(tmp_path, day(2), loans_of(day(2)).drop("age"))
    plain = declared_anew(running, features={"numeric": ["amount"], "categorical": ["region"]})
    span = {f"dagster/asset_partition_range_{end}": day(2).isoformat() for end in ("start", "end")}
    plain.run("ingest", tags=span)
    problem = plain.declaration.lake.rows("partitions", [day(2).isoformat()]).collect()["problem"].item()
    assert problem.endswith(
        "the column 'age' is missing, which the partitions before had. Deliver it; it may be without values."
    )


def test_used_columns(tmp_path):
    """Used is every column that the declaration names, but for what it excludes."""
    spec = declare(
        tmp_path,
        features={"numeric": ["amount"], "exclude": ["noise"], "derive": {"burden": "amount / age"}},
        weight="importance",
        label__known_at="repaid_at",
        evaluation__slices=["branch"],
        retrain_when__business=[{"name": "share", "sql": "AVG(paid)", "below": 0.5, "over": "7d"}],
        expectations=[{"type": "expect_column_values_to_not_be_null", "column": "rate"}],
    ).spec
    assert used_columns(spec) == {
        *("loan", "asked_at", "repaid", "amount", "age", "importance", "repaid_at", "branch", "paid", "rate")
    }
