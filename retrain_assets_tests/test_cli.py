"""The commands of the README and its guides, run as a user runs them: in a project of the user's own."""

from __future__ import annotations

import json
import re
import shlex
from copy import deepcopy
from datetime import date
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
import yaml

from retrain_assets.definitions import defs
from retrain_assets.lake import Lake
from retrain_assets.pipeline import build_definitions
from retrain_assets_tests.pipelines import ATTRIBUTES, FIRST_DAY, declare, loans_of, write_days
from retrain_assets_tests.projects import run, write_project

PROJECT = Path(__file__).resolve().parents[1]
GUIDES = [PROJECT / name for name in ("README.md", "docs/declaration.md", "docs/operations.md")]
"""What a user reads and types from."""


def changed(**blocks):
    """The attributes of the pipeline with fields of its blocks changed."""
    attributes = deepcopy(ATTRIBUTES)
    for block, fields in blocks.items():
        attributes[block] |= fields
    return attributes


@pytest.fixture
def project(tmp_path):
    """A project with the pipeline `loans` and three days of rows."""
    folder = tmp_path / "project"
    defs_folder = write_project(folder, ATTRIBUTES)
    write_days(defs_folder / "loans", 3)
    return folder


def test_components_are_listed(project):
    """`dg list components` shows the component with what it is for."""
    listed = run(project, "dg", "list", "components", "--json")
    [entry] = [
        item for item in json.loads(listed)["items"] if item["key"] == "retrain_assets.RetrainingPipeline"
    ]
    assert entry["summary"].startswith("A model that is retrained when it should be")


def test_a_project_of_its_own_is_checked_and_listed(project):
    """`dg check yaml`, `dg check defs` and `dg list defs` work in a project that only declares a pipeline."""
    assert "validated successfully" in run(project, "dg", "check", "yaml")
    assert "All definitions loaded successfully" in run(project, "dg", "check", "defs")
    listed = json.loads(run(project, "dg", "list", "defs", "--json"))
    names = {item["asset_key"] for item in listed["assets"]}
    assert {"loans/training_data", "loans/candidate_model", "loans/registered_model"} <= names
    assert {"loans_ingest", "loans_retrain", "loans_rollback"} <= {item["name"] for item in listed["jobs"]}


@pytest.mark.parametrize("command", ["dg launch", "dagster asset materialize"])
def test_partitions_are_ingested_from_another_project(project, command, monkeypatch):
    """An ingest of a range of partitions lands in the home folder of the project that declares the pipeline."""
    monkeypatch.delenv("RETRAIN_ASSETS_HOME")
    select = (
        ["dg", "launch", "--assets"]
        if command == "dg launch"
        else ["dagster", "asset", "materialize", "-m", "shop.definitions", "--select"]
    )
    run(
        project,
        *select,
        "loans/training_data,loans/features",
        "--partition-range",
        "2026-01-05...2026-01-06",
        DAGSTER_HOME="",
    )
    lake = Lake("loans", str(project / "var" / "lake"))
    found = lake.scan("features").group_by("partition_key").len().sort("partition_key").collect()
    assert found["partition_key"].to_list() == ["2026-01-05", "2026-01-06"]
    assert found["len"].to_list() == [120, 120]


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        (changed(evaluation={"metriks": ["log_loss"]}), ["evaluation", "'metriks'"]),
        (
            changed(label={"delay": "soon"}),
            [
                "label.delay: 'soon' is no duration: write a number and a unit, such as 30m, 12h, 7d or 4w.",
                "shop/defs/loans/defs.yaml",
            ],
        ),
        (
            changed(features={"numeric": ["amont"]}),
            ["features.numeric: there is no column 'amont' in the source. Did you mean 'amount'?"],
        ),
    ],
    ids=["unknown field", "no duration", "no such column"],
)
def test_a_wrong_declaration_is_told_in_the_terminal(tmp_path, attributes, said):
    """`dg check defs` fails, and ends with the file, the field and the fault."""
    write_days(write_project(tmp_path, attributes) / "loans", 1)
    printed = run(tmp_path, "dg", "check", "defs", succeeds=False)
    for words in ["defs.yaml", *said]:
        assert words in printed.splitlines()[-1]


