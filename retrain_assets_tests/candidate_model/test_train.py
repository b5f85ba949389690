"""Training through the real retrain job: what is tracked in MLflow, what is recorded, what fails and how."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import mlflow
import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

from retrain_assets.attempts import attempts
from retrain_assets.champion.tracking import client
from retrain_assets.errors import ChampionError
from retrain_assets.predictions.scoring import score_partitions
from retrain_assets_tests.retraining_decision.past import take_in
from retrain_assets_tests.running import YOUNG, Running, declared_anew, loans, materialized, sentence, serving

pytestmark = YOUNG

HERE = "retrain_assets_tests.candidate_model.test_train"
# 25 days from 2026-01-05 on, a delay of one day, a holdout of seven and a window of fourteen.
AS_OF = datetime(2026, 1, 30, tzinfo=UTC)
SPLIT = "2026-01-22T00:00:00+00:00"
TRAIN_END = "2026-01-21T00:00:00+00:00"
TRAIN_START = "2026-01-07T00:00:00+00:00"


class Failing(LogisticRegression):
    """An estimator that breaks while it is fitted."""

    def fit(self, X, y):  # noqa: N803
        """Break as a library would."""
        raise RuntimeError(f"no {len(X)} rows today, and no {len(y)} labels")


class Unservable(LogisticRegression):
    """An estimator whose scores are drawn anew with every call, so that logging it fails."""

    def predict_proba(self, X):  # noqa: N803
        """Score otherwise each time."""
        return super().predict_proba(X) * np.random.default_rng().random()


def failing() -> Failing:
    """Make an estimator that cannot be fitted."""
    return Failing()


def unservable() -> Unservable:
    """Make an estimator that can be fitted and not be served."""
    return Unservable()


def runs_of(result) -> dict[str, mlflow.entities.Run]:
    """MLflow's runs of a Dagster run: dagster-mlflow's own, and the candidate's."""
    connected = client()
    found = connected.search_runs([connected.get_experiment_by_name("loans").experiment_id])
    parent = [run for run in found if run.data.tags.get("dagster_run_id") == result.run_id]
    own = [run for run in found if run.data.tags.get("retrain_assets/dagster_run_id") == result.run_id]
    assert len(parent) <= 1
    assert len(own) <= 1
    return {name: run[0] for name, run in (("parent", parent), ("candidate", own)) if run}


def statuses(result) -> dict[str, str]:
    """Status of MLflow's runs of a Dagster run."""
    return {name: run.info.status for name, run in runs_of(result).items()}


def nothing_registered(running: Running) -> bool:
    """Whether neither the registry nor the ledger knows a version."""
    return not client().search_registered_models() and running.declaration.ledger.entries() == []


def test_candidate_alone(tmp_path):
    """Materializing candidate_model alone trains and registers nothing."""
    running = loans(tmp_path)
    result = running.retrain("candidate_model")
    assert result.success
    assert nothing_registered(running)
    assert [(item.attempt, item.stage) for item in attempts(running.declaration.lake)] == [
        (result.run_id, "trained")
    ]


def test_what_is_tracked(tmp_path):
    """MLflow's run of the candidate is finished, lies under dagster-mlflow's run, and says what was trained on what."""
    running = loans(tmp_path)
    lake = running.declaration.lake
    versions = {table: lake.version(table) for table in ("training_data", "features")}
    result = running.retrain("candidate_model", tags={"retrain_assets/reason": "schedule"})
    assert statuses(result) == {"parent": "FINISHED", "candidate": "FINISHED"}
    runs = runs_of(result)
    own, parent = runs["candidate"], runs["parent"]
    assert own.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert own.data.tags["retrain_assets/as_of"] == AS_OF.isoformat()
    assert own.data.tags["retrain_assets/reason"] == "schedule"
    assert own.data.tags["retrain_assets/code_version"] == running.declaration.code_version()
    expected = {
        "train_start": TRAIN_START,
        "train_end": TRAIN_END,
        "split": SPLIT,
        "as_of": AS_OF.isoformat(),
        "rows": str(14 * 120),
        "param.max_iter": "20",
        "estimator": "sklearn.ensemble.HistGradientBoostingClassifier",
        **{f"delta.{table}": str(version) for table, version in versions.items()},
    }
    assert expected.items() <= own.data.params.items()
    profile = client().download_artifacts(own.info.run_id, "profile.json", str(tmp_path))
    record = attempts(lake, "trained")[0].payload
    assert json.loads(Path(profile).read_text(encoding="utf-8")) == record["profile"]
    assert record["windows"] == {
        "train_start": TRAIN_START,
        "train_end": TRAIN_END,
        "split": SPLIT,
        "holdout_end": "2026-01-29T00:00:00+00:00",
        "as_of": AS_OF.isoformat(),
        "delay": "1d",
        "holdout": "7d",
    }


