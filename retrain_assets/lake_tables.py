"""The tables of a lake: which have a folder a partition, and the columns of those that the project itself fills."""

from __future__ import annotations

import polars as pl

PARTITIONED_TABLES = frozenset({"training_data", "features", "predictions", "shadow_predictions", "labels"})

_TIME = pl.Datetime("us", "UTC")
SCHEMAS: dict[str, dict[str, pl.DataType]] = {
    "quarantine": {
        "partition_key": pl.String(),
        "row_id": pl.Int64(),
        "rule": pl.String(),
        "column": pl.String(),
        "value": pl.String(),
        "row": pl.String(),
        "file": pl.String(),
        "run_id": pl.String(),
        "quarantined_at": _TIME,
        "released_at": _TIME,
    },
    "partitions": {
        "partition_key": pl.String(),
        "fingerprint": pl.String(),
        "features_hash": pl.String(),
        "labels_hash": pl.String(),
        "declaration": pl.String(),
        "rows": pl.Int64(),
        "quarantined": pl.Int64(),
        "duplicates": pl.Int64(),
        "accepted": pl.Boolean(),
        "problem": pl.String(),
        "run_id": pl.String(),
        "read_at": _TIME,
        "completed": pl.String(),
        "period": pl.String(),
    },
    "labels": {
        "partition_key": pl.String(),
        "key": pl.Null(),
        "value": pl.Null(),
        "known_at": _TIME,
        "read_as": pl.String(),
        "delivery": pl.Int64(),
        "seen_at": _TIME,
        "run_id": pl.String(),
    },
    "label_deliveries": {
        "partition_key": pl.String(),
        "fingerprint": pl.String(),
        "declaration": pl.String(),
        "new": pl.Int64(),
        "unusable": pl.Int64(),
        "problem": pl.String(),
        "delivery": pl.Int64(),
        "run_id": pl.String(),
        "read_at": _TIME,
    },
    "monitoring": {"partition_key": pl.String(), "as_of": _TIME, "payload": pl.String()},
    "told_quality": {"partition_key": pl.String(), "metric": pl.String(), "quality": pl.Float64()},
    "attempts": {
        "attempt": pl.String(),
        "stage": pl.String(),
        "as_of": _TIME,
        "at": _TIME,
        "payload": pl.String(),
    },
    "decisions": {"as_of": _TIME, "at": _TIME, "act": pl.Boolean(), "payload": pl.String()},
}
