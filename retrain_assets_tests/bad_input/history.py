"""A pipeline with a past: days taken in, a champion, predictions; and what must not change under bad input."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Collection, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from retrain_assets.declaration import Declaration
from retrain_assets.pipeline import build_definitions
from retrain_assets.training_data.pending import pending
from retrain_assets_tests.pipelines import FIRST_DAY, declare, loans_of, write_day, write_days
from retrain_assets_tests.remembered import move_store

DAYS = 24
LAST = FIRST_DAY + timedelta(days=DAYS)
"""The day after the champion was made: taken in and scored."""
NEXT = LAST + timedelta(days=1)
"""A day that has never been delivered."""

REFUSALS = frozenset({"partitions", "quarantine"})
"""Tables that exist to record what was refused: the withheld delivery with its problem, and the bad rows."""
REGISTRY = ("registered_models", "model_versions", "model_version_tags", "registered_model_aliases")
"""Tables of MLflow's registry; opening MLflow's own store twice a test takes longer than the test."""
DERIVED = frozenset({"life_periods", "told_quality"})
"""Figures of the other tables, kept because measuring them takes longer, or to know what Dagster was told of them."""


@dataclass(frozen=True)
class Outcome:
    """What a user sees of a run.

    Parameters
    ----------
    success
        Whether the run succeeded.
    sentence
        First line of the error that Dagster shows for the failed step; None without one.
    checks
        Each check's last result, by its name: whether it passed, and its metadata as plain values.
    said
        Everything that the event log holds, as text.
    materialized
        Names of the materialized assets, in their order.
    metadata
        The last metadata of each materialized asset, as plain values.
    """

    success: bool
    sentence: str | None
    checks: Mapping[str, tuple[bool, Mapping[str, Any]]]
    said: str
    materialized: tuple[str, ...]
    metadata: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class History:
    """A folder with a source's files and a home, and whether Dagster's own record is kept in it."""

    folder: Path
    recorded: bool = False

    @property
    def home(self) -> Path:
        """The home folder."""
        return self.folder / "home"

    def copy_to(self, folder: Path) -> History:
        """Go on from here in another folder."""
        for name in ("rows", "home"):
            shutil.copytree(self.folder / name, folder / name)
        copied = History(folder)
        move_store(copied.home / "mlflow.db", self.folder, folder)
        return copied

    def declare(self, **changes: Any) -> Declaration:
        """The pipeline, with dotted fields changed."""
        return declare(self.folder, **changes)

    def deliver(self, day: date = LAST, frame: pl.DataFrame | None = None) -> Path:
        """Write one day's file; by default the rows that it always had."""
        return write_day(self.folder, day, frame)

    def ingest(self, *days: date, declaration: Declaration | None = None) -> Outcome:
        """Run the ingest job over days that follow each other."""
        keys = [day.isoformat() for day in days or (LAST,)]
        tags = {"dagster/asset_partition_range_start": keys[0], "dagster/asset_partition_range_end": keys[-1]}
        return self._run("ingest", declaration or self.declare(), tags=tags)

    def asked_for(self) -> list[str]:
        """Days that the source sensor's next tick asks for."""
        declaration = self.declare()
        return list(pending(declaration, declaration.source(), datetime.now(UTC), None).fingerprints)

    def retrain(self, declaration: Declaration | None = None, *nodes: str, **config: Any) -> Outcome:
        """Run the retrain job, or some of its nodes."""
        declared = declaration or self.declare()
        selection = [dg.AssetKey([declared.name, node]) for node in nodes] or None
        run_config = {"ops": {f"{declared.name}__candidate_model": {"config": config}}} if config else None
        return self._run("retrain", declared, asset_selection=selection, run_config=run_config)

    def _run(self, kind: str, declaration: Declaration, **options: Any) -> Outcome:
        storage = self.home / "dagster"
        storage.mkdir(parents=True, exist_ok=True)
        job = build_definitions(declaration).resolve_job_def(f"{declaration.name}_{kind}")
        opened = dg.DagsterInstance.local_temp if self.recorded else dg.DagsterInstance.ephemeral
        with opened(str(storage)) as instance:
            result = job.execute_in_process(instance=instance, raise_on_error=False, **options)
            return _outcome(instance, result.run_id, result.success)

    def kept(self) -> dict[str, str]:
        """Digest of each table's files and of the registry, but for the tables that record a refusal."""
        lake = self.home / "lake" / "loans"
        tables = {
            table.name: _files_digest(table)
            for table in sorted(lake.iterdir())
            if table.name not in REFUSALS | DERIVED
        }
        return tables | {"registry": self._registry()}

    def rows(self, but: date | None = None, besides: Collection[str] = ()) -> dict[str, str]:
        """Digest of each table's rows and of the registry, however they are stored.

        Left out are one day's rows, and the tables that record a refusal or what was tried.
        """
        lake = self.declare().lake
        there = {table.name for table in (self.home / "lake" / "loans").iterdir()}
        names = there - REFUSALS - DERIVED - set(besides)
        tables = {name: lake.scan(name).collect() for name in sorted(names)}
        if but is not None:
            tables = {
                name: rows.filter(pl.col("partition_key") != but.isoformat())
                if "partition_key" in rows.columns
                else rows
                for name, rows in tables.items()
            }
        return {name: _rows_digest(rows) for name, rows in tables.items()} | {"registry": self._registry()}

    def quarantine(self, day: date = LAST) -> list[dict[str, Any]]:
        """Entries of a day's quarantine, by rule and value."""
        rows = self.declare().lake.rows("quarantine", [day.isoformat()]).collect()
        return rows.sort("rule", "value", "row_id").to_dicts()

    def delivery(self, day: date = LAST) -> dict[str, Any]:
        """The record of a day's last delivery."""
        [record] = self.declare().lake.rows("partitions", [day.isoformat()]).collect().to_dicts()
        return record

    def _registry(self) -> str:
        with closing(sqlite3.connect(self.home / "mlflow.db")) as store:
            held = {
                table: sorted(store.execute(f"SELECT * FROM {table} WHERE name = 'loans'"), key=repr)
                for table in REGISTRY
            }
        assert held["model_versions"], "The registry is looked for in tables that MLflow does not fill."
        return hashlib.sha256(repr(held).encode()).hexdigest()


