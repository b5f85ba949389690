"""A delivery that did not go all the way is taken in again, and nothing is decided without its features."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from retrain_assets.features import asset as features
from retrain_assets.monitoring_report import watch
from retrain_assets.predictions import scoring
from retrain_assets_tests.pipelines import FIRST_DAY, declare, loans_of, write_day, write_days
from retrain_assets_tests.running import QUIET, YOUNG, Running
from retrain_assets_tests.ticking import Automation

pytestmark = YOUNG

DAYS = [FIRST_DAY + timedelta(days=number) for number in range(2)]
KEYS = [day.isoformat() for day in DAYS]
SPAN = {"dagster/asset_partition_range_start": KEYS[0], "dagster/asset_partition_range_end": KEYS[-1]}
NODES = {
    "features": (features, "refresh_features"),
    "predictions": (scoring, "score_partitions"),
    "monitoring_report": (watch, "watch_partitions"),
}


@pytest.fixture
def running(tmp_path: Path) -> Running:
    """Two days of loans that nobody has taken in."""
    write_days(tmp_path, len(DAYS))
    return Running(declare(tmp_path, **QUIET))


def asked_for(running: Running) -> list[tuple[str, str]]:
    """Ranges of partitions that a tick of the source sensor asks for."""
    requests = Automation(running.declaration, running.instance).look().run_requests
    ends = [f"dagster/asset_partition_range_{end}" for end in ("start", "end")]
    return [
        (request.partition_key,) * 2 if request.partition_key else tuple(request.tags[end] for end in ends)
        for request in requests
    ]


def dies(patch: pytest.MonkeyPatch, node: str) -> None:
    """Let a node fail."""

    def fail(*_: object) -> None:
        raise OSError("the disk is full")

    patch.setattr(*NODES[node], fail)


def keys_in(running: Running, table: str) -> set[str]:
    """Partitions of a table."""
    return set(running.declaration.lake.scan(table).collect()["partition_key"])


@pytest.mark.parametrize("node", NODES)
def test_a_run_that_dies_behind_training_data_is_made_up_for(running, monkeypatch, node):
    """Whichever node fails after the rows are in, the next tick asks for the days again, until a run ends."""
    with monkeypatch.context() as patch:
        dies(patch, node)
        assert not running.run("ingest", tags=SPAN).success
    assert keys_in(running, "training_data") == set(KEYS)
    version = running.declaration.lake.version("training_data")
    assert asked_for(running) == [(KEYS[0], KEYS[-1])]
    running.ingest(KEYS)
    assert keys_in(running, "features") == set(KEYS)
    assert running.declaration.lake.version("training_data") == version
    assert asked_for(running) == []


def test_nothing_is_decided_while_features_are_missing(running, monkeypatch, tmp_path):
    """The retraining sensor says which rows have no features, of a first run and of a later one, and waits."""
    pipeline = Automation(running.declaration, running.instance)

    def skipped() -> str:
        return pipeline.decide().skip_message

    with monkeypatch.context() as patch:
        dies(patch, "features")
        running.run("ingest", tags=SPAN)
    assert skipped() == (
        f"The rows of 2 partitions from {KEYS[0]} on are in and their features are not: an ingest run is missing, "
        "or its log says why. The decision waits for what it brings."
    )
    running.ingest(KEYS)
    assert not skipped().startswith("The rows of")
    [key] = write_days(tmp_path, 1, DAYS[-1] + timedelta(days=1))
    running.ingest([key], "training_data")
    assert skipped().startswith(f"The rows of {key} are in and their features are not: ")
    assert asked_for(running) == [(key, key)]


@pytest.mark.parametrize(
    "nodes", [["training_data"], ["training_data", "predictions", "monitoring_report"], ["monitoring_report"]]
)
def test_some_nodes_alone_do_not_complete_a_delivery(running, nodes):
    """A person who materializes some of the nodes leaves the rest to the sensor."""
    running.ingest(KEYS, "training_data")
    running.ingest(KEYS, *nodes)
    assert asked_for(running) == [(KEYS[0], KEYS[-1])]


def test_a_withheld_delivery_does_not_hide_that_the_one_before_was_not_finished(running, tmp_path):
    """Rows without features get them, although the day's next delivery cannot be accepted."""
    running.ingest(KEYS, "training_data")
    write_day(tmp_path, DAYS[0]).write_bytes(b"")
    assert asked_for(running) == [(KEYS[0], KEYS[-1])]
    running.ingest(KEYS[:1])
    assert KEYS[0] in keys_in(running, "features")
    assert asked_for(running) == [(KEYS[1], KEYS[1])]


def test_what_was_taken_back_is_read_again(running, tmp_path):
    """A delivery whose run died is not mistaken for the one before it, once that is delivered again."""
    running.ingest(KEYS)
    file = write_day(tmp_path, DAYS[0])
    good = file.read_bytes()
    write_day(tmp_path, DAYS[0], loans_of(DAYS[0]).with_columns(age=pl.lit(40)))
    running.ingest(KEYS[:1], "training_data")
    file.write_bytes(good)
    assert asked_for(running) == [(KEYS[0], KEYS[0])]
