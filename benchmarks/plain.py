"""The plain script that a retrain is measured against: read, fit, score candidate and champion.

Run: ``python -m benchmarks.plain source as_of champion.pickle``; where there is no such file yet, the fitted
model becomes it. What it does is what the job must do at least: the same rows, the same estimator with the
same parameters, categories told from numbers, and the default metrics of two models on the same holdout.
"""

from __future__ import annotations

import json
import pickle
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from benchmarks.generate import CATEGORICAL, NUMERIC

DELAY, HOLDOUT = timedelta(days=1), timedelta(days=7)


def matrix(rows: pl.DataFrame, vocabularies: dict[str, list[str]]) -> np.ndarray:
    """Numbers as they are, categories as codes: shape (rows, 18)."""
    codes = [
        pl.col(name).cast(pl.Enum(known), strict=False).to_physical().cast(pl.Float64)
        for name, known in vocabularies.items()
    ]
    return rows.select(*NUMERIC, *codes).to_numpy()


def main() -> None:
    """Train on all rows mature at the split, and judge on the holdout."""
    source, champion_file = Path(sys.argv[1]), Path(sys.argv[3])
    end = datetime.fromisoformat(sys.argv[2]) - DELAY
    split = end - HOLDOUT
    rows = pl.scan_parquet(source / "*.parquet")
    train = rows.filter(pl.col("at") <= split - DELAY).select(*NUMERIC, *CATEGORICAL, "label").collect()
    vocabularies = {name: train[name].drop_nulls().unique().sort().to_list() for name in CATEGORICAL}
    model = HistGradientBoostingClassifier(
        random_state=7, categorical_features=[False] * len(NUMERIC) + [True] * len(CATEGORICAL)
    ).fit(matrix(train, vocabularies), train["label"].to_numpy())
    holdout = rows.filter(pl.col("at").is_between(split, end)).collect()
    candidate = (model, vocabularies)
    champion = pickle.loads(champion_file.read_bytes()) if champion_file.exists() else candidate
    found: dict[str, Any] = {"training_rows": train.height, "holdout_rows": holdout.height}
    y = holdout["label"].to_numpy()
    for name, (scorer, known) in {"candidate": candidate, "champion": champion}.items():
        scores = scorer.predict_proba(matrix(holdout, known))[:, 1]
        found[name] = {
            "log_loss": log_loss(y, scores),
            "brier_score": brier_score_loss(y, scores),
            "roc_auc": roc_auc_score(y, scores),
        }
    if not champion_file.exists():
        champion_file.write_bytes(pickle.dumps(candidate))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
