"""Time and memory to compare a million rows of 18 features with a stored profile.

Run: ``python benchmarks/drift_speed.py [rows]``. The rows are made by a process of their own and read as a
lazy plan, so that the memory measured is that of reading and comparing alone.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.place import PROJECT, write
from retrain_assets.candidate_model.profile import build_profile
from retrain_assets.monitoring_report.drift import drift

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


def make_files(folder: Path, rows: int) -> None:
    """Write the rows, their scores, and the profile that they are compared with."""
    reference, scores = make_rows(200_000, 1)
    numeric = [name for name in reference.columns if name.startswith("number")]
    categorical = [name for name in reference.columns if name.startswith("category")]
    profile = build_profile(reference, numeric, categorical, scores)
    (folder / "profile.json").write_text(json.dumps(profile))
    features, scores = make_rows(rows, 2)
    features.write_parquet(folder / "rows.parquet")
    np.save(folder / "scores.npy", scores)


def measure(folder: Path) -> dict[str, float]:
    """Compare the rows with the profile, reading them included."""
    profile = json.loads((folder / "profile.json").read_text())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        drift(profile, pl.scan_parquet(folder / "rows.parquet"), np.load(folder / "scores.npy"))
        times.append(time.perf_counter() - begun)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"seconds": statistics.median(times), "first": times[0], "megabytes": (peak - before) / 1024}


def main() -> None:
    """Measure, print a table and write it as JSON."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with tempfile.TemporaryDirectory() as name:
        code = (
            f"import pathlib, benchmarks.drift_speed as own; own.make_files(pathlib.Path({name!r}), {rows})"
        )
        subprocess.run([sys.executable, "-c", code], check=True, cwd=PROJECT)
        found = measure(Path(name))
    features = NUMERIC + CATEGORICAL
    print(f"Drift of {rows:,} rows x {features} features against a stored profile, median of {TIMES}\n")
    print(f"time   {found['seconds']:8.3f} s    the first {found['first']:.3f} s, bound {BOUND} s")
    print(f"memory {found['megabytes']:8.0f} MB   more than before, at the peak")
    document = {"rows": rows, "features": features, **found, "bound": BOUND}
    document["within_bound"] = found["first"] < BOUND
    write("drift_speed", document)


if __name__ == "__main__":
    main()
