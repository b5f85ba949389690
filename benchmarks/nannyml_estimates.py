"""NannyML's estimates of a table's weeks: for an environment of its own, which holds nannyml and nothing of ours.

Run: ``<python with nannyml> nannyml_estimates.py <folder>``, where ``rows.parquet`` and ``task.json`` are; it writes
``estimates.json``: by metric the estimate of every week. ``benchmarks/estimated.py`` calls it.
"""

import json
import sys
from pathlib import Path


def main() -> None:
    """Fit on the reference weeks, estimate the others."""
    import nannyml  # type: ignore[import-not-found]  # another environment's
    import pandas as pd

    folder = Path(sys.argv[1])
    task = json.loads((folder / "task.json").read_text())
    rows = pd.read_parquet(folder / "rows.parquet")
    reference, analysis = rows[rows["reference"]], rows[~rows["reference"]]
    common = {"y_true": "y", "y_pred": "prediction", "timestamp_column_name": "at", "chunk_period": "W"}
    if task["classifies"]:
        estimator = nannyml.CBPE(
            y_pred_proba="score",
            problem_type="classification_binary",
            metrics=list(task["metrics"].values()),
            **common,
        )
    else:
        estimator = nannyml.DLE(
            feature_column_names=task["features"],
            metrics=list(task["metrics"].values()),
            tune_hyperparameters=False,
            **common,
        )
    estimator.fit(reference)
    found = estimator.estimate(analysis).filter(period="analysis").to_df()
    weeks = [str(moment)[:10] for moment in found[("chunk", "start_date")]]
    document = {
        ours: dict(zip(weeks, map(float, found[(theirs, "value")]), strict=True))
        for ours, theirs in task["metrics"].items()
    }
    (folder / "estimates.json").write_text(json.dumps(document))


if __name__ == "__main__":
    main()
