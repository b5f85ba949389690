"""Time and memory to compare a million rows of 18 features with a stored profile.

Run: ``python benchmarks/drift_speed.py [rows]``.
"""

from __future__ import annotations

import json
import resource
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl

from retrain_assets.monitoring_report.drift import drift
from retrain_assets.monitoring_report.profile import build_profile

ROWS = 1_000_000
NUMERIC, CATEGORICAL = 12, 6
TIMES = 5
BOUND = 2.0


def make_rows(rows: int, seed: int) -> tuple[pl.DataFrame, np.ndarray]:
    """Generate numeric columns, some of them skewed or with gaps, categories, and a score."""
    rng = np.random.default_rng(seed)
    columns: dict[str, pl.Series] = {}
    for i in range(NUMERIC):
        values = rng.lognormal(size=rows) if i % 3 == 0 else rng.normal(size=rows)
        columns[f"number_{i}"] = pl.Series(np.where(rng.uniform(size=rows) < 0.02, np.nan, values))
    for i in range(CATEGORICAL):
        codes = rng.zipf(1.6, rows) % (10 ** (1 + i % 3))
        columns[f"category_{i}"] = pl.Series(codes).cast(pl.String)
    return pl.DataFrame(columns), rng.beta(1, 30, rows)


def main() -> None:
    """Measure, print a table and write it as JSON."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    reference, scores = make_rows(200_000, 1)
    numeric = [name for name in reference.columns if name.startswith("number")]
    categorical = [name for name in reference.columns if name.startswith("category")]
    profile = build_profile(reference, numeric, categorical, scores)
    features, scores = make_rows(rows, 2)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        drift(profile, features, scores)
        times.append(time.perf_counter() - begun)
    seconds = statistics.median(times)
    megabytes = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(
        f"Drift of {rows:,} rows x {reference.width} features against a stored profile, median of {TIMES}\n"
    )
    print(f"time   {seconds:8.3f} s    bound {BOUND} s")
    print(f"memory {megabytes:8.0f} MB   beyond the rows themselves")
    target = Path(__file__).parent / "results" / "drift_speed.json"
    target.parent.mkdir(exist_ok=True)
    document = {
        "rows": rows,
        "features": reference.width,
        "seconds": seconds,
        "extra_megabytes": megabytes,
        "bound": BOUND,
        "within_bound": seconds < BOUND,
    }
    target.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
