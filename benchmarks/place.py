"""The pipeline that the benchmarks run: its declaration, its home folder, and processes that are measured."""

from __future__ import annotations

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
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
        # As retrain_assets itself sets it, so that the plain script is disturbed by other load no more than a run.
        "OMP_WAIT_POLICY": "passive",
    }


@dataclass(frozen=True)
class Measured:
    """A finished process.

    Parameters
    ----------
    seconds
        From start to end.
    cpu_seconds
        Time that it computed, on all cores: hardly disturbed by what else the machine does.
    megabytes
        Its peak of memory, by the kernel.
    said
        The JSON object on the last line of its output; empty where it wrote none.
    """

    seconds: float
    cpu_seconds: float
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
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        begin = time.perf_counter()
        process = subprocess.Popen(command, cwd=PROJECT, env=environment(home), stdout=out, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        errors.seek(0)
        if process.returncode:
            raise RuntimeError(f"{' '.join(words)} failed:\n{errors.read()[-3000:]}")
        lines = out.read().strip().splitlines()
    said = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
    return Measured(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, said)


def restore(pristine: Path, home: Path) -> None:
    """Put a prepared home back, at the same place: MLflow's database holds absolute paths."""
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(pristine, home)


def summary(values: Sequence[float]) -> dict[str, float]:
    """Median, least and greatest of some figures."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def machine() -> dict[str, Any]:
    """What the figures were measured on, and how busy it was."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cores": os.cpu_count(),
        "memory_gb": round(memory / 2**30, 1),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "load_1m": round(os.getloadavg()[0], 2),
    }


def rounds(default: int = 5) -> int:
    """How often to measure: the first word of the command line."""
    return int(sys.argv[1]) if len(sys.argv) > 1 else default


def write(name: str, document: Mapping[str, Any]) -> None:
    """Write a benchmark's figures as JSON."""
    target = PROJECT / "benchmarks" / "results" / f"{name}.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps({"machine": machine(), **document}, indent=1) + "\n")
