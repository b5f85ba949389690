"""A small pipeline with a label of three classes: how late a parcel will be."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from retrain_assets.declaration import Declaration
from retrain_assets.spec import load_spec

FIRST_DAY = date(2026, 1, 5)
CLASSES = ["on time", "late", "lost"]
ROWS_A_DAY = 150

ATTRIBUTES: dict[str, Any] = {
    "name": "parcels",
    "description": "How late will a parcel be?",
    "source": {
        "path": "rows/{partition:%Y-%m-%d}.parquet",
        "timestamp": "sent_at",
        "key": "parcel",
        "start": FIRST_DAY.isoformat(),
        "partition": "weekly",
    },
    "label": {"column": "outcome", "delay": "1d", "classes": CLASSES},
    "features": {"numeric": ["weight", "distance"], "categorical": ["carrier"]},
    "training": {
        "params": {"max_iter": 15, "min_samples_leaf": 10},
        "window": {"type": "rolling", "length": "7d"},
        "minimum_rows": 300,
    },
    "evaluation": {"holdout": "7d", "metrics": ["log_loss", "accuracy", "f1_macro"], "slices": ["carrier"]},
    "retrain_when": {
        "business": [{"name": "called_lost", "sql": "AVG(CAST(predicted = 'lost' AS FLOAT))", "above": 0.9}],
        "performance": {"metric": "log_loss", "drop": 0.1},
    },
}


def parcels_of(day: date, *, rows: int = ROWS_A_DAY, turned: bool = False) -> pl.DataFrame:
    """Rows of one day, the same every time; ``turned`` gives each class the features of the next one."""
    random = np.random.default_rng(day.toordinal())
    weight = random.gamma(2.0, 2.0, rows)
    distance = random.uniform(0, 10, rows)
    carrier = random.choice(["ant", "bee"], rows)
    utility = np.column_stack([np.full(rows, 4.0), 0.8 * distance, 0.5 * weight + 2.0 * (carrier == "bee")])
    code = (utility + random.gumbel(size=utility.shape)).argmax(axis=1)
    if turned:
        code = (code + 1) % 3
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    seconds = np.sort(random.integers(0, 86_400, rows))
    return pl.DataFrame(
        {
            "parcel": [f"{day.isoformat()}-{number}" for number in range(rows)],
            "sent_at": [start + timedelta(seconds=int(second)) for second in seconds],
            "weight": weight,
            "distance": distance,
            "carrier": carrier,
            "outcome": [CLASSES[number] for number in code],
        }
    )


def write_parcels(folder: Path, weeks: int, first: date = FIRST_DAY, **options: Any) -> list[str]:
    """Write consecutive weeks, a file each; returns the keys of their partitions."""
    (folder / "rows").mkdir(parents=True, exist_ok=True)
    keys = []
    for number in range(weeks):
        monday = first + timedelta(weeks=number)
        rows = pl.concat(parcels_of(monday + timedelta(days=day), **options) for day in range(7))
        rows.write_parquet(folder / "rows" / f"{monday.isoformat()}.parquet")
        keys.append(monday.isoformat())
    return keys


def declare_parcels(folder: Path, **label: Any) -> Declaration:
    """The pipeline as declared in a folder, with fields of its label changed."""
    attributes = ATTRIBUTES | {"label": ATTRIBUTES["label"] | label}
    return Declaration(load_spec(attributes, "defs.yaml"), folder / "defs.yaml")
