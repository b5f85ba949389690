"""The lab's matrix against the bare fits and scorings that it is made of, each as a whole process on all cores.

Run: ``python -m benchmarks.cadence_speed [rounds]``. 100,000 rows with 18 features, 24 blocks and four windows. The
bare script has the same models to fit and the same blocks to score, on a matrix of numbers that is ready, and keeps
nothing but the losses.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.generate import make_rows, write_files
from benchmarks.place import attributes, restore, rounds, run, summary, write

ROWS, DAYS, BLOCKS = 100_000, 120, 24
SECONDS_BOUND, RATIO_BOUND = 300.0, 1.3
Fit = tuple[np.ndarray, np.ndarray | None, list[np.ndarray]]
"""Positions of the rows that a model is fitted on, their weights, and positions of the rows of each block to score."""


def pipeline(source: Path) -> Any:
    """Declare the pipeline."""
    from retrain_assets.declaration import Declaration
    from retrain_assets.spec import load_spec

    return Declaration(load_spec(attributes(source), "benchmarks"), Path(__file__))


def prepare(source: Path) -> None:
    """Take the rows in, up to their features; what both scripts then read."""
    from retrain_assets.features.refresh import refresh_features
    from retrain_assets.training_data.ingest import ingest

    declaration = pipeline(source)
    keys = sorted(path.stem for path in source.iterdir())
    list(ingest(declaration, keys, "bench"))
    refresh_features(declaration, keys)


def lab(source: Path) -> dict[str, Any]:
    """Compute the matrix."""
    from retrain_assets.cadence_report.run import Request, run_matrix
    from retrain_assets.cadence_report.storage import CELLS

    declaration = pipeline(source)
    ran = run_matrix(declaration, Request(blocks=BLOCKS), lambda _: None)
    # Windows that choose the same rows share a model, which counts once.
    losses = declaration.lake.scan(CELLS).filter(pl.col("loss").is_finite()).collect().height
    return {"cells": ran.cells, "losses": losses}


def bare(source: Path) -> dict[str, Any]:
    """Fit and score the same models, with nothing around it."""
    from joblib import Parallel, delayed

    from retrain_assets.cadence_report.history import load_history

    history = load_history(pipeline(source), BLOCKS, None)
    columns = history.ground.columns
    table = history.rows.select(
        *columns.numeric, *(history.rows[name].rank("dense").alias(name) for name in columns.categorical)
    )
    matrix, y = table.to_numpy().astype(np.float64), history.rows["label"].to_numpy()
    categorical = np.arange(matrix.shape[1]) >= len(columns.numeric)
    done = Parallel(n_jobs=-1, batch_size=1)(
        delayed(_bare_cell)(matrix, y, categorical, fit) for fit in _fits(pipeline(source), history)
    )
    return {"models": len(done), "losses": sum(map(len, done))}


def _fits(declaration: Any, history: Any) -> list[Fit]:
    """List the models, each once."""
    from retrain_assets.cadence_report.days import BLOCK
    from retrain_assets.cadence_report.plan import plan_cells
    from retrain_assets.cadence_report.window_policies import WEIGHT, choose_windows, known_rows, weighed

    ground = history.ground
    rows = history.rows.with_row_index("place")
    block_of = rows[BLOCK].fill_null(-1).to_numpy()
    windows = choose_windows(declaration.spec, [], ground.blocks[-1].end - ground.blocks[0].start)
    orders = {order.model: order for order in plan_cells(declaration, history, windows)}
    fits = []
    for order in orders.values():
        moment = ground.blocks[order.block].start
        known = known_rows(rows.lazy(), order.window, moment, ground.time_columns).sort("place").collect()
        weights = None
        if order.window.half_life is not None:
            weights = weighed(known, order.window, moment, ground.spec)[WEIGHT].to_numpy()
        if known.height >= ground.spec.training.minimum_rows:
            later = [np.flatnonzero(block_of == index) for index, _ in order.judged_on]
            fits.append((known["place"].to_numpy(), weights, later))
    return fits


def _bare_cell(matrix: np.ndarray, y: np.ndarray, categorical: np.ndarray, fit: Fit) -> list[float]:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import log_loss
    from threadpoolctl import threadpool_limits

    rows, weights, later = fit
    with threadpool_limits(limits=1):
        model = HistGradientBoostingClassifier(categorical_features=categorical, random_state=7)
        model.fit(matrix[rows], y[rows], sample_weight=weights)
        return [
            float(log_loss(y[one], model.predict_proba(matrix[one])[:, 1], labels=[0, 1])) for one in later
        ]


def measure(times: int) -> dict[str, Any]:
    """Run both by turns, each time from a home without any finished cell."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, home, pristine = folder / "source", folder / "home", folder / "pristine"
        write_files(source, make_rows(ROWS, DAYS))
        run(["cadence_speed", "prepare", str(source)], home)
        home.rename(pristine)
        found: dict[str, list[Any]] = {"bare": [], "lab": []}
        for _ in range(times):
            for kind, results in found.items():
                restore(pristine, home)
                results.append(run(["cadence_speed", kind, str(source)], home))
    return found


def main() -> None:
    """Measure, print a table and write it as JSON."""
    found = measure(rounds(1))
    document: dict[str, Any] = {
        "rows": ROWS,
        "blocks": BLOCKS,
        **found["bare"][0].said,
        **found["lab"][0].said,
    }
    losses = {found[kind][0].said["losses"] for kind in found}
    print(
        f"{document['cells']} cells of {document['models']} models, {document['losses']:,} losses of blocks\n"
    )
    print(f"{'':<14}{'bare':>10}{'lab':>10}{'ratio':>8}")
    for figure in ("seconds", "cpu_seconds", "megabytes"):
        bare_one, lab_one = (
            summary([getattr(one, figure) for one in found[kind]])["median"] for kind in ("bare", "lab")
        )
        document[figure] = {"bare": bare_one, "lab": lab_one, "ratio": lab_one / bare_one}
        print(f"{figure:<14}{bare_one:>10.1f}{lab_one:>10.1f}{lab_one / bare_one:>8.2f}")
    print(f"bounds: {SECONDS_BOUND:.0f} seconds, {RATIO_BOUND} times the bare fits and scorings")
    seconds = document["seconds"]
    document |= {"seconds_bound": SECONDS_BOUND, "ratio_bound": RATIO_BOUND}
    document["within_bound"] = seconds["lab"] <= SECONDS_BOUND and seconds["ratio"] <= RATIO_BOUND
    write("cadence_speed", document)
    if len(losses) != 1:
        raise RuntimeError(f"The scripts did not do the same: {losses} losses.")


def _part(words: Sequence[str]) -> None:
    kind, source = words[0], Path(words[1])
    print(json.dumps({"prepare": prepare, "lab": lab, "bare": bare}[kind](source) or {}))


if __name__ == "__main__":
    if len(sys.argv) > 2:
        _part(sys.argv[1:])
    else:
        main()
