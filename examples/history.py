"""The history of an example, lived through by its real jobs and its schedule."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import polars as pl

from retrain_assets import RetrainingPipeline
from retrain_assets.attempts import attempts
from retrain_assets.champion.standing import first_champion
from retrain_assets.comparison import Comparison, assign_blocks, compare, declared_metrics
from retrain_assets.declaration import Declaration
from retrain_assets.demo.replay import Replay
from retrain_assets.home import home
from retrain_assets.labels import target
from retrain_assets.pipeline import build_definitions
from retrain_assets.windows import mature_rows

TABLES = "RETRAIN_EXAMPLES_DATA"
"""The environment variable that says where the tables are."""

STOPS: dict[str, tuple[str, ...]] = {
    "booking_cancellations": (
        "2016-01-01",
        "2016-05-01",
        "2016-09-01",
        "2017-01-01",
        "2017-05-01",
        "2017-09-01",
    ),
    "electricity": ("1996-11-01", "1997-04-01", "1997-09-01", "1998-02-01", "1998-07-01", "1999-01-01"),
    "bike_demand": ("2011-05-01", "2011-09-01", "2012-01-01", "2012-05-01", "2012-09-01", "2013-01-01"),
}
"""The months at whose first midnight an example is taken in up to there, and trained: at all but the last."""


@contextmanager
def lived(name: str) -> Iterator[History]:
    """Live through an example's history on a Dagster instance under ``RETRAIN_ASSETS_HOME``.

    Raises
    ------
    RuntimeError
        When a retrain failed.
    dagster.DagsterError
        When an ingest failed.
    """
    folder = home() / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    with dg.DagsterInstance.local_temp(str(folder)) as instance:
        history = History(name, instance)
        history.live()
        yield history


@dataclass
class History:
    """An example and what has become of it.

    Parameters
    ----------
    name
        The example's folder, which is the pipeline's name too.
    instance
        What the runs are written to.
    """

    name: str
    instance: dg.DagsterInstance

    @cached_property
    def declaration(self) -> Declaration:
        """What the example declares, as Dagster loads it from its ``defs.yaml``."""
        folder = Path(__file__).parent
        tree = dg.ComponentTree(defs_module=importlib.import_module("examples"), project_root=folder.parent)
        return tree.load_component(folder / self.name, RetrainingPipeline).declaration

    def live(self) -> None:
        """Take the history in from stop to stop, and let the schedule train the model there."""
        import sklearn.ensemble  # noqa: F401  its threads can be limited only once it is loaded
        from threadpoolctl import threadpool_limits

        partitions = self.declaration.partitions
        replay = Replay(build_definitions(self.declaration).get_repository_def(), self.instance)
        start = partitions.bounds(self.declaration.first_day().isoformat())[0]
        stops = [partitions.bounds(key)[0] for key in STOPS[self.name]]
        # One thread, so that the figures are the same whatever the number of cores.
        with threadpool_limits(1, user_api="openmp"):
            for stop in stops:
                self._ingest(replay.repository, partitions.keys_between(start, stop))
                if stop != stops[-1] and not replay.tick_schedule(f"{self.name}_retrain_schedule", stop):
                    # The tick waits for a champion to be rolled back: the sensor asks for that, and for the retrain then.
                    replay.tick_sensor(f"{self.name}_retraining_sensor")
                    replay.tick_sensor(f"{self.name}_retraining_sensor")
                start = stop

    def _ingest(self, repository: dg.RepositoryDefinition, keys: Sequence[str]) -> None:
        repository.get_job(f"{self.name}_ingest").execute_in_process(
            instance=self.instance,
            tags={
                "dagster/asset_partition_range_start": keys[0],
                "dagster/asset_partition_range_end": keys[-1],
            },
        )

    def verdicts(self) -> list[str]:
        """What became of each candidate, oldest first: ``2016-01-01 blessed (first_champion)``."""
        zone = ZoneInfo(self.declaration.spec.timezone)
        return [
            f"{item.as_of.astimezone(zone):%Y-%m-%d} {item.payload['verdict']['verdict']} "
            f"({item.payload['verdict']['reason']})"
            for item in attempts(self.declaration.lake, "evaluated")
        ]

    def gain(self) -> Comparison:
        """Compare the champions of their time with the first one, never retrained.

        By the metric that decides, on all label-mature rows that a later champion scored; the rows of a day may
        depend on each other.

        Raises
        ------
        TrainingError
            When no later champion scored any row.
        """
        spec, lake = self.declaration.spec, self.declaration.lake
        identity = ["partition_key", "row_id"]
        first = first_champion(self.declaration.ledger.entries())
        shadow = lake.scan("shadow_predictions").filter(pl.col("model_version") == first)
        rows = (
            mature_rows(
                lake.scan("training_data"), self.declaration.data_clock(), self.declaration.time_columns
            )
            .join(lake.scan("predictions").select(*identity, "score"), on=identity)
            .join(shadow.select(*identity, never="score"), on=identity)
            .sort(spec.source.timestamp)
            .collect()
        )
        task = attempts(lake, "trained")[-1].payload["task"]
        metric = declared_metrics(spec.evaluation.metrics, task)[0]
        start, end = (rows[spec.source.timestamp][place] for place in (0, -1))
        blocks = assign_blocks(rows, "1d", spec.source.timestamp, start, end)
        scores, never = (rows[name].to_numpy() for name in ("score", "never"))
        return compare(metric, target(rows, spec, task), scores, never, blocks.ids)

    def quarantined(self) -> pl.DataFrame:
        """Count the quarantined rows by column and value."""
        found = self.declaration.lake.scan("quarantine").group_by("column", "value").len()
        return found.sort("column", "value").collect()