def test_a_failed_fit(tmp_path):
    """When the fit fails, no MLflow run of the Dagster run looks finished, and no attempt is on record."""
    running = loans(tmp_path, training__model=f"{HERE}:failing", training__params={})
    result = running.retrain()
    assert not result.success
    assert sentence(result) == (
        "training: Failing cannot be fitted as declared (RuntimeError: no 1680 rows today, and no 1680 labels)."
    )
    assert statuses(result) == {"parent": "FAILED"}
    assert attempts(running.declaration.lake) == []
    assert nothing_registered(running)


def test_a_failed_logging(tmp_path):
    """When the model cannot be served, the candidate's run and dagster-mlflow's run are FAILED."""
    running = loans(tmp_path, training__model=f"{HERE}:unservable", training__params={})
    result = running.retrain()
    assert not result.success
    assert sentence(result) == (
        "training: Unservable scores otherwise once it has been written to a file, so it cannot be served. "
        "Choose another estimator."
    )
    assert statuses(result) == {"parent": "FAILED", "candidate": "FAILED"}
    assert attempts(running.declaration.lake) == []


def test_runs_in_one_process(tmp_path):
    """Retrains in one process have MLflow runs of their own, and one's failure leaves the others as they were."""
    running = loans(tmp_path)
    first = running.retrain()
    broken = declared_anew(running, training__model=f"{HERE}:unservable", training__params={}).retrain()
    third = running.retrain()
    finished = {"parent": "FINISHED", "candidate": "FINISHED"}
    assert [statuses(result) for result in (first, broken, third)] == [
        finished,
        {"parent": "FAILED", "candidate": "FAILED"},
        finished,
    ]
    found = [run.info.run_id for result in (first, broken, third) for run in runs_of(result).values()]
    assert len(set(found)) == 6
    assert mlflow.active_run() is None


def test_failure_of_a_later_node(tmp_path):
    """When a later node fails, dagster-mlflow's run is FAILED; the candidate itself was trained well."""
    running = loans(tmp_path)
    reports = running.declaration.reports
    reports.parent.mkdir()
    reports.write_text("a file in the place of the folder of reports")
    result = running.retrain()
    assert not result.success
    assert statuses(result) == {"parent": "FAILED", "candidate": "FINISHED"}
    assert nothing_registered(running)


def test_two_pipelines(tmp_path):
    """Two pipelines retrained in one process log to experiments of their own."""
    running = loans(tmp_path)
    other = declared_anew(running, name="credits")
    take_in(other.declaration, [f"2026-01-{day:02}" for day in range(5, 30)])
    first, second = running.retrain(), other.retrain()
    assert statuses(first) == {"parent": "FINISHED", "candidate": "FINISHED"}
    experiment = client().get_experiment_by_name("credits")
    found = client().search_runs([experiment.experiment_id])
    assert {run.info.status for run in found} == {"FINISHED"}
    assert {run.data.tags.get("dagster_run_id") for run in found} == {None, second.run_id}
    assert len(found) == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-29T00:00:00Z", "2026-01-29T00:00:00+00:00"),
        ("2026-01-29T02:00:00+02:00", "2026-01-29T00:00:00+00:00"),
        ("2026-01-28T19:00:00-05:00", "2026-01-29T00:00:00+00:00"),
    ],
)
@pytest.mark.parametrize("place", ["config", "tag"])
def test_as_of(tmp_path, text, expected, place):
    """The moment of knowledge is asked for with any offset, by configuration or tag, and kept in UTC."""
    running = loans(tmp_path)
    if place == "tag":
        result = running.retrain("candidate_model", tags={"retrain_assets/as_of": text})
    else:
        result = running.retrain("candidate_model", as_of=text)
    assert result.success, sentence(result)
    trained = attempts(running.declaration.lake, "trained")[0]
    assert trained.as_of == datetime.fromisoformat(expected)
    assert trained.payload["windows"]["as_of"] == expected
    assert trained.payload["windows"]["split"] == "2026-01-21T00:00:00+00:00"
    assert materialized(result)["candidate_model"]["as_of"] == expected


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("2026-01-29T00:00:00", "has no time zone"),
        ("2026-01-29", "has no time zone"),
        ("last Monday", "is no moment"),
    ],
)
def test_as_of_that_is_no_moment(tmp_path, text, wrong):
    """A moment without a time zone, or what is none at all, is refused with a sentence, and nothing is trained."""
    running = loans(tmp_path, days=1)
    result = running.retrain("candidate_model", as_of=text)
    assert not result.success
    assert sentence(result) == (
        f"as_of {text!r} {wrong}: write it in ISO 8601 with an offset, such as 2026-01-05T00:00:00Z."
    )
    assert attempts(running.declaration.lake) == []