def live(folder: Path) -> History:
    """Take days in, train a first champion, and let it score one more day."""
    history = History(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETRAIN_ASSETS_HOME", str(history.home))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        write_days(folder, DAYS)
        first = history.ingest(FIRST_DAY, LAST - timedelta(days=1))
        trained = history.retrain()
        history.deliver()
        scored = history.ingest(LAST)
        for outcome in (first, trained, scored):
            assert outcome.success, outcome.sentence
        assert history.declare().ledger.standing().version == 1
    return history


def good_rows(day: date = LAST) -> pl.DataFrame:
    """Rows of one day as the source always delivers them."""
    return loans_of(day)


def _outcome(instance: dg.DagsterInstance, run_id: str, success: bool) -> Outcome:
    checks: dict[str, tuple[bool, dict[str, Any]]] = {}
    sentence: str | None = None
    said: list[str] = []
    metadata: dict[str, dict[str, Any]] = {}
    for entry in instance.all_logs(run_id):
        said.append(entry.to_json())
        event = entry.dagster_event
        if event is None:
            continue
        if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            found = event.asset_check_evaluation_data
            checks[found.check_name] = (found.passed, _plain(found.metadata))
        elif event.is_step_materialization:
            found = event.step_materialization_data.materialization
            metadata[found.asset_key.path[-1]] = _plain(found.metadata)
        error = getattr(event.event_specific_data, "error", None)
        if error is not None and sentence is None:
            sentence = error.message.strip()
    return Outcome(success, sentence, checks, "\n".join(said), tuple(metadata), metadata)


def _plain(metadata: Mapping[str, dg.MetadataValue]) -> dict[str, Any]:
    return {name: value.value for name, value in metadata.items()}


def _files_digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return digest.hexdigest()


def _rows_digest(rows: pl.DataFrame) -> str:
    return hashlib.sha256("\n".join(sorted(map(str, rows.rows()))).encode()).hexdigest()
