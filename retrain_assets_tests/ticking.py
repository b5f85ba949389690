"""A pipeline's sensors and schedule, ticked without a daemon."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import dagster as dg

from retrain_assets.pipeline import build_definitions

MONDAY = datetime(2026, 2, 2, 2, tzinfo=UTC)


class Automation:
    """A pipeline's sensors and schedule on an instance."""

    def __init__(self, declaration, instance=None):
        self.declaration = declaration
        self.repository = build_definitions(declaration).get_repository_def()
        self.instance = instance or dg.DagsterInstance.ephemeral()
        self.cursor = None

    def look(self):
        """Tick the source sensor."""
        name = f"{self.declaration.name}_source_sensor"
        data = self._tick(name, self.cursor)
        self.cursor = data.cursor
        return data

    def decide(self):
        """Tick the retraining sensor."""
        return self._tick(f"{self.declaration.name}_retraining_sensor", None)

    def schedule(self):
        """Tick the schedule."""
        schedule = self.repository.get_schedule_def(f"{self.declaration.name}_retrain_schedule")
        with dg.build_schedule_context(
            instance=self.instance, scheduled_execution_time=MONDAY, repository_def=self.repository
        ) as context:
            return schedule.evaluate_tick(context)

    def _tick(self, name, cursor):
        with dg.build_sensor_context(
            instance=self.instance, cursor=cursor, repository_def=self.repository, sensor_name=name
        ) as context:
            return self.repository.get_sensor_def(name).evaluate_tick(context)

    def has_run(self, kind, status, tags=None):
        """Put a run of a kind into the instance."""
        run = dg.DagsterRun(
            job_name=f"{self.declaration.name}_{kind}",
            run_id=str(uuid4()),
            status=status,
            tags={f"retrain_assets/{kind}": self.declaration.name, **(tags or {})},
        )
        self.instance.add_run(run)
        return run


def reasons(data):
    """Reason tags of the requested runs."""
    return [request.tags["retrain_assets/reason"] for request in data.run_requests]
