"""Rows for the benchmarks: 18 features, a time, a key and a label that the features explain in part.

Run: ``python -m benchmarks.generate folder [rows [days]]``; it writes ``YYYY-MM-DD.parquet`` for each day.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

ROWS = 1_000_000
DAYS = 50
START = datetime(2026, 1, 5, tzinfo=UTC)
NUMERIC = [f"number_{place:02d}" for place in range(12)]
CATEGORICAL = [f"category_{place}" for place in range(6)]
SIZES = (3, 5, 8, 12, 20, 40)
"""How many values each category has."""
EFFECTS = 20_260_105
"""Seed of what the categories do to the label, which is the same for all rows ever drawn."""
KEYS_A_DAY = 10_000_000
"""Keys that each day may begin, so that rows drawn from different days on have different keys."""


def make_rows(rows: int = ROWS, days: int = DAYS, seed: int = 7, start: datetime = START) -> pl.DataFrame:
    """Draw rows in order of time, the same ones for the same arguments.

    Parameters
    ----------
    rows
        How many, spread evenly over the days.
    days
        Days from ``start`` on.
    seed
        Of the random numbers.
    start
        The first day.

    Returns
    -------
    polars.DataFrame
        ``key``, ``at`` (UTC), ``NUMERIC`` (5 % missing), ``CATEGORICAL`` and ``label`` (0 or 1, 13 % ones).
    """
    random = np.random.default_rng(seed)
    effects_of = np.random.default_rng(EFFECTS)
    numbers = random.normal(size=(rows, len(NUMERIC)))
    codes = np.column_stack([random.integers(size, size=rows) for size in SIZES])
    effects = [effects_of.normal(0, 0.4, size) for size in SIZES]
    logit = -2.4 + numbers[:, :6] @ np.linspace(0.6, 0.1, 6) + 0.3 * numbers[:, 6] * (codes[:, 0] == 1)
    logit += sum(effect[codes[:, place]] for place, effect in enumerate(effects))
    label = (random.random(rows) < 1 / (1 + np.exp(-logit))).astype(np.int64)
    numbers[random.random(numbers.shape) < 0.05] = np.nan
    seconds = np.sort(random.uniform(0, days * 86_400, rows))
    names = [np.array([f"value-{code:02d}" for code in range(size)]) for size in SIZES]
    return pl.DataFrame(
        {
            "key": np.arange(rows) + KEYS_A_DAY * (start - START).days,
            "at": (seconds * 1e6).astype(np.int64),
            **{name: numbers[:, place] for place, name in enumerate(NUMERIC)},
            **{name: names[place][codes[:, place]] for place, name in enumerate(CATEGORICAL)},
            "label": label,
        }
    ).with_columns(
        (pl.lit(start) + pl.duration(microseconds="at")).alias("at"), pl.col(NUMERIC).fill_nan(None)
    )


def write_files(folder: Path, rows: pl.DataFrame, name: str = "%Y-%m-%d") -> None:
    """Write rows as one Parquet file for each name that their times have, by default one a day."""
    folder.mkdir(parents=True, exist_ok=True)
    for (stem,), part in rows.group_by(pl.col("at").dt.strftime(name), maintain_order=True):
        part.write_parquet(folder / f"{stem}.parquet")


def main() -> None:
    """Write the rows that the command line asks for."""
    if len(sys.argv) < 2:
        sys.exit("usage: python -m benchmarks.generate folder [rows [days]]")
    folder = Path(sys.argv[1])
    rows = int(sys.argv[2]) if len(sys.argv) > 2 else ROWS
    days = int(sys.argv[3]) if len(sys.argv) > 3 else DAYS
    write_files(folder, make_rows(rows, days))


if __name__ == "__main__":
    main()
