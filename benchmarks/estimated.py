"""Estimated against realised performance on the real tables, beside NannyML's estimators.

Each model is trained on the first quarter of its table and scores the rest. The four weeks after the training are the
reference whose labels are known; of every later week the performance is estimated without its labels, and held against
what its labels show. Figures are mean absolute errors over weeks: of each of our estimators while it is not withdrawn,
of NannyML's on the same weeks (CBPE, and DLE with its defaults and untuned), and of the plain guess that a week is as
the reference was. Covered is the share of weeks in whose 95 % interval the realised value lies.

NannyML runs in an environment of its own: ``python -m venv other && other/bin/pip install nannyml``, and
``RETRAIN_BENCH_NANNYML=other/bin/python``. Without that its columns are empty.

Run: ``python -m benchmarks.estimated``.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.place import write
from benchmarks.tables import Table, tables
from retrain_assets.arrays import FloatArray
from retrain_assets.comparison import METRICS, Metric
from retrain_assets.errors import TrainingError
from retrain_assets.monitoring_report.estimates import Estimation
from retrain_assets.monitoring_report.estimators import Labelled, ScoredInputs
from retrain_assets.monitoring_report.reconciliation import empty_record, reconcile, withdrawn

WEEK, REFERENCE = 7, 28
MONDAY = date(2001, 1, 1)
NANNYML = os.environ.get("RETRAIN_BENCH_NANNYML")
OURS = {True: ("log_loss", "roc_auc", "accuracy"), False: ("mean_absolute_error", "mean_squared_error")}
THEIRS = {
    "roc_auc": "roc_auc",
    "accuracy": "accuracy",
    "mean_absolute_error": "mae",
    "mean_squared_error": "mse",
}


def scored(table: Table) -> tuple[FloatArray, int]:
    """Scores of all rows by a model of the first quarter, and the day on which its training ended."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    end = (int(table.days[-1]) + 1) // 4
    rows = table.between(0, end)
    if table.classifies:
        model = HistGradientBoostingClassifier(max_iter=80, random_state=0).fit(
            table.inputs[rows], table.y[rows]
        )
        return np.asarray(model.predict_proba(table.inputs)[:, 1]), end
    regressor = HistGradientBoostingRegressor(max_iter=80, random_state=0).fit(
        table.inputs[rows], table.y[rows]
    )
    return np.asarray(regressor.predict(table.inputs)), end


def value_of(metric: Metric, y: FloatArray, score: FloatArray) -> float | None:
    """A metric; None where it is undefined."""
    try:
        return metric.measure(y, score)[0]
    except TrainingError:
        return None


def nannyml(table: Table, score: FloatArray, start: int, names: Sequence[str]) -> dict[str, dict[str, float]]:
    """NannyML's estimates by metric and week; empty without its environment."""
    wanted = {name: THEIRS[name] for name in names if name in THEIRS}
    if NANNYML is None:
        return {name: {} for name in wanted}
    rows = np.flatnonzero(table.days >= start)
    since = table.days[rows] - start
    names_of = [f"x{number}" for number in range(table.inputs.shape[1])]
    frame = pl.DataFrame(
        {
            "at": [datetime.combine(MONDAY, datetime.min.time()) + timedelta(days=int(day)) for day in since],
            "reference": since < REFERENCE,
            "y": table.y[rows],
            "score": score[rows],
            "prediction": (score[rows] > 0.5).astype(float) if table.classifies else score[rows],
        }
    ).hstack(pl.DataFrame(table.inputs[rows], schema=names_of))
    with tempfile.TemporaryDirectory() as folder:
        frame.write_parquet(Path(folder) / "rows.parquet")
        task = {"classifies": table.classifies, "metrics": wanted, "features": names_of}
        (Path(folder) / "task.json").write_text(json.dumps(task))
        script = Path(__file__).with_name("nannyml_estimates.py")
        quiet = os.environ | {"NML_DISABLE_USAGE_LOGGING": "true", "PYTHONWARNINGS": "ignore"}
        subprocess.run([NANNYML, str(script), folder], check=True, stdout=subprocess.DEVNULL, env=quiet)
        found: dict[str, dict[str, float]] = json.loads((Path(folder) / "estimates.json").read_text())
        return found


def measured(table: Table) -> dict[str, dict[str, Any]]:
    """By metric: weeks, and the mean absolute error of every way to estimate it."""
    score, start = scored(table)
    names = OURS[table.classifies]
    metrics = [METRICS[name] for name in names]
    known = table.between(start, start + REFERENCE)
    labelled = Labelled(
        ScoredInputs(score[known], table.inputs[known]), table.y[known], table.days[known] - start
    )
    estimation = Estimation(labelled, metrics)
    before = {metric.name: value_of(metric, labelled.y, labelled.rows.score) for metric in metrics}
    others = nannyml(table, score, start, names)
    record = empty_record()
    errors: dict[str, dict[str, list[float]]] = {name: {} for name in names}
    covered: dict[str, dict[str, list[bool]]] = {name: {} for name in names}
    for day in range(start + REFERENCE, int(table.days[-1]) + 1, WEEK):
        rows = table.between(day, day + WEEK)
        if rows.size < 50:
            continue
        week = (MONDAY + timedelta(days=day - start)).isoformat()
        made = estimation.estimate(ScoredInputs(score[rows], table.inputs[rows]))
        given = withdrawn(record, made)
        realised = {metric.name: value_of(metric, table.y[rows], score[rows]) for metric in metrics}
        record = reconcile(record, week, made, realised)
        for name, truth in realised.items():
            if truth is None:
                continue
            for method, estimate in made[name].items():
                _add(errors[name], f"{method}, never withdrawn", abs(estimate["value"] - truth))
                covered[name].setdefault(method, []).append(estimate["lower"] <= truth <= estimate["upper"])
                if given[name][method]["value"] is not None:
                    _add(errors[name], method, abs(estimate["value"] - truth))
            if week in others.get(name, {}):
                _add(errors[name], "NannyML", abs(others[name][week] - truth))
            reference = before[name]
            if reference is not None:
                _add(errors[name], "as the reference was", abs(reference - truth))
    return {
        name: {
            "errors": {
                way: {"error": float(np.mean(found)), "weeks": len(found)} for way, found in ways.items()
            },
            "covered": {method: float(np.mean(found)) for method, found in covered[name].items()},
            "withdrawn": {
                key.partition("/")[2]: item["withdrawn"]
                for key, item in record["methods"].items()
                if key.partition("/")[0] == name and item["withdrawn"]
            },
        }
        for name, ways in errors.items()
    }


def _add(errors: dict[str, list[float]], way: str, error: float) -> None:
    errors.setdefault(way, []).append(error)


def main() -> None:
    """Estimate, print and write as JSON."""
    begun = time.perf_counter()
    if NANNYML is None:
        print("RETRAIN_BENCH_NANNYML names no interpreter: no figures of NannyML")
    document: dict[str, Any] = {"tables": {}}
    for table in tables():
        found = document["tables"][table.name] = measured(table)
        for metric, cell in found.items():
            print(f"\n{table.name}, {metric}: mean absolute error, weeks")
            for way, figures in cell["errors"].items():
                print(f"  {way:<42}{figures['error']:>12.4f}{figures['weeks']:>5}")
            for method, share in cell["covered"].items():
                print(f"  weeks within the interval, {method:<22}{share:>5.0%}")
            for reason in cell["withdrawn"].values():
                print(f"  {reason}", flush=True)
    document["seconds"] = time.perf_counter() - begun
    write("estimated", document)


if __name__ == "__main__":
    main()
