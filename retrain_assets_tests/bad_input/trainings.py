"""Rows, models and servers that a retrain run cannot use, each met by a real run."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import polars as pl
import pytest

from retrain_assets.champion import loading
from retrain_assets_tests.bad_input.case import (
    FAILURE,
    Case,
    all_but_the_new_day,
    all_but_what_was_tried,
    failure,
)
from retrain_assets_tests.bad_input.history import DAYS, FIRST_DAY, NEXT, History, Outcome, good_rows

MODEL = "{folder}/home/mlartifacts/loans/models/MODEL/artifacts/model.skops"
SCORED = "120 rows were scored by version 1; 120 have a score in all."
WAY_OUT = (
    "The way out is another champion: loans_promote makes one of the other versions champion, loans_rollback the "
    "previous one."
)


def _every_day(change: pl.Expr, history: History) -> None:
    """Deliver every day of the training window again with a column changed."""
    days = [FIRST_DAY + timedelta(days=number) for number in range(DAYS - 7)]
    for day in days:
        history.deliver(day, good_rows(day).with_columns(change))
    assert history.ingest(days[0], days[-1]).success


def _fails(history: History, request: pytest.FixtureRequest, **declared: Any) -> list[str]:
    del request
    return failure(history.retrain(history.declare(**declared)))


def _as_of(text: str, history: History, request: pytest.FixtureRequest) -> list[str]:
    del request
    return failure(history.retrain(as_of=text))


def _all_null_column(history: History, request: pytest.FixtureRequest) -> list[str]:
    """An empty feature is left out, and a check tells; the candidate is fitted on the others."""
    del request
    outcome = history.retrain(None, "candidate_model")
    assert outcome.success
    passed, metadata = outcome.checks["training_window_is_sound"]
    assert not passed
    return [metadata["findings"]]


def _server_away(history: History, request: pytest.FixtureRequest) -> list[str]:
    """A retrain fails closed while MLflow is away, and its address is told without its password."""
    del request
    return _without_server(history.retrain)


def _server_away_from_scoring(history: History, request: pytest.FixtureRequest) -> list[str]:
    """A day is taken in while MLflow is away: it is scored once the server is back, by the tick's next run."""
    del request
    history.deliver(NEXT)
    with pytest.MonkeyPatch.context() as patch:
        # Where a server keeps the models, their files are fetched from it.
        patch.setattr(loading, "stored_path", lambda _: "mlflow-artifacts:/loans/models/1/artifacts")
        told = _without_server(lambda: history.ingest(NEXT))
    return [*told, *_made_up_for(history)]


def _made_up_for(history: History) -> list[str]:
    """The next tick asks for the day again, and the run after it leaves nothing undone."""
    lake = history.declare().lake
    assert history.asked_for() == [NEXT.isoformat()]
    assert lake.rows("predictions", [NEXT.isoformat()]).collect().is_empty()
    outcome = history.ingest(NEXT)
    assert outcome.success, outcome.sentence
    assert history.asked_for() == []
    return [outcome.metadata["predictions"]["said"]]


def _without_server(run: Callable[[], Outcome]) -> list[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"http://ada:lovelace@127.0.0.1:{port}")
        outcome = run()
    assert not outcome.success
    assert "lovelace" not in outcome.said
    [first, *reason] = str(outcome.sentence).replace(str(port), "PORT").split(" (API request", 1)
    return [first, reason[0].partition("). ")[2]]


def _model_files(history: History) -> list[Any]:
    return list((history.home / "mlartifacts").rglob("model.skops"))


def _cut(history: History) -> None:
    [file] = _model_files(history)
    kept = file.rename(file.with_name("model.kept"))
    file.write_bytes(kept.read_bytes()[:500])


def _remove(history: History) -> None:
    [file] = _model_files(history)
    file.rename(file.with_name("model.kept"))


def _nameless(history: History, sentences: list[str]) -> list[str]:
    """Sentences without the id that MLflow gave the model."""
    [folder] = (history.home / "mlartifacts" / "loans" / "models").iterdir()
    return [sentence.replace(folder.name, "MODEL") for sentence in sentences]


def _cannot_score(history: History, request: pytest.FixtureRequest) -> list[str]:
    """A day is taken in and stays without predictions while the champion cannot be read, and no longer."""
    del request
    history.deliver(NEXT)
    outcome = history.ingest(NEXT)
    assert outcome.materialized == ("training_data", "features")
    told = _nameless(history, failure(outcome))
    [kept] = history.home.rglob("model.kept")
    kept.rename(kept.with_name("model.skops"))
    return [*told, *_made_up_for(history)]


def _cannot_compare(history: History, request: pytest.FixtureRequest) -> list[str]:
    """A champion that cannot be read stays: the verdict is inconclusive, and an ERROR check says why."""
    del request
    [place] = (history.home / "mlartifacts" / "loans" / "models").iterdir()
    outcome = history.retrain()
    assert outcome.success
    assert outcome.materialized == ("candidate_model", "evaluation_report")
    passed, metadata = outcome.checks["champion_can_be_scored"]
    assert not passed
    return [metadata["sentence"].replace(place.name, "MODEL")]


