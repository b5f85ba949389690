"""An ingest of a million rows, source to monitoring_report, with a champion and eight expectations.

Run: ``python -m benchmarks.ingest [rounds [rows]]``. The rows come as 28 daily partitions and as one monthly
partition; the time counts from after the imports, the memory is the whole process's.
"""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.generate import START, make_rows, write_files
from benchmarks.place import FILE_NAMES, restore, rounds, run, summary, write

ROWS, DAYS = 1_000_000, 28
DELIVERED = datetime(2026, 2, 1, tzinfo=UTC)
HISTORY_ROWS = 135_000
RANGES = {
    "daily": (("2026-01-05", "2026-01-31"), ("2026-02-01", "2026-02-28")),
    "monthly": (("2026-01-01", "2026-01-01"), ("2026-02-01", "2026-02-01")),
}
"""By period: the partitions of the history, and those that are measured."""
TIME_BOUND, MEMORY_BOUND = 15.0, 1_500.0


def measure(folder: Path, period: str, rows: int, times: int) -> dict[str, Any]:
    """Prepare a champion, then take the million rows in, from the same state each time."""
    source, home, pristine = folder / "source", folder / "home", folder / "pristine"
    history, delivered = RANGES[period]
    days = (DELIVERED - START).days
    write_files(source, make_rows(HISTORY_ROWS, days, seed=1), FILE_NAMES[period])
    run(["job", str(source), period, "ingest", *history], home)
    if run(["job", str(source), period, "retrain"], home).said["champion"] is None:
        raise RuntimeError("The first model did not become champion, so there is nothing to measure.")
    write_files(source, make_rows(rows, DAYS, start=DELIVERED), FILE_NAMES[period])
    home.rename(pristine)
    found = []
    for _ in range(times):
        restore(pristine, home)
        found.append(run(["job", str(source), period, "ingest", *delivered], home))
    return {
        "seconds": summary([one.said["job_seconds"] for one in found]),
        "import_seconds": summary([one.said["import_seconds"] for one in found]),
        "cpu_seconds": summary([one.said["job_cpu_seconds"] for one in found]),
        "megabytes": summary([one.megabytes for one in found]),
    }


def main() -> None:
    """Measure, print a table and write it as JSON."""
    times = rounds()
    rows = int(sys.argv[2]) if len(sys.argv) > 2 else ROWS
    found = {}
    for period in RANGES:
        with tempfile.TemporaryDirectory() as name:
            found[period] = measure(Path(name), period, rows, times)
    print(f"Ingest of {rows:,} rows x 18 features, source to monitoring_report, medians of {times}\n")
    print(
        f"{'partitions':<12}{'imports':>10}{'job':>10}{'bound':>8}{'its CPU':>10}{'peak memory':>14}{'bound':>10}"
    )
    for period, figures in found.items():
        row = {kind: figures[kind]["median"] for kind in figures}
        print(
            f"{'28 days' if period == 'daily' else 'one month':<12}"
            f"{row['import_seconds']:>8.1f} s{row['seconds']:>8.1f} s{TIME_BOUND:>6.0f} s"
            f"{row['cpu_seconds']:>8.1f} s{row['megabytes']:>11,.0f} MB{MEMORY_BOUND:>7,.0f} MB"
        )
    within = all(
        one["seconds"]["median"] <= TIME_BOUND and one["megabytes"]["median"] <= MEMORY_BOUND
        for one in found.values()
    )
    write(
        "ingest",
        {
            "rounds": times,
            "rows": rows,
            **found,
            "time_bound": TIME_BOUND,
            "memory_bound": MEMORY_BOUND,
            "within_bound": within,
        },
    )


if __name__ == "__main__":
    main()
