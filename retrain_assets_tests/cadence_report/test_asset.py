"""The asset: runs of its job, and what they tell."""

from __future__ import annotations

import json
from dataclasses import replace

import dagster as dg
import pytest

from retrain_assets.cadence_report import standing
from retrain_assets.cadence_report.contest import KINDS
from retrain_assets.cadence_report.storage import last_record, record_report
from retrain_assets.pipeline import build_definitions
from retrain_assets_tests.cadence_report.pasts import computed, taken_in
from retrain_assets_tests.pipelines import declare
from retrain_assets_tests.running import YOUNG, Running, materialized, sentence

pytestmark = YOUNG

OP = "loans__cadence_report"
OTHER = "{training: {window: {type: expanding}}, retrain_when: {max_age: 1d}}"


WANTED = {"blocks": 8, "windows": ["14d", "expanding"], "policies": list(KINDS), "minutes": None}


def run(running: Running, **config):
    """Run the job with a configuration, in this process."""
    return running.run("cadence", config={"ops": {OP: {"config": {"processes": 1} | config}}})


def test_the_job_replays_history_and_tells_figures(tmp_path):
    """A run of the job alone makes the report, its figures can be plotted, and the next run computes nothing."""
    running = Running(taken_in(tmp_path))
    first = run(running, blocks=8, windows=["14d", "expanding"])
    assert first.success, sentence(first)
    told = materialized(first)["cadence_report"]
    assert (told["blocks"], told["windows"], told["cells"]) == (8, 2, 16)
    assert 0 < told["computed_cells"] <= 16
    assert told["rows"] == 39 * 120
    again = run(running, blocks=8, windows=["14d", "expanding"])
    assert materialized(again)["cadence_report"]["computed_cells"] == 0


def test_the_report_is_written_and_a_changed_recommendation_is_told(tmp_path):
    """A run writes the page and its JSON; the check warns where the report before recommended something else."""
    declaration, _ = computed(tmp_path)
    running = Running(declaration)
    first = run(running, blocks=8, windows=["14d", "expanding"])
    document = json.loads((declaration.reports / "cadence.json").read_text())
    title = document["recommendation"]["title"]
    assert materialized(first)["cadence_report"]["recommendation"] == title
    assert title in (declaration.reports / "cadence.html").read_text()
    record = last_record(declaration.lake, WANTED)
    assert record.recommendation == document["recommendation"]["block"]
    record_report(declaration.lake, replace(record, recommendation=OTHER))
    second = run(running, blocks=8, windows=["14d", "expanding"])
    checks = [result.get_asset_check_evaluations()[0] for result in (first, second)]
    assert [check.passed for check in checks] == [True, False]
    assert checks[0].metadata["is_declared"].value == document["recommendation"]["is_declared"]
    assert not document["recommendation"]["is_declared"]
    assert checks[0].description == "Today's declaration says something else than what is recommended."


def test_a_trial_with_other_windows_is_none_to_compare_with(tmp_path):
    """A report is held against the last one of the same configuration, whatever was tried in between."""
    running = Running(computed(tmp_path)[0])
    lake = running.declaration.lake
    assert run(running, blocks=8, windows=["14d", "expanding"]).success
    record = last_record(lake, WANTED)
    trials = [
        WANTED | other
        for other in ({"blocks": 9}, {"windows": []}, {"policies": ["drift"]}, {"minutes": 5.0})
    ]
    for trial in (*trials, None):
        record_report(lake, replace(record, recommendation=OTHER, wanted=trial))
    (check,) = run(running, blocks=8, windows=["14d", "expanding"]).get_asset_check_evaluations()
    assert check.passed
    assert check.metadata["before"].value == record.recommendation
    assert [last_record(lake, trial).recommendation for trial in trials] == [OTHER] * len(trials)
    assert last_record(lake, WANTED | {"windows": ["14d"]}) is None


def test_a_warning_that_was_not_given_is_left_to_the_next_run(tmp_path, monkeypatch):
    """A run that dies in its check records no report, so that the next one still warns of the change."""
    running = Running(computed(tmp_path)[0])
    assert run(running, blocks=8, windows=["14d", "expanding"]).success
    lake = running.declaration.lake
    record_report(lake, replace(last_record(lake, WANTED), recommendation=OTHER))
    with monkeypatch.context() as broken:
        broken.setattr(standing, "says_the_same", lambda *_: 1 / 0)
        assert not run(running, blocks=8, windows=["14d", "expanding"]).success
    checks = []
    for _ in range(2):
        checks += run(running, blocks=8, windows=["14d", "expanding"]).get_asset_check_evaluations()
    assert [check.passed for check in checks] == [False, True]
    assert checks[0].metadata["before"].value == OTHER


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"blocks": 3}, "blocks: 3 blocks tell nothing; ask for 4 or more."),
        ({"policies": ["drifts"]}, "policies: 'drifts' is not known. Did you mean 'drift'?"),
        ({"minutes": 0}, "minutes: 0 is no time to compute in; give a number above 0, or none."),
        ({"processes": 0}, "processes: 0 compute nothing; give 1 or more, or none for one a core."),
        ({"backend": "daks"}, "backend: 'daks' is not known. Did you mean 'dask'?"),
        (
            {"windows": ["two weeks"]},
            "windows: 'two weeks' is no window. Write one such as 28d (the last 28 days), 50000 rows, expanding, "
            "or half-life 28d.",
        ),
        (
            {"backend": "dask"},
            "scheduler: backend dask needs the address of a scheduler, such as tcp://10.0.0.5:8786.",
        ),
    ],
)
def test_a_configuration_that_cannot_be_meant_is_refused_in_a_sentence(tmp_path, config, said):
    """A wrong value fails the run with one sentence that names it."""
    result = run(Running(taken_in(tmp_path, 12, training__minimum_rows=50)), **config)
    assert not result.success
    assert sentence(result) == said


def test_before_any_rows_the_run_says_what_to_do(tmp_path):
    """Without rows the run fails with a sentence that names the job to run first."""
    assert "Run the job loans_ingest first" in sentence(run(Running(declare(tmp_path))))


def test_with_too_little_history_the_run_says_so(tmp_path):
    """One partition with mature labels is no history."""
    result = run(Running(taken_in(tmp_path, 2)))
    assert sentence(result) == (
        "The history of 'loans' has fewer than two partitions with mature labels: one to train on, and one to judge "
        "on. Take more partitions in first."
    )


def test_a_declared_schedule_runs_the_job(tmp_path):
    """cadence.schedule gives a schedule of the report's job alone, in the pipeline's time zone, that runs."""
    declaration = declare(tmp_path, timezone="Europe/Berlin", cadence={"schedule": "0 3 1 * *"})
    schedule = build_definitions(declaration).get_repository_def().get_schedule_def("loans_cadence_schedule")
    assert schedule.cron_schedule == "0 3 1 * *"
    assert schedule.execution_timezone == "Europe/Berlin"
    assert schedule.job_name == "loans_cadence"
    assert schedule.job.tags["retrain_assets/cadence"] == "loans"
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    assert (
        not build_definitions(declare(tmp_path))
        .get_repository_def()
        .has_schedule_def("loans_cadence_schedule")
    )
