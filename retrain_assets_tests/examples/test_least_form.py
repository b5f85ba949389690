"""The least that a user writes, on a table of monthly snapshots."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml

from retrain_assets.attempts import newest_attempt
from retrain_assets.declaration import Declaration
from retrain_assets.spec import load_spec
from retrain_assets_tests.running import YOUNG, Running, sentence

pytestmark = YOUNG

LEAST = """
name: churn
source: {path: customers.csv, timestamp: month_end}
label: {column: churned, delay: 30d}
features: {exclude: [customer_id, churn_reason]}
retrain_when: {schedule: "0 2 * * 1"}
"""
CUSTOMERS = 400
MONTHS = 8


def write_customers(folder: Path) -> None:
    """Write snapshots of the customers at the ends of months, the label known a month later."""
    random = np.random.default_rng(3)
    snapshots = []
    for month in range(1, MONTHS + 1):
        month_end = date(2025, month + 1, 1) - timedelta(days=1)
        tenure, calls = random.integers(1, 72, CUSTOMERS), random.poisson(2, CUSTOMERS)
        churned = random.random(CUSTOMERS) < 1 / (1 + np.exp(1.5 + 0.03 * tenure - 0.9 * calls))
        snapshots.append(
            pl.DataFrame(
                {
                    "customer_id": [f"C{number:05d}" for number in range(CUSTOMERS)],
                    "month_end": [month_end] * CUSTOMERS,
                    "tenure": tenure,
                    "support_calls": calls,
                    "churned": churned.astype(np.int64),
                    "churn_reason": [("price" if left else None) for left in churned],
                }
            )
        )
    pl.concat(snapshots).write_csv(folder / "customers.csv")


def retrained(folder: Path, **blocks: Any) -> dict[str, Any]:
    """Take the whole table in, train once, and return the verdict."""
    write_customers(folder)
    attributes = yaml.safe_load(LEAST)
    for name, block in blocks.items():
        attributes[name] = attributes.get(name, {}) | block
    pipeline = Running(Declaration(load_spec(attributes, "defs.yaml"), folder / "defs.yaml"))
    days = pl.read_csv(folder / "customers.csv", try_parse_dates=True).select(
        pl.col("month_end").cast(pl.Datetime("us", "UTC"))
    )
    for key in days.select(pipeline.declaration.partitions.key_expr("month_end")).unique().to_series().sort():
        pipeline.ingest([key], "training_data", "features")
    result = pipeline.retrain()
    assert result.success, sentence(result)
    trained = newest_attempt(pipeline.declaration.lake, "trained").payload
    assert trained["features"] == ["tenure", "support_calls"]
    return dict(newest_attempt(pipeline.declaration.lake, "evaluated").payload["verdict"])


def test_its_defaults_say_what_to_declare(tmp_path: Path) -> None:
    """A week's holdout holds one snapshot: nothing is promoted, and the sentence says what to declare."""
    verdict = retrained(tmp_path)
    assert (verdict["verdict"], verdict["reason"]) == ("inconclusive", "too_few_blocks")
    assert verdict["sentence"] == (
        "The candidate cannot be judged yet: its 400 rows lie in one block, and an honest interval needs at least "
        "7. If rows always come so seldom, lengthen evaluation.holdout until 7 of its days hold rows, or declare "
        "evaluation.block: row, or the column of an entity, if rows of one time do not depend on each other."
    )


def test_the_declared_block_is_judged_by(tmp_path: Path) -> None:
    """With rows declared independent the same table gives a first champion."""
    verdict = retrained(
        tmp_path, source={"partition": "monthly"}, evaluation={"holdout": "31d", "block": "row"}
    )
    assert (verdict["verdict"], verdict["reason"]) == ("blessed", "first_champion")
    assert verdict["sentence"].endswith("; 400 rows).")