def test_nothing_ingested(tmp_path):
    """Before any partition is in, the retrain job says what to run first."""
    running = loans(tmp_path, days=1)
    other = declared_anew(running, name="credits")
    result = other.retrain()
    assert sentence(result) == (
        "Pipeline 'credits' has no ingested partition yet. Run the job credits_ingest first, or start the "
        "daemon so that the source sensor does."
    )


def test_too_few_rows(tmp_path):
    """A window with too few rows trains nothing, and says how many there are."""
    running = loans(tmp_path, days=11)
    result = running.retrain()
    assert sentence(result) == (
        "The training window holds 240 usable rows, fewer than training.minimum_rows (300). Wait for more "
        "rows, widen training.window, or lower minimum_rows."
    )


def test_unknown_parameter(tmp_path):
    """A trial with a parameter that the estimator lacks is refused with the nearest right spelling."""
    running = loans(tmp_path)
    result = running.retrain(params={"max_itr": 3})
    assert sentence(result) == (
        "training.params: sklearn.ensemble.HistGradientBoostingClassifier has no parameter 'max_itr'. "
        "Did you mean 'max_iter'?"
    )


def test_mlflow_away(tmp_path, monkeypatch):
    """While MLflow's server is away the run fails with one sentence that names it, and nothing is recorded."""
    running = loans(tmp_path)
    before = running.declaration.lake.scan("training_data").select(pl.len()).collect().item()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    result = running.retrain()
    assert not result.success
    said = sentence(result)
    assert said.startswith("MLflow at http://127.0.0.1:9 did not do what it was asked (")
    assert said.endswith(
        "The champion is unchanged; see that the server runs and that MLFLOW_TRACKING_URI is right, "
        "and start the run again."
    )
    assert "\n" not in said
    assert attempts(running.declaration.lake) == []
    assert running.declaration.ledger.entries() == []
    assert running.declaration.lake.scan("training_data").select(pl.len()).collect().item() == before


REGRESSION = {"training__estimator": "sklearn.ensemble.HistGradientBoostingRegressor", "training__params": {}}


def test_a_model_of_another_task_is_another_pipeline(tmp_path):
    """Beside a champion that gives probabilities no model of numbers is trained, and the sentence says so."""
    running = serving(tmp_path)
    before = running.declaration.lake.version("attempts")
    result = declared_anew(running, **REGRESSION, evaluation__metrics=["mean_absolute_error"]).retrain()
    assert sentence(result) == (
        "Version 1 of loans was trained for classification, and training.estimator does regression. The scores in "
        "the lake are of the first kind: put the declaration back, or declare the other model under another name."
    )
    assert running.declaration.lake.version("attempts") == before


def test_metrics_of_another_task_stop_scoring(tmp_path):
    """Where the metrics do not measure what the champion does, an ingest run says so before it scores."""
    running = serving(tmp_path, days=1)
    changed = declared_anew(running, **REGRESSION, evaluation__metrics=["mean_absolute_error"])
    with pytest.raises(ChampionError) as caught:
        score_partitions(changed.declaration, [str(changed.declaration.newest_partition())])
    assert str(caught.value) == (
        "Version 1 of loans was trained for classification, and evaluation.metrics does not measure that. The scores "
        "in the lake are of the first kind: put the declaration back, or declare the other model under another name."
    )


def test_another_positive_class_is_another_pipeline(tmp_path):
    """Beside a champion that gives the probability of one class none is trained for the other, nor are rows scored."""
    running = serving(tmp_path, days=1)
    changed = declared_anew(running, label__positive=0)
    said = (
        "label.positive: version 1 of loans was trained to give the probability of 1, and the declaration says 0. The "
        "scores in the lake are those of the first: put it back, or declare the other class under another name."
    )
    assert sentence(changed.retrain()) == said
    with pytest.raises(ChampionError) as caught:
        score_partitions(changed.declaration, [str(changed.declaration.newest_partition())])
    assert str(caught.value) == said
    same = declared_anew(running, label__positive=True)
    assert score_partitions(same.declaration, [str(same.declaration.newest_partition())])[0].rows == 120
