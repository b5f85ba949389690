"""The component: declarations of the design load as they stand, and pipelines do not touch each other."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from retrain_assets.champion.tracking import client
from retrain_assets.declaration import Declaration
from retrain_assets.errors import SpecError
from retrain_assets.home import home
from retrain_assets.pipeline import RetrainingPipeline, build_definitions
from retrain_assets_tests.pipelines import declare, write_days
from retrain_assets_tests.projects import PACKAGE, write_project
from retrain_assets_tests.running import QUIET, YOUNG, Running, sentence

pytestmark = YOUNG

LEAST = """
type: retrain_assets.RetrainingPipeline
attributes:
  name: churn
  source: {path: customers.csv, timestamp: month_end}
  label: {column: churned, delay: 30d}
  features: {exclude: [customer_id, churn_reason]}
  retrain_when: {schedule: "0 2 * * 1"}
"""

EVERYTHING = """
type: retrain_assets.RetrainingPipeline
attributes:
  name: ad_clicks
  description: Will a shown ad be clicked?
  owners: [team:ads]
  timezone: UTC
  source:
    path: "{{ env.AD_CLICKS }}/{partition:%Y-%m-%d}.parquet"
    timestamp: shown_at
    key: impression_id
    start: 2026-01-05
    partition: daily
    complete_after: 0h
    expected_every: 2d
    late_rows: own_partition
    read: {}
    known_at: null
  label:
    column: clicked
    delay: 1d
    known_at: null
    positive: 1
  weight: null
  expectations:
    - {type: expect_column_values_to_not_be_null, column: shown_at}
    - {type: expect_column_values_to_be_between, column: bid, min_value: 0, max_value: 50, mostly: 0.99}
    - {type: expect_table_row_count_to_be_between, min_value: 100, severity: warning}
  features:
    numeric: [bid, hour]
    categorical: [device, site]
    derive: {hour: "EXTRACT(hour FROM shown_at)"}
  training:
    estimator: sklearn.ensemble.HistGradientBoostingClassifier
    params: {learning_rate: 0.1}
    window: {type: rolling, length: 28d}
    minimum_rows: 2000
    random_state: 7
  evaluation:
    holdout: 7d
    block: 1d
    metrics: [neg_log_loss, roc_auc, neg_brier_score]
    slices: [device]
  promotion:
    rule: superiority
    alpha: 0.05
    min_gain: 10%
    approval: automatic
  retrain_when:
    schedule: "0 2 * * 1"
    new_rows: 50000
    performance: {metric: roc_auc, drop: 0.02, at_least: 0.65, over: 7d}
    business: [{name: click_through_rate, sql: "AVG(clicked)", below: 0.0191, over: 7d}]
    drift: {psi: 0.2, importance: 0.3}
    max_age: 21d
    code_changes: true
  limits: {cooldown: 12h, runs: 6, per: 30d}
"""


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Load a project with one declaration, given as text."""

    def loaded(text: str, files: dict[str, pl.DataFrame]) -> dg.Definitions:
        place = write_project(tmp_path) / "pipeline"
        place.mkdir()
        (place / "defs.yaml").write_text(text)
        for name, frame in files.items():
            file = place / name
            file.parent.mkdir(exist_ok=True)
            frame.write_csv(file) if file.suffix == ".csv" else frame.write_parquet(file)
        monkeypatch.setenv("AD_CLICKS", str(place / "days"))
        monkeypatch.syspath_prepend(tmp_path)
        return dg.load_from_defs_folder(path_within_project=tmp_path / PACKAGE)

    yield loaded
    for name in [name for name in sys.modules if name.split(".")[0] == PACKAGE]:
        del sys.modules[name]


def nodes(definitions: dg.Definitions) -> set[str]:
    """Names of all assets."""
    graph = definitions.get_repository_def().asset_graph
    return {key.path[-1] for key in graph.get_all_asset_keys()}


