"""Runs of a pipeline's real jobs, in the process of the test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from retrain_assets.declaration import Declaration
from retrain_assets.home import home
from retrain_assets.pipeline import build_definitions
from retrain_assets_tests.pipelines import declare, write_days
from retrain_assets_tests.remembered import begin_with, empty_store
from retrain_assets_tests.retraining_decision.past import take_in

YOUNG = [pytest.mark.filterwarnings(f"ignore::dagster.{kind}Warning") for kind in ("Beta", "Preview")]
"""Marks of a test module: dagster-mlflow and checks of single partitions say of themselves how young they are."""


# Data Docs of every day would take most of the time.
QUIET: dict[str, Any] = {"expectations": []}


@dataclass
class Running:
    """A declared pipeline with a Dagster instance, and a home folder that holds an empty MLflow store."""

    declaration: Declaration
    instance: dg.DagsterInstance = field(
        default_factory=lambda: dg.DagsterInstance.ephemeral(tempdir=str(home() / "dagster"))
    )

    def __post_init__(self) -> None:
        store = home() / "mlflow.db"
        if not store.exists():
            store.parent.mkdir(parents=True, exist_ok=True)
            store.write_bytes(empty_store())

    @cached_property
    def repository(self) -> dg.RepositoryDefinition:
        """The pipeline as a code location of its own."""
        return build_definitions(self.declaration).get_repository_def()

    def run(
        self, job: str, *, nodes: Sequence[str] = (), config: Any = None, tags: dict[str, str] | None = None
    ) -> dg.ExecuteInProcessResult:
        """Run one of the pipeline's jobs, or some nodes of it; a failed run is returned like any other."""
        name = self.declaration.name
        return self.repository.get_job(f"{name}_{job}").execute_in_process(
            instance=self.instance,
            asset_selection=[dg.AssetKey([name, node]) for node in nodes] or None,
            run_config=config,
            tags=tags,
            raise_on_error=False,
        )

    def ingest(self, keys: Sequence[str], *nodes: str) -> dg.ExecuteInProcessResult:
        """Take a range of partitions in, which must succeed."""
        tags = {
            "dagster/asset_partition_range_start": keys[0],
            "dagster/asset_partition_range_end": keys[-1],
        }
        result = self.run("ingest", nodes=nodes, tags=tags)
        assert result.success, sentence(result)
        return result

    def retrain(
        self, *nodes: str, tags: dict[str, str] | None = None, **config: Any
    ) -> dg.ExecuteInProcessResult:
        """Run the retrain job, or some nodes of it, with the configuration of the candidate."""
        op = f"{self.declaration.name}__candidate_model"
        return self.run(
            "retrain", nodes=nodes, tags=tags, config={"ops": {op: {"config": config}}} if config else None
        )

    def intervene(self, job: str, **config: Any) -> dg.ExecuteInProcessResult:
        """Run a job by which a person changes something."""
        op = f"{self.declaration.name}_{job}_op"
        return self.run(job, config={"ops": {op: {"config": config}}})


def loans(folder: Path, days: int = 25, **changes: Any) -> Running:
    """Take the first days of the loans in; Dagster itself remembers nothing of it."""
    declared = QUIET | changes

    def live() -> None:
        take_in(declare(folder, **declared), write_days(folder, days))

    begin_with(f"loans {days} {declared}", folder, live)
    return Running(declare(folder, **declared))


def serving(folder: Path, days: int = 0, **changes: Any) -> Running:
    """Take the first days of the loans in, train the first champion, and let it score further days."""
    declared = QUIET | changes

    def live() -> None:
        running = loans(folder, **changes)
        assert running.retrain().success
        assert running.declaration.ledger.standing().version == 1
        if days:
            next_days(running, days)

    begin_with(f"serving {days} {declared}", folder, live)
    return Running(declare(folder, **declared))


def replaced(folder: Path) -> Running:
    """Let a second champion, which relies much more on its features, take the place of a weak first one."""

    def live() -> None:
        running = declared_anew(serving(folder, training__params={"max_iter": 1}))
        assert running.retrain().success
        assert running.declaration.ledger.standing().version == 2

    begin_with("replaced", folder, live)
    return Running(declare(folder, **QUIET))


def declared_anew(running: Running, **changes: Any) -> Running:
    """Go on with another declaration of the loans, in the same home folder and instance."""
    folder = running.declaration.file.parent
    return Running(declare(folder, **(QUIET | changes)), running.instance)


def next_days(running: Running, days: int, **options: Any) -> list[str]:
    """Deliver further days of the loans and take them in; returns their keys."""
    newest = running.declaration.newest_partition()
    first = date.fromisoformat(str(newest)) + timedelta(days=1)
    keys = write_days(running.declaration.file.parent, days, first, **options)
    running.ingest(keys)
    return keys


def sentence(result: dg.ExecuteInProcessResult) -> str:
    """Read what failed a run: the error that a step, or opening a resource, ended with, without Dagster's frame."""
    for event in result.all_events:
        error = getattr(event.event_specific_data, "error", None)
        if error is not None:
            while error.cls_name.startswith("Dagster") and error.cause is not None:
                error = error.cause
            return error.message.partition(": ")[2].strip()
    return ""


def materialized(result: dg.ExecuteInProcessResult) -> dict[str, dict[str, Any]]:
    """Metadata of the last materialization of each node in a run, without those of single partitions."""
    return {
        event.asset_key.path[-1]: {
            name: getattr(value, "value", value) for name, value in event.materialization.metadata.items()
        }
        for event in _of_type(result, dg.DagsterEventType.ASSET_MATERIALIZATION)
    }


def checks(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    """Evaluation of each check in a run, by name."""
    return {
        event.asset_check_evaluation_data.check_name: event.asset_check_evaluation_data
        for event in _of_type(result, dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    }


def _of_type(result: dg.ExecuteInProcessResult, kind: dg.DagsterEventType) -> Iterator[dg.DagsterEvent]:
    return (event for event in result.all_events if event.event_type == kind)
