"""Declarations and rows that the tests of the sources share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from retrain_assets.spec import PipelineSpec
from retrain_assets.windows import Partitions

DAILY = Partitions("daily", "UTC")
DAYS = ["2026-01-05", "2026-01-06", "2026-01-07"]


def declared(source: dict[str, Any], timezone: str = "UTC", **blocks: Any) -> PipelineSpec:
    """Make a small declaration around a source."""
    return PipelineSpec.model_validate(
        {
            "name": "clicks",
            "timezone": timezone,
            "source": {"timestamp": "shown_at", **source},
            "label": {"column": "clicked", "delay": "1d"},
            **blocks,
        }
    )


def rows(day: str, number: int = 4, bid: float = 1.0) -> pl.DataFrame:
    """Make rows of one day, evenly over its hours; one column is called ``count``."""
    start = datetime.fromisoformat(day).replace(tzinfo=UTC)
    return pl.DataFrame(
        {
            "id": [f"{day}-{place}" for place in range(number)],
            "shown_at": [start + timedelta(hours=24 * place / number) for place in range(number)],
            "bid": [bid + place for place in range(number)],
            "count": list(range(number)),
            "clicked": [place % 2 for place in range(number)],
        },
        schema_overrides={"shown_at": pl.Datetime("us", "UTC")},
    )