def test_scaffold_writes_a_pipeline_that_loads(tmp_path):
    """`dg scaffold defs` with a CSV file writes a declaration that `dg check defs` accepts unedited."""
    write_project(tmp_path)
    days = [date(2026, 1, number) for number in range(5, 25)]
    pl.concat(loans_of(day) for day in days).write_csv(tmp_path / "loans.csv")
    words = ["--path", "loans.csv", "--timestamp", "asked_at", "--label", "repaid", "--delay", "1d"]
    printed = run(tmp_path, "dg", "scaffold", "defs", "retrain_assets.RetrainingPipeline", "loans", *words)
    assert "look through its columns" in printed
    assert "All definitions loaded successfully" in run(tmp_path, "dg", "check", "defs")


def test_scaffold_that_fails_leaves_nothing_behind(tmp_path):
    """A wrong option of `dg scaffold` is one sentence in the terminal, and the command can be given again."""
    defs_folder = write_project(tmp_path)
    loans_of(FIRST_DAY).write_csv(tmp_path / "loans.csv")
    words = ["--path", "loans.csv", "--timestamp", "asked_at", "--label", "repayed"]
    printed = run(
        tmp_path,
        "dg",
        "scaffold",
        "defs",
        "retrain_assets.RetrainingPipeline",
        "loans",
        *words,
        succeeds=False,
    )
    assert "Error: The source has no column 'repayed' to be the label. Did you mean 'repaid'?" in printed
    assert "Traceback" not in printed
    assert not (defs_folder / "loans").exists()


def commands():
    """Every `dg launch --job` of the guides with a configuration: the job, and the configuration."""
    text = "\n".join(guide.read_text() for guide in GUIDES).replace("\\\n", " ")
    found = re.findall(r"^\s*(dg launch --job .*)$", text, flags=re.MULTILINE)
    words = [shlex.split(line) for line in found]
    return [
        (line[3], json.loads(line[line.index("--config-json") + 1]))
        for line in words
        if "--config-json" in line
    ]


@pytest.mark.filterwarnings("ignore::dagster.BetaWarning", "ignore::dagster.PreviewWarning")
@pytest.mark.parametrize(
    ("job", "config"), commands(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_run_configuration_of_the_guides_is_valid(job, config, tmp_path):
    """The configuration that a guide gives for a job is one that the job takes."""
    # The job is there only where a declaration asks for approval, which that of the demo does not.
    waiting = build_definitions(declare(tmp_path, name="ad_clicks", promotion__approval="manual"))
    definition = (waiting if job.endswith("_approve") else defs()).resolve_job_def(job)
    assert dg.validate_run_config(definition, config)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_declarations_of_the_guides_have_known_fields(guide):
    """Every YAML block of a guide that declares a whole pipeline is a valid declaration."""
    from retrain_assets.spec import load_spec

    blocks = re.findall(r"```yaml\n(.*?)```", guide.read_text(), flags=re.DOTALL)
    whole = [block for block in map(yaml.safe_load, blocks) if isinstance(block, dict) and "type" in block]
    assert whole or guide.name == "operations.md"
    for block in whole:
        load_spec(block["attributes"], guide.name)


@pytest.mark.parametrize(
    "guide", sorted({*GUIDES, *(PROJECT / "docs").glob("*.md")}), ids=lambda guide: guide.name
)
def test_links_of_the_guides_lead_somewhere(guide):
    """What a guide links to, a file of the project or a heading, is there."""
    text = guide.read_text()
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)]*))?\)", text):
        file = (guide.parent / target).resolve() if target else guide
        assert file.exists(), target
        assert not anchor or anchor in _anchors(file.read_text()), (target, anchor)


def _anchors(text):
    headings = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