def test_the_least_declaration_loads(load):
    """Name, source and label are enough for a pipeline with its whole graph."""
    rows = pl.DataFrame(
        {
            "customer_id": [1, 2],
            "month_end": [date(2026, 1, 31), date(2026, 2, 28)],
            "churned": [0, 1],
            "churn_reason": [None, "price"],
            "calls": [3, 4],
        }
    )
    assert {"source", "training_data", "registered_model"} <= nodes(load(LEAST, {"customers.csv": rows}))


def test_the_full_declaration_loads(load):
    """Every field of the design is accepted as it is written there."""
    day = pl.DataFrame(
        {
            "impression_id": [1],
            "shown_at": [date(2026, 1, 5)],
            "bid": [0.5],
            "device": ["tv"],
            "site": ["a"],
            "clicked": [0],
        }
    ).with_columns(pl.col("shown_at").cast(pl.Datetime("us", "UTC")))
    definitions = load(EVERYTHING, {"days/2026-01-05.parquet": day})
    assert {"candidate_model", "evaluation_report"} <= nodes(definitions)
    assert {sensor.name for sensor in definitions.get_repository_def().sensor_defs} == {
        "ad_clicks_source_sensor",
        "ad_clicks_retraining_sensor",
    }


def test_a_missing_environment_variable_is_named(load):
    """A template whose variable is not set is an error that names file, field and variable."""
    text = EVERYTHING.replace("env.AD_CLICKS", "env.AD_CLICKS_FOLDER")
    with pytest.raises(Exception, match="Error while loading") as caught:
        nodes(load(text, {}))
    cause = caught.value.__cause__
    assert isinstance(cause, SpecError)
    assert "defs.yaml: source.path: the environment variable AD_CLICKS_FOLDER is not set." in str(cause)


def test_an_empty_environment_variable_is_named(load, monkeypatch):
    """A field that would come out empty names the variable that is."""
    monkeypatch.setenv("CUSTOMERS", "")
    told = refused(load, LEAST.replace("customers.csv", '"{{ env.CUSTOMERS }}"'))
    assert told.endswith("defs.yaml: source.path: the environment variable CUSTOMERS is empty. Set it.")


def declaration_of(definitions: dg.Definitions) -> Declaration:
    """The declaration of the only pipeline."""
    assert definitions.component_tree is not None
    return definitions.component_tree.get_all_components(of_type=RetrainingPipeline)[0].declaration


def test_a_quoted_text_stays_a_text(load):
    """A text that looks like a number, a list or nothing is what stands in the file, and no template's value."""
    written = LEAST.replace("month_end}", 'month_end, read: {null_values: ["-999", "None", "1"]}}').replace(
        "[customer_id, churn_reason]", '["2020", churn_reason]'
    )
    spec = declaration_of(load(f'{written}  description: "[1]"\n', {})).spec
    assert spec.source.read.null_values == ["-999", "None", "1"]
    assert spec.features.exclude == ["2020", "churn_reason"]
    assert spec.description == "[1]"


def refused(load: Callable[..., dg.Definitions], text: str) -> str:
    """The sentences by which a project with one file is refused."""
    with pytest.raises(Exception, match="Error while") as caught:
        nodes(load(text, {}))
    assert isinstance(caught.value.__cause__, SpecError)
    return str(caught.value.__cause__)


def test_two_pipelines_of_one_name_are_refused(load):
    """A second pipeline of a name is told with the file of the first, and without what else is declared."""
    told = refused(load, f"{LEAST}---{LEAST}")
    assert told.endswith("defs.yaml: name: a pipeline in this file is called 'churn' too; rename one.")
    assert "\n" not in told


def test_a_block_that_is_declared_twice_is_refused(load):
    """YAML would take the last of two fields of one name; what the first says is not dropped without a word."""
    told = refused(load, f"{LEAST}  retrain_when: {{new_rows: 500}}\n")
    assert told.endswith(
        "defs.yaml: retrain_when: it stands in line 8 and again in line 9, and only the last would hold. Remove one, "
        "or make them one."
    )


