"""What Dagster's UI is told of every asset, report and check."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import timedelta
from pathlib import Path

import pytest

from retrain_assets_tests.demo.lean import DAYS, HISTORY
from retrain_assets_tests.live.conftest import FINISHED
from retrain_assets_tests.pipelines import FIRST_DAY, ROWS_A_DAY
from retrain_assets_tests.running import YOUNG

pytestmark = [*YOUNG, pytest.mark.timeout(900)]

DAY = 86_400
NODES = {
    "source",
    "training_data",
    "features",
    "candidate_model",
    "evaluation_report",
    "registered_model",
    "predictions",
    "monitoring_report",
    "retraining_decision",
    "cadence_report",
}
PARTITIONED = {"training_data", "features", "predictions", "monitoring_report"}
KEYS = [(FIRST_DAY + timedelta(days=number)).isoformat() for number in range(DAYS)]
SCORED = KEYS[HISTORY:]

ASSETS = """
{
  assetNodes {
    assetKey { path }
    description
    groupName
    kinds
    owners { ... on TeamAssetOwner { team } }
    jobNames
    metadataEntries {
      ... on CodeReferencesMetadataEntry {
        codeReferences { ... on LocalFileCodeReference { filePath lineNumber label } }
      }
    }
    internalFreshnessPolicy { ... on TimeWindowFreshnessPolicy { failWindowSeconds } }
    assetChecksOrError {
      ... on AssetChecks {
        checks {
          name
          description
          partitionStatuses {
            ... on AssetCheckTimePartitionStatuses { ranges { startKey endKey status } }
          }
          executionForLatestMaterialization { status }
        }
      }
    }
    assetMaterializations(limit: 400) {
      partition
      metadataEntries {
        label
        __typename
        ... on IntMetadataEntry { intValue }
        ... on TableSchemaMetadataEntry { schema { columns { name type } } }
      }
    }
  }
}
"""


@pytest.fixture(scope="module")
def assets(live):
    """The finished pipeline's assets by name, as the UI asks for them."""
    return {
        node["assetKey"]["path"][-1]: node
        for node in live.server.query(ASSETS)["assetNodes"]
        if node["assetKey"]["path"][0] == FINISHED
    }


@pytest.fixture(scope="module")
def checks(assets):
    """Every check by asset and name."""
    return {
        (name, check["name"]): check
        for name, node in assets.items()
        for check in node["assetChecksOrError"].get("checks", [])
    }


def _plotted(materialization):
    """Names of the numbers of a materialization, which the UI plots."""
    kinds = {"IntMetadataEntry", "FloatMetadataEntry"}
    return {entry["label"] for entry in materialization["metadataEntries"] if entry["__typename"] in kinds}


def _is_sentence(text):
    return bool(re.fullmatch(r"[A-Z].*\w.*\.", text, flags=re.DOTALL))


def test_the_graph_has_every_node(assets):
    """The assets are those of the design, in a group of the pipeline's name."""
    assert assets.keys() == NODES
    assert {node["groupName"] for node in assets.values()} == {FINISHED}


@pytest.mark.parametrize("node", sorted(NODES))
def test_an_asset_says_what_it_is(assets, node):
    """Each has a description in sentences, the declared owner, kinds, and references to code that exist."""
    asset = assets[node]
    assert _is_sentence(asset["description"])
    assert asset["owners"] == [{"team": "risk"}]
    assert asset["kinds"]
    references = [
        reference
        for entry in asset["metadataEntries"]
        for reference in entry.get("codeReferences", [])
        if reference
    ]
    python = [item for item in references if item["filePath"].endswith(".py")]
    declarations = [item for item in references if item["filePath"].endswith(f"{FINISHED}/defs.yaml")]
    assert len(python) == len(declarations) == 1, references
    lines = Path(python[0]["filePath"]).read_text().splitlines()
    assert lines[python[0]["lineNumber"] - 1].startswith("def ")


@pytest.mark.parametrize("node", sorted(PARTITIONED))
def test_the_code_lies_in_the_folder_of_the_nodes_name(assets, node):
    """Whoever sees a node in the graph finds its code in the folder of that name."""
    [entry] = [entry for entry in assets[node]["metadataEntries"] if entry.get("codeReferences")]
    assert any(item["filePath"].endswith(f"/{node}/asset.py") for item in entry["codeReferences"])


