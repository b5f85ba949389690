"""The pipeline that the benchmarks run: its declaration, its home folder, and processes that are measured."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
NAME = "bench"
FILE_NAMES = {"daily": "%Y-%m-%d", "monthly": "%Y-%m"}
"""Names of the source's files, by the period of the partitions."""


def attributes(source: Path, period: str = "daily", name: str = NAME) -> dict[str, Any]:
    """A declaration of the rows that ``generate`` makes, with eight expectations and every kind of trigger.

    Parameters
    ----------
    source
        Folder of the source's files.
    period
        ``daily`` or ``monthly`` partitions.
    name
        The pipeline's name.
    """
    between = {"type": "expect_column_values_to_be_between", "min_value": -9, "max_value": 9}
    return {
        "name": name,
        "source": {
            "path": f"{source}/{{partition:{FILE_NAMES[period]}}}.parquet",
            "timestamp": "at",
            "key": "key",
            "partition": period,
        },
        "label": {"column": "label", "delay": "1d", "positive": 1},
        "expectations": [
            {"type": "expect_column_values_to_not_be_null", "column": "at"},
            {"type": "expect_column_values_to_be_in_set", "column": "label", "value_set": [0, 1]},
            *({**between, "column": f"number_{place:02d}", "mostly": 0.99} for place in range(3)),
            {
                "type": "expect_column_values_to_be_in_set",
                "column": "category_0",
                "value_set": ["value-00", "value-01", "value-02"],
                "mostly": 0.95,
            },
            {
                "type": "expect_column_value_lengths_to_be_between",
                "column": "category_5",
                "min_value": 1,
                "max_value": 40,
            },
            {"type": "expect_table_row_count_to_be_between", "min_value": 100, "severity": "warning"},
        ],
        "retrain_when": {
            "schedule": "0 2 * * 1",
            "new_rows": 10_000_000,
            "performance": {"metric": "roc_auc", "drop": 0.02, "at_least": 0.6, "over": "7d"},
            "business": [{"name": "rate", "sql": "AVG(label)", "below": 0.05, "over": "7d"}],
            "drift": {"psi": 0.2, "importance": 0.3},
        },
    }


def environment(home: Path) -> dict[str, str]:
    """Variables of a process that reads and writes below ``home``."""
    return os.environ | {
        "RETRAIN_ASSETS_HOME": str(home),
        "RETRAIN_ASSETS_DAGSTER": str(home / "dagster"),
        "DAGSTER_HOME": str(PROJECT),
        "DAGSTER_DISABLE_TELEMETRY": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }


@dataclass(frozen=True)
class Measured:
    """A finished process.

    Parameters
    ----------
    seconds
        From start to end.
    megabytes
        Its peak of memory, by the kernel.
    said
        The JSON object on the last line of its output; empty where it wrote none.
    """

    seconds: float
    megabytes: float
    said: dict[str, Any]


def run(words: Sequence[str], home: Path) -> Measured:
    """Run ``python -m benchmarks.<words>`` in a process of its own, and measure it.

    Raises
    ------
    RuntimeError
        When it fails.
    """
    command = [sys.executable, "-W", "ignore", "-m", f"benchmarks.{words[0]}", *words[1:]]
    begin = time.perf_counter()
    with subprocess.Popen(
        command, cwd=PROJECT, env=environment(home), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        out, errors = process.communicate_with_usage() if False else _outputs(process)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(words)} failed:\n{errors[-3000:]}")
    lines = out.strip().splitlines()
    said = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
    return Measured(seconds, usage.ru_maxrss / 1024, said)