def digests(*folders: Path) -> dict[str, str]:
    """Digest of every file below some folders."""
    return {
        os.path.relpath(file, home()): hashlib.sha256(file.read_bytes()).hexdigest()
        for folder in folders
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def registered(name: str) -> list[tuple[list[int], dict[str, int]]]:
    """Versions and aliases of a pipeline's registered model; nothing where there is none."""
    versions = client().search_model_versions(f"name = '{name}'")
    models = client().search_registered_models(f"name = '{name}'")
    return [
        (sorted(int(version.version) for version in versions), {k: int(v) for k, v in model.aliases.items()})
        for model in models
    ]


def test_two_pipelines_do_not_touch_each_other(tmp_path):
    """One pipeline's ingest and retrain leave lake, pages, artifacts and registry of the other as they were."""
    pipelines = {}
    for name in ("loans", "credits"):
        folder = tmp_path / name
        keys = write_days(folder, 18)
        pipelines[name] = Running(declare(folder, name=name))
    merged = dg.Definitions.merge(*(build_definitions(each.declaration) for each in pipelines.values()))
    instance = pipelines["loans"].instance
    for each in pipelines.values():
        each.repository, each.instance = merged.get_repository_def(), instance

    def state(name: str) -> tuple[dict[str, str], Any]:
        places = ("lake", "reports", "mlartifacts")
        return digests(*(home() / place / name for place in places)), registered(name)

    for name, other in (("loans", "credits"), ("credits", "loans")):
        before = state(other)
        pipelines[name].ingest(keys)
        result = pipelines[name].retrain()
        assert result.success, sentence(result)
        assert state(other) == before
    assert registered("loans") == [([1], {"champion": 1})]
    assert registered("credits") == [([1], {"champion": 1})]


def test_ingest_without_partitions(tmp_path):
    """A run of the ingest job that names no partition says how one is named."""
    result = Running(declare(tmp_path)).run("ingest")
    assert sentence(result) == (
        "A run of loans_ingest takes partitions in, and this one names none: start it with "
        "dg launch --job loans_ingest --partition <key>, or --partition-range <first>...<last>."
    )


@pytest.mark.parametrize(
    "ends",
    [("2026-01-12", "2026-01-05"), ("2026-01-06", "2026-01-12")],
    ids=["the wrong way round", "no Monday"],
)
def test_a_range_that_is_none_is_refused(tmp_path, ends):
    """A range that ends before it begins, or begins within a week, is refused before anything is read."""
    first, last = ends
    running = Running(declare(tmp_path, source__partition="weekly", source__path="rows/*.parquet"))
    write_days(tmp_path, 14)
    tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    assert sentence(running.run("ingest", tags=tags)) == (
        f"There is no range of partitions from {first} to {last}: name the first and then the last one, each by its "
        "first day, a week by its Monday."
    )
    assert running.declaration.lake.version("partitions") is None


def test_a_candidate_launched_from_the_graph_is_in_its_pipelines_experiment(tmp_path):
    """A run of single assets has no tags, and its MLflow run lies among those of the pipeline all the same."""
    running = Running(declare(tmp_path))
    [job] = running.repository.get_implicit_asset_job_names()
    running.repository.get_job(job).execute_in_process(
        instance=running.instance,
        asset_selection=[dg.AssetKey(["loans", "candidate_model"])],
        raise_on_error=False,
    )
    experiments = [found.name for found in client().search_experiments() if found.name != "Default"]
    assert experiments == ["loans"]


def test_where_nothing_is_expected_there_are_no_data_docs(tmp_path):
    """Without a declared expectation nothing is validated, and no empty page is written for a partition."""
    running = Running(declare(tmp_path, **QUIET))
    running.ingest(write_days(tmp_path, 1), "training_data")
    assert running.declaration.lake.version("training_data") is not None
    assert not (running.declaration.reports / "data_docs").exists()
