"""Where an evaluation comes from: who was judged, why, when, and the versions of data, code and libraries."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from retrain_assets.declaration import Declaration
from retrain_assets.evaluation_report.question import Question
from retrain_assets.spec.base import format_duration

LIBRARIES = ("scikit-learn", "polars", "deltalake", "mlflow", "dagster", "great-expectations", "skops")


def provenance(declaration: Declaration, question: Question, champion: int | None) -> dict[str, Any]:
    """Tell of an evaluation what its page tells besides the figures.

    Parameters
    ----------
    declaration
        The pipeline.
    question
        What was asked.
    champion
        Version that the candidate was compared with; None without one.
    """
    trained, windows = question.trained, question.windows
    record: Mapping[str, Any] = trained.payload
    return {
        "pipeline": declaration.name,
        "description": declaration.spec.description,
        "timezone": declaration.spec.timezone,
        "attempt": trained.attempt,
        "created_at": datetime.now(UTC).isoformat(),
        "as_of": question.as_of.isoformat(),
        "task": record["task"],
        "trial": record["trial"],
        "reasons": [
            {"code": code, "sentence": sentence}
            for code, sentence in zip(record["reasons"], record["why"], strict=True)
        ],
        "windows": dict(record["windows"])
        | {
            "train_start": record["windows"]["train_start"] or record["first_row"],
            "holdout_end": windows.holdout_end.isoformat(),
            "as_of": windows.as_of.isoformat(),
            "holdout": format_duration(windows.holdout_end - windows.split),
        },
        "versions": {
            "candidate": None,
            "champion": champion,
            "dagster_run_id": record["dagster_run_id"],
            "mlflow_run_id": record["mlflow_run_id"],
            "code_version": record["code_version"],
            "data": question.data,
            "libraries": {name: version(name) for name in LIBRARIES},
        },
    }
