"""Columns whose first values come days after the first rows: delayed labels, from every kind of source."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from retrain_assets.declaration import Declaration
from retrain_assets.features.refresh import refresh_features
from retrain_assets.training_data.ingest import ingest
from retrain_assets_tests.training_data.declared import DAYS, declared, rows

Deliver = Callable[[Path, list[pl.DataFrame]], None]


def _parquet(folder: Path, days: list[pl.DataFrame]) -> None:
    for number, day in enumerate(days):
        day.write_parquet(folder / f"{DAYS[number]}.parquet")


def _csv(folder: Path, days: list[pl.DataFrame]) -> None:
    for number, day in enumerate(days):
        day.write_csv(folder / f"{DAYS[number]}.csv")


def _sqlite(folder: Path, days: list[pl.DataFrame]) -> None:
    engine = sa.create_engine(f"sqlite:///{folder}/rows.db", poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS clicks")
        connection.exec_driver_sql(
            "CREATE TABLE clicks (id TEXT, shown_at TEXT, bid REAL, note TEXT, clicked INTEGER)"
        )
        for day in days:
            for row in day.with_columns(pl.col("shown_at").dt.strftime("%Y-%m-%d %H:%M:%S")).iter_rows():
                connection.exec_driver_sql("INSERT INTO clicks VALUES (?, ?, ?, ?, ?)", row)


SOURCES: dict[str, tuple[dict[str, Any], Deliver]] = {
    "parquet": ({"path": "{partition:%Y-%m-%d}.parquet"}, _parquet),
    "csv": ({"path": "{partition:%Y-%m-%d}.csv"}, _csv),
    "sql": ({"url": "sqlite:///rows.db", "table": "clicks"}, _sqlite),
}


def _day(key: str, **changes: Any) -> pl.DataFrame:
    return (
        rows(key)
        .select("id", "shown_at", "bid", pl.lit("text").alias("note"), "clicked")
        .with_columns(**changes)
    )


def _taken(declaration: Declaration, *keys: str) -> list[tuple[str, bool, str | None]]:
    found = [(item.key, item.accepted, item.problem) for item in ingest(declaration, keys, "run")]
    for key in keys:
        refresh_features(declaration, [key])
    return found


@pytest.mark.parametrize("kind", SOURCES)
def test_labels_may_come_days_after_the_first_rows(tmp_path: Path, kind: str) -> None:
    """Days without any label, and with an empty column, are followed by days with both, and are completed later."""
    block, deliver = SOURCES[kind]
    spec = declared(block, features={"derive": {"shout": "UPPER(note)"}})
    declaration = Declaration(spec, tmp_path / "defs.yaml")
    empty = [_day(key, clicked=pl.lit(None), note=pl.lit(None)) for key in DAYS[:2]]
    deliver(tmp_path, empty)
    assert _taken(declaration, *DAYS[:2]) == [(key, True, None) for key in DAYS[:2]]
    deliver(tmp_path, [_day(DAYS[0]), empty[1], _day(DAYS[2])])
    assert _taken(declaration, *DAYS) == [(key, True, None) for key in DAYS]

    for table, column in (("training_data", "note"), ("features", "shout")):
        held = declaration.lake.scan(table).collect().sort("partition_key", "shown_at")
        assert held["clicked"].to_list() == [0, 1, 0, 1, *[None] * 4, 0, 1, 0, 1]
        text = "text" if column == "note" else "TEXT"
        assert held[column].to_list() == [*[text] * 4, *[None] * 4, *[text] * 4]


def test_a_file_with_its_columns_and_no_rows_is_a_period_without_rows(tmp_path: Path) -> None:
    """A CSV file that holds nothing but its header is taken in, as the first delivery and as a later one."""
    declaration = Declaration(declared(SOURCES["csv"][0]), tmp_path / "defs.yaml")
    _csv(tmp_path, [_day(DAYS[0]).clear(), _day(DAYS[1]), _day(DAYS[2]).clear()])
    assert _taken(declaration, *DAYS) == [(key, True, None) for key in DAYS]
    held = declaration.lake.scan("training_data").collect()
    assert held["partition_key"].unique().to_list() == [DAYS[1]]
    assert held.schema["bid"] == pl.Float64
    assert held["shown_at"].min() == datetime.fromisoformat(f"{DAYS[1]}T00:00:00+00:00")