@pytest.mark.parametrize(
    ("node", "columns"),
    [
        ("training_data", {"partition_key", "row_id", "loan", "asked_at", "amount", "region", "repaid"}),
        ("features", {"partition_key", "row_id", "asked_at", "amount", "age", "region"}),
        ("predictions", {"partition_key", "row_id", "asked_at", "model_version", "score"}),
    ],
)
def test_a_table_has_row_count_and_column_schema_in_every_partition(assets, node, columns):
    """Each materialized partition of a table tells its rows and its columns with their types."""
    found = {}
    for item in assets[node]["assetMaterializations"]:
        entries = {entry["label"]: entry for entry in item["metadataEntries"]}
        found.setdefault(item["partition"], entries)
    assert sorted(found) == KEYS
    for key, entries in found.items():
        rows = 0 if node == "predictions" and key not in SCORED else ROWS_A_DAY
        assert entries["dagster/row_count"]["intValue"] == rows, key
        shown = {
            column["name"]: column["type"] for column in entries["dagster/column_schema"]["schema"]["columns"]
        }
        if rows:
            assert shown.keys() >= columns, key
            assert all(shown.values())


@pytest.mark.parametrize(
    ("report", "number"),
    [("evaluation_report", 2), ("monitoring_report", len(SCORED)), ("retraining_decision", 4)],
)
def test_a_report_plots_numbers(assets, report, number):
    """Each event of a report has at least three numbers of the same names, so that the UI draws their course."""
    events = assets[report]["assetMaterializations"]
    if report == "monitoring_report":
        events = [event for event in events if event["partition"] in SCORED]
    assert len(events) >= number
    assert len(set.intersection(*map(_plotted, events))) >= 3


def test_every_check_says_in_a_sentence_what_it_asks(checks):
    """A check's description begins with a capital letter and ends with a full stop."""
    assert len(checks) == 16
    wrong = {
        key: check["description"] for key, check in checks.items() if not _is_sentence(check["description"])
    }
    assert wrong == {}


def test_checks_of_partitions_show_their_results(checks):
    """The UI shows the result of each partition, not that its checks were skipped."""
    found = defaultdict(dict)
    for (node, name), check in checks.items():
        if node in PARTITIONED:
            for part in check["partitionStatuses"]["ranges"]:
                found[node, name][part["startKey"], part["endKey"]] = part["status"]
    taken_in = {(KEYS[0], KEYS[-1]): "SUCCEEDED"}
    for name in ("partition_is_accepted", "expect_column_values_to_be_between_amount"):
        assert {
            key: value for key, value in found["training_data", name].items() if value != "MISSING"
        } == taken_in
    for name in ("performance_holds", "repaid_share_is_in_range", "no_important_drift"):
        assert found["monitoring_report", name][SCORED[0], SCORED[-1]] == "SUCCEEDED"


def test_checks_of_a_retrain_show_their_results(checks):
    """Each check of the newest candidate and its evaluation has a result."""
    found = {
        key: check["executionForLatestMaterialization"]["status"]
        for key, check in checks.items()
        if key[0] in {"candidate_model", "evaluation_report"}
    }
    assert len(found) == 7
    assert set(found.values()) <= {"SUCCEEDED", "FAILED"}
    assert found["evaluation_report", "champion_can_be_scored"] == "SUCCEEDED"


def test_freshness_policies_are_as_declared(assets):
    """What follows the source is late after two partitions, the model after its greatest age."""
    policies = {
        name: node["internalFreshnessPolicy"]["failWindowSeconds"]
        for name, node in assets.items()
        if node["internalFreshnessPolicy"]
    }
    assert policies == {
        "training_data": 2 * DAY,
        "predictions": 2 * DAY,
        "monitoring_report": 2 * DAY,
        "registered_model": 60 * DAY,
    }


def test_jobs_materialize_their_half_of_the_graph(assets):
    """The ingest job takes in, scores and monitors; the retrain job trains, judges and registers."""
    members = defaultdict(set)
    for name, node in assets.items():
        for job in node["jobNames"]:
            members[job].add(name)
    assert members[f"{FINISHED}_ingest"] == PARTITIONED
    assert members[f"{FINISHED}_retrain"] == {"candidate_model", "evaluation_report", "registered_model"}