TRAININGS = [
    Case(
        "one class in the window",
        _fails,
        [
            "All 1,680 rows of the training window are of one class: every label equals label.positive (1). The column "
            "'repaid' holds 1. Mend label.positive, or widen training.window."
        ],
        prepare=partial(_every_day, pl.lit(1).alias("repaid")),
    ),
    Case(
        "a positive label that never occurs",
        partial(_fails, label__positive="yes"),
        [
            "All 1,680 rows of the training window are of one class: no label equals label.positive ('yes'). The "
            "column 'repaid' holds 0, 1. Mend label.positive, or widen training.window."
        ],
    ),
    Case(
        "labels all missing",
        _fails,
        [
            "label.column: all 1,680 labels in the training window are missing from 'repaid'. Look at the source, and "
            "at label.delay."
        ],
        prepare=partial(_every_day, pl.lit(None, pl.Int64).alias("repaid")),
    ),
    Case(
        "an all-null column in the window",
        _all_null_column,
        ["The feature 'age' has no value in the training window and was left out."],
        all_but_what_was_tried,
        prepare=partial(_every_day, pl.lit(None, pl.Int64).alias("age")),
    ),
    Case(
        "no feature at all",
        partial(_fails, features={"numeric": [], "categorical": []}),
        [
            "features: no column is a feature, so there is nothing to learn from. List some under numeric or "
            "categorical, or exclude fewer."
        ],
    ),
    Case(
        "a parameter that the estimator lacks",
        partial(_fails, training__params={"learning_rat": 0.1}),
        [
            "training.params: sklearn.ensemble.HistGradientBoostingClassifier has no parameter 'learning_rat'. Did you "
            "mean 'learning_rate'?"
        ],
    ),
    Case(
        "too few rows",
        partial(_as_of, "2026-01-07T00:00:00Z"),
        [
            "The training window holds 0 usable rows, fewer than training.minimum_rows (300). Wait for more rows, "
            "widen training.window, or lower minimum_rows."
        ],
    ),
    Case(
        "an as_of that is no moment",
        partial(_as_of, "yesterday"),
        [
            "as_of 'yesterday' is no moment: write it in ISO 8601 with an offset, such as 2026-01-05T00:00:00Z."
        ],
    ),
    Case(
        "an as_of without a time zone",
        partial(_as_of, "2026-01-28T00:00:00"),
        [
            "as_of '2026-01-28T00:00:00' has no time zone: write it in ISO 8601 with an offset, such as "
            "2026-01-05T00:00:00Z."
        ],
    ),
    Case(
        "an as_of after the data",
        partial(_as_of, "2062-01-30T00:00:00Z"),
        [
            "as_of 2062-01-30T00:00:00+00:00 lies after the data, which end at 2026-01-30T00:00:00+00:00. Give "
            "that moment or an earlier one."
        ],
    ),
    Case(
        "an MLflow server that is away",
        _server_away,
        [
            "retrain_assets.errors.ChampionError: MLflow at http://ada:***@127.0.0.1:PORT did not do what it was asked",
            "The champion is unchanged; see that the server runs and that MLFLOW_TRACKING_URI is right, and start the "
            "run again.",
        ],
    ),
    Case(
        "an MLflow server that is away, to score with",
        _server_away_from_scoring,
        [
            f"{FAILURE}Version 1 of loans cannot be loaded. MLflow at http://ada:***@127.0.0.1:PORT did not do what it "
            "was asked",
            "The champion is unchanged; see that the server runs and that MLFLOW_TRACKING_URI is right, and start the "
            f"run again. {WAY_OUT}",
            SCORED,
        ],
        all_but_the_new_day,
    ),
    Case(
        "a champion without its file, to score with",
        _cannot_score,
        [f"Version 1 of loans cannot be loaded. The model file {MODEL} is missing. {WAY_OUT}", SCORED],
        all_but_the_new_day,
        prepare=_remove,
    ),
    Case(
        "a champion that is cut off, to score with",
        _cannot_score,
        [
            f"Version 1 of loans cannot be loaded. The model file {MODEL} cannot be read (BadZipFile: File is not a "
            f"zip file). {WAY_OUT}",
            SCORED,
        ],
        all_but_the_new_day,
        prepare=_cut,
    ),
    Case(
        "a champion that is unreadable, to compare with",
        _cannot_compare,
        [
            "The champion could not be scored, so it stays: Version 1 of loans cannot be loaded. The model file "
            f"{MODEL} cannot be read (BadZipFile: File is not a zip file). {WAY_OUT}"
        ],
        all_but_what_was_tried,
        prepare=_cut,
    ),
]
