"""Judging the newest candidate: which rows, which models, and the report that is written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import numpy as np
import polars as pl

from retrain_assets.attempts import Attempt, attempt_of_version, newest_attempt, record_attempt
from retrain_assets.champion.loading import load_model, load_version
from retrain_assets.champion.tracking import log_evaluation
from retrain_assets.declaration import Declaration
from retrain_assets.errors import ChampionError, TrainingError
from retrain_assets.evaluation_report.evaluate import evaluate
from retrain_assets.evaluation_report.explanation import Model
from retrain_assets.evaluation_report.page import evaluation_page
from retrain_assets.labels import target
from retrain_assets.windows import Windows, holdout_rows

LIBRARIES = ("scikit-learn", "polars", "deltalake", "mlflow", "dagster", "great-expectations", "skops")


@dataclass(frozen=True)
class _Holdout:
    """The rows that judge, and what was left out of them."""

    rows: pl.DataFrame
    labels: np.ndarray
    left_out: int


def assess_candidate(declaration: Declaration, run_id: str) -> dict[str, Any]:
    """Compare an attempt's candidate with the champion and the baseline, and write the report.

    Parameters
    ----------
    declaration
        The pipeline.
    run_id
        The run; its own attempt is judged, or the newest where it trained none.

    Returns
    -------
    dict
        The evaluation document, with ``page``: the page's path under the pipeline's reports.

    Raises
    ------
    TrainingError
        When there is no candidate to judge.
    """
    trained = newest_attempt(declaration.lake, "trained", run_id)
    if trained is None:
        raise TrainingError(
            f"Pipeline {declaration.name!r} has no candidate to evaluate. Materialize candidate_model first."
        )
    record = trained.payload
    standing = declaration.ledger.standing()
    champion, unscorable = _champion(declaration, standing.version)
    seen = _champion_horizon(declaration, standing.version)
    holdout = _holdout(declaration, trained, seen)
    candidate = load_model(record["model_path"], declaration.trusted_modules())
    document = evaluate(
        declaration.spec,
        task=record["task"],
        rows=holdout.rows,
        y=holdout.labels,
        candidate=_explained(candidate),
        champion=None if champion is None else _explained(champion),
        champion_problem=unscorable,
        baseline=record["baseline"],
        features=record["features"],
        split=datetime.fromisoformat(record["windows"]["split"]),
        as_of=trained.as_of,
        left_out=holdout.left_out,
        train_rows=record["rows"],
    )
    document["guards"] = [*record["guards"], *document["guards"]]
    document |= _provenance(declaration, trained, standing.version)
    document["page"] = write_report(declaration, trained.attempt, document)
    log_evaluation(record["mlflow_run_id"], declaration.reports / document["page"], figures(document))
    record_attempt(
        declaration.lake,
        trained.attempt,
        "evaluated",
        trained.as_of,
        {
            "verdict": document["verdict"],
            "champion": standing.version,
            "page": document["page"],
            "trial": record["trial"],
            "importances": {item["feature"]: item["candidate"] for item in document["importances"]},
            "comparison": document["comparisons"][0] if document["comparisons"] else None,
        },
    )
    return document


def _champion(declaration: Declaration, number: int | None) -> tuple[Any, str | None]:
    """The champion's model; or None and the sentence that says why it cannot be read."""
    if number is None:
        return None, None
    try:
        return load_version(declaration.name, number, declaration.trusted_modules()), None
    except ChampionError as error:
        return None, str(error)


def _champion_horizon(declaration: Declaration, number: int | None) -> tuple[datetime, datetime] | None:
    """First and last moment of the rows that the champion was trained on."""
    if number is None:
        return None
    trained = attempt_of_version(declaration.lake, declaration.ledger.entries(), number)
    if trained is None:
        return None
    first, last = (datetime.fromisoformat(trained.payload[name]) for name in ("first_row", "last_row"))
    return first, last


def _holdout(declaration: Declaration, trained: Attempt, seen: tuple[datetime, datetime] | None) -> _Holdout:
    bounds = trained.payload["windows"]
    windows = Windows(
        as_of=trained.as_of,
        split=datetime.fromisoformat(bounds["split"]),
        train_start=None,
        train_end=datetime.fromisoformat(bounds["train_end"]),
        holdout_end=datetime.fromisoformat(bounds["holdout_end"]),
    )
    columns = declaration.time_columns
    rows = holdout_rows(
        declaration.lake.scan("training_data", trained.payload["data"]["training_data"]), windows, columns
    ).collect()
    labels = target(rows, declaration.spec, trained.payload["task"])
    labelled = rows.filter(pl.Series(~np.isnan(labels)))
    unseen = labelled
    if seen is not None:
        unseen = labelled.filter(~pl.col(columns.timestamp).is_between(*seen))
    unseen = unseen.sort(columns.timestamp, "partition_key", "row_id")
    return _Holdout(
        unseen,
        target(unseen, declaration.spec, trained.payload["task"]),
        labelled.height - unseen.height,
    )


def _explained(model: Any) -> Model:
    """A model whose derived features can be permuted too."""
    return Model(model.predict_table, model.rows_.table)


def _provenance(declaration: Declaration, trained: Attempt, champion: int | None) -> dict[str, Any]:
    record: Mapping[str, Any] = trained.payload
    return {
        "pipeline": declaration.name,
        "description": declaration.spec.description,
        "timezone": declaration.spec.timezone,
        "attempt": trained.attempt,
        "created_at": datetime.now(UTC).isoformat(),
        "as_of": trained.as_of.isoformat(),
        "task": record["task"],
        "trial": record["trial"],
        "reasons": [
            {"code": code, "sentence": sentence}
            for code, sentence in zip(record["reasons"], record["why"], strict=True)
        ],
        "windows": dict(record["windows"])
        | {"train_start": record["windows"]["train_start"] or record["first_row"]},
        "versions": {
            "candidate": None,
            "champion": champion,
            "dagster_run_id": record["dagster_run_id"],
            "mlflow_run_id": record["mlflow_run_id"],
            "code_version": record["code_version"],
            "data": record["data"],
            "libraries": {name: version(name) for name in LIBRARIES},
        },
    }


def write_report(declaration: Declaration, attempt: str, document: Mapping[str, Any]) -> str:
    """Write the page and its JSON twin; returns the page's path under the pipeline's reports."""
    folder = declaration.reports / "evaluations" / attempt
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "evaluation.json").write_text(json.dumps(document, indent=1), encoding="utf-8")
    (folder / "index.html").write_text(evaluation_page(document), encoding="utf-8")
    return f"evaluations/{attempt}/index.html"


def figures(document: Mapping[str, Any]) -> dict[str, float]:
    """Each metric of candidate, champion and baseline, and the improvements with their intervals."""
    found: dict[str, float | None] = {}
    for comparison in document["comparisons"]:
        name = comparison["metric"]
        for model in ("candidate", "champion", "baseline"):
            found[f"{model}_{name}"] = comparison[model]
        gain = comparison["vs_champion"] or comparison["vs_baseline"] or {}
        found[f"improvement_{name}"] = gain.get("improvement")
        found[f"improvement_{name}_lower"] = gain.get("lower")
        found[f"improvement_{name}_upper"] = gain.get("upper")
    return {name: float(value) for name, value in found.items() if value is not None}
