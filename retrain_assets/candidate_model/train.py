"""Training a candidate with what was known at a moment, and recording the attempt."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from retrain_assets.attempts import attempt_of_version, record_attempt
from retrain_assets.candidate_model.fit import fit_candidate
from retrain_assets.candidate_model.profile import build_profile
from retrain_assets.candidate_model.reference_rows import keep_reference_rows
from retrain_assets.candidate_model.track import log_candidate
from retrain_assets.champion.classes import check_same_classes, check_same_task
from retrain_assets.champion.standing import standing_of
from retrain_assets.champion.tracking import client, ensure_experiment
from retrain_assets.declaration import Declaration
from retrain_assets.errors import TrainingError
from retrain_assets.features.function import function_record
from retrain_assets.features.refresh import refresh_features
from retrain_assets.labelled_rows import LABELS, labelled_rows
from retrain_assets.spec import PipelineSpec, format_duration
from retrain_assets.windows import Windows, resolve_windows, training_rows

PROFILE_ROWS = 50_000
"""Training rows that the reference profile is taken from, at most; a PSI against so many is right to 0.002."""


@dataclass(frozen=True)
class Request:
    """What a retrain run was asked for.

    Parameters
    ----------
    attempt
        Id of the run.
    as_of
        The moment of knowledge; None means the end of the newest ingested partition. Before that of the champion's
        training the attempt is a trial, too.
    params
        Parameters of the estimator for a trial, which is evaluated and not promoted by itself; a person can promote it.
    reasons
        Codes of the reasons why it was launched.
    why
        The same as sentences, one a code.
    evidence
        Identities of the evidence that the attempt consumes.
    parent_run_id
        MLflow run of the Dagster run.
    """

    attempt: str
    as_of: datetime | None
    params: Mapping[str, Any]
    reasons: tuple[str, ...]
    why: tuple[str, ...]
    evidence: Mapping[str, str]
    parent_run_id: str | None = None


def train_candidate(declaration: Declaration, request: Request) -> dict[str, Any]:
    """Fit a candidate, log it to MLflow, and record the attempt.

    Parameters
    ----------
    declaration
        The pipeline.
    request
        What the run was asked for.

    Returns
    -------
    dict
        The record of the attempt's stage ``trained``, JSON-able, with ``as_of`` and ``said``: a sentence where
        the table of features was made anew first.

    Raises
    ------
    TrainingError
        When ``as_of`` lies after the data, or the window's rows cannot train a model; the sentence says why.
    ChampionError
        When the champion was trained on other classes, or for another task, than is declared.
    """
    begin = time.monotonic()
    spec = _with_params(declaration.spec, request.params)
    lake = declaration.lake
    champion = declaration.ledger.standing().version
    check_same_classes(declaration, champion)
    as_of = _moment_of_knowledge(declaration, request.as_of)
    windows = resolve_windows(as_of, spec.label.maturity, spec.evaluation.holdout, spec.training.window)
    made = refresh_features(declaration)
    columns = made.columns
    versions = {"training_data": lake.version("training_data"), "features": made.version}
    if spec.label.source is not None:
        versions[LABELS] = lake.version(LABELS)
    rows = (
        training_rows(labelled_rows(declaration, "features", versions), windows, declaration.time_columns)
        # Files of a table come in no certain order, and an estimator that draws rows would draw others.
        .sort("partition_key", "row_id")
        .collect()
    )
    fitted = fit_candidate(spec, rows, columns)
    check_same_task(declaration, champion, fitted.task)

    span = rows.select(
        pl.col(spec.source.timestamp).min().alias("first"), pl.col(spec.source.timestamp).max().alias("last")
    ).row(0)
    raw = lake.rows("training_data", rows["partition_key"].tail(1).to_list(), versions["training_data"]).head(
        1000
    )
    profile_rows = rows.sample(min(rows.height, PROFILE_ROWS), seed=spec.training.random_state)
    profile = build_profile(
        profile_rows, columns.numeric, columns.categorical, fitted.predict_features(profile_rows)
    )
    keep_reference_rows(lake, request.attempt, profile, profile_rows)
    record: dict[str, Any] = {
        "trial": bool(request.params) or _is_of_the_past(declaration, as_of),
        "params": dict(spec.training.params),
        "reasons": list(request.reasons),
        "why": list(request.why),
        "evidence": dict(request.evidence),
        "windows": windows_record(windows, spec),
        "first_row": span[0].isoformat(),
        "last_row": span[1].isoformat(),
        "rows": fitted.rows,
        "baseline": fitted.baseline,
        "task": fitted.task,
        "classes": spec.label.class_names,
        "label": spec.label.column,
        "positive": spec.label.positive,
        "guards": list(fitted.guards),
        "features": [*columns.numeric, *columns.categorical],
        "modules": list(declaration.trusted_modules()),
        "function": function_record(spec.features.derive),
        "data": versions,
        "code_version": declaration.code_version(),
        "dagster_run_id": request.attempt,
        "profile": profile,
    }
    logged = log_candidate(
        spec,
        fitted,
        raw.collect(),
        client=client(),
        experiment_id=ensure_experiment(declaration.name),
        parent_run_id=request.parent_run_id,
        tags={
            "retrain_assets/pipeline": declaration.name,
            "retrain_assets/as_of": as_of.isoformat(),
            "retrain_assets/reason": ",".join(request.reasons),
            "retrain_assets/dagster_run_id": request.attempt,
            "retrain_assets/code_version": record["code_version"],
        },
        params=_logged_params(spec, record),
        metrics={"training_rows": float(fitted.rows)},
        profile=profile,
    )
    record |= {
        "mlflow_run_id": logged.run_id,
        "model_uri": logged.model_uri,
        "model_path": logged.model_path,
        "seconds": time.monotonic() - begin,
    }
    record_attempt(lake, request.attempt, "trained", as_of, record)
    return record | {"as_of": as_of.isoformat(), "said": made.said}


def _is_of_the_past(declaration: Declaration, as_of: datetime) -> bool:
    """Whether a candidate knows less than the champion did: what it is better at may be over."""
    entries = declaration.ledger.entries()
    champion = standing_of(entries).version
    trained = None if champion is None else attempt_of_version(declaration.lake, entries, champion)
    return trained is not None and as_of < trained.as_of


def _moment_of_knowledge(declaration: Declaration, asked: datetime | None) -> datetime:
    """What lies ahead of the data would hold all retrains until then, and promote a model that does not serve."""
    clock = declaration.data_clock()
    if asked is not None and asked > clock:
        raise TrainingError(
            f"as_of {asked.isoformat()} lies after the data, which end at {clock.isoformat()}. "
            "Give that moment or an earlier one."
        )
    return asked or clock


def windows_record(windows: Windows, spec: PipelineSpec) -> dict[str, str | None]:
    """The bounds as text, for records and pages."""
    return {
        "train_start": windows.train_start.isoformat() if windows.train_start else None,
        "train_end": windows.train_end.isoformat(),
        "split": windows.split.isoformat(),
        "holdout_end": windows.holdout_end.isoformat(),
        "as_of": windows.as_of.isoformat(),
        "delay": format_duration(spec.label.maturity),
        "holdout": format_duration(spec.evaluation.holdout),
    }


def _with_params(spec: PipelineSpec, params: Mapping[str, Any]) -> PipelineSpec:
    if not params:
        return spec
    training = spec.training.model_copy(update={"params": spec.training.params | dict(params)})
    return spec.model_copy(update={"training": training})


def _logged_params(spec: PipelineSpec, record: Mapping[str, Any]) -> dict[str, str]:
    windows = record["windows"]
    return {
        "estimator": spec.training.model or spec.training.estimator,
        **{f"param.{name}": str(value) for name, value in spec.training.params.items()},
        "train_start": str(windows["train_start"] or record["first_row"]),
        "train_end": windows["train_end"],
        "split": windows["split"],
        "as_of": windows["as_of"],
        "rows": str(record["rows"]),
        **{f"delta.{table}": str(version) for table, version in record["data"].items()},
    }
