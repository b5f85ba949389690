"""A small pipeline that tests drive: a table of loans, one Parquet file a day."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from retrain_assets.declaration import Declaration
from retrain_assets.spec import load_spec

FIRST_DAY = date(2026, 1, 5)
ROWS_A_DAY = 120

ATTRIBUTES: dict[str, Any] = {
    "name": "loans",
    "description": "Will a loan be repaid?",
    "owners": ["team:risk"],
    "source": {
        "path": "rows/{partition:%Y-%m-%d}.parquet",
        "timestamp": "asked_at",
        "key": "loan",
        "start": FIRST_DAY.isoformat(),
    },
    "label": {"column": "repaid", "delay": "1d"},
    "expectations": [
        {"type": "expect_column_values_to_be_between", "column": "amount", "min_value": 0, "mostly": 0.9},
        {"type": "expect_table_row_count_to_be_between", "min_value": 10, "severity": "warning"},
    ],
    "features": {"numeric": ["amount", "age"], "categorical": ["region"]},
    "training": {
        "estimator": "sklearn.ensemble.HistGradientBoostingClassifier",
        "params": {"max_iter": 20, "min_samples_leaf": 10},
        "window": {"type": "rolling", "length": "14d"},
        "minimum_rows": 300,
    },
    "evaluation": {"holdout": "7d", "metrics": ["log_loss", "roc_auc"], "slices": ["region"]},
}


def loans_of(day: date, *, rows: int = ROWS_A_DAY, flipped: bool = False) -> pl.DataFrame:
    """Rows of one day, the same every time; ``flipped`` turns the relation of features to label round."""
    random = np.random.default_rng(day.toordinal())
    amount = random.gamma(2.0, 10.0, rows)
    age = random.integers(18, 80, rows)
    region = random.choice(["north", "south", "west"], rows)
    logit = 1.5 * (region == "north") - 0.08 * (amount - 20) + 0.02 * (age - 45)
    repaid = random.random(rows) < 1 / (1 + np.exp(logit if flipped else -logit))
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    seconds = np.sort(random.integers(0, 86_400, rows))
    return pl.DataFrame(
        {
            "loan": [f"{day.isoformat()}-{number}" for number in range(rows)],
            "asked_at": [start + timedelta(seconds=int(second)) for second in seconds],
            "amount": amount,
            "age": age,
            "region": region,
            "repaid": repaid.astype(np.int64),
        }
    )


def write_day(folder: Path, day: date, frame: pl.DataFrame | None = None, **options: Any) -> Path:
    """Write one day's file where the pipeline's source looks for it."""
    file = folder / "rows" / f"{day.isoformat()}.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    (loans_of(day, **options) if frame is None else frame).write_parquet(file)
    return file


def write_days(folder: Path, days: int, first: date = FIRST_DAY, **options: Any) -> list[str]:
    """Write consecutive days; returns the keys of their partitions."""
    found = [first + timedelta(days=number) for number in range(days)]
    for day in found:
        write_day(folder, day, **options)
    return [day.isoformat() for day in found]


CSV: dict[str, Any] = {"path": "loans.csv", "timestamp": "asked_at"}
"""The source that :func:`write_texts` writes."""


def write_texts(folder: Path, **columns: list[str]) -> None:
    """Write two hundred loans as CSV, with columns of texts repeated to that length in the place of their own."""
    replaced = {name: (values * 200)[:200] for name, values in columns.items()}
    rows = loans_of(FIRST_DAY, rows=200).with_columns(
        *(pl.Series(name, values) for name, values in replaced.items())
    )
    rows.write_csv(folder / "loans.csv", datetime_format="%Y-%m-%d %H:%M:%S")


def declare(folder: Path, **changes: Any) -> Declaration:
    """The pipeline as declared in a folder, with dotted fields (``label__delay``) changed."""
    attributes = deepcopy(ATTRIBUTES)
    for path, value in changes.items():
        *parents, last = path.split("__")
        block = attributes
        for parent in parents:
            block = block.setdefault(parent, {})
        block[last] = value
    return Declaration(load_spec(attributes, "defs.yaml"), folder / "defs.yaml")
