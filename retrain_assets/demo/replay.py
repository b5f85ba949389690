"""Living through history: the real sensors, schedule and jobs of a pipeline, one tick after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import dagster as dg


@dataclass(frozen=True)
class Launched:
    """A run and the request that it was launched from.

    Parameters
    ----------
    run_id
        The run.
    requested_by
        Name of the sensor or schedule that returned the request.
    job
        The job that ran.
    tags
        The request's tags.
    """

    run_id: str
    requested_by: str
    job: str
    tags: Mapping[str, str]


@dataclass
class Replay:
    """A code location's automation, ticked by hand on a real instance.

    Parameters
    ----------
    repository
        The loaded code location.
    instance
        The Dagster instance that the history is written to.
    """

    repository: dg.RepositoryDefinition
    instance: dg.DagsterInstance
    launched: list[Launched] = field(default_factory=list)
    _cursors: dict[str, str | None] = field(default_factory=dict)

    def tick_sensor(self, name: str) -> int:
        """Evaluate a sensor once, run what it asks for, store the events that it reports; returns the runs."""
        sensor = self.repository.get_sensor_def(name)
        with dg.build_sensor_context(
            instance=self.instance,
            cursor=self._cursors.get(name),
            repository_def=self.repository,
            sensor_name=name,
        ) as context:
            data = sensor.evaluate_tick(context)
        self._cursors[name] = data.cursor
        for event in data.asset_events:
            self.instance.report_runless_asset_event(event)
        for request in data.run_requests or ():
            self._run(request, request.job_name or str(sensor.job_name), name, "dagster/sensor_name")
        return len(data.run_requests or ())

    def tick_schedule(self, name: str, at: datetime) -> int:
        """Evaluate a schedule for a moment and run what it asks for; returns the runs."""
        schedule = self.repository.get_schedule_def(name)
        # Closed, because it opens the instance a second time, and an open one stays Dagster's current one.
        with dg.build_schedule_context(
            instance=self.instance, scheduled_execution_time=at, repository_def=self.repository
        ) as context:
            data = schedule.evaluate_tick(context)
        for request in data.run_requests or ():
            self._run(request, schedule.job_name, name, "dagster/schedule_name")
        return len(data.run_requests or ())

    def settle(self, *names: str, most: int = 20) -> None:
        """Tick sensors until none asks for a run.

        Raises
        ------
        RuntimeError
            When they still ask after ``most`` rounds, which would be a storm of runs.
        """
        for _ in range(most):
            if not sum(self.tick_sensor(name) for name in names):
                return
        raise RuntimeError(f"The sensors {', '.join(names)} still asked for runs after {most} rounds.")

    def _run(self, request: dg.RunRequest, job: str, requested_by: str, source_tag: str) -> None:
        tags = dict(request.tags) | {
            source_tag: requested_by,
            ".dagster/repository": f"{self.repository.name}@retrain_assets",
        }
        result = self.repository.get_job(job).execute_in_process(
            instance=self.instance,
            tags=tags,
            run_config=request.run_config,
            asset_selection=request.asset_selection,
            raise_on_error=False,
        )
        if not result.success:
            raise RuntimeError(f"Run {result.run_id} of {job} failed; Dagster's UI shows why.")
        self.launched.append(Launched(result.run_id, requested_by, job, request.tags))
