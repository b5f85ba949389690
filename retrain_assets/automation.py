"""What sensors and schedules have in common: the runs that they look at."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from retrain_assets.declaration import Declaration

IN_FLIGHT = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
# Who cancels a run does not want to see it again a minute later.
FAILED = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


def runs_of(
    instance: dg.DagsterInstance,
    declaration: Declaration,
    kind: str,
    statuses: Sequence[dg.DagsterRunStatus],
    limit: int,
) -> Sequence[dg.RunRecord]:
    """Newest runs of a pipeline first.

    Parameters
    ----------
    instance
        Where the runs are.
    declaration
        The pipeline.
    kind
        The tag that all runs of the kind carry.
    statuses
        The states of the runs that count.
    limit
        At most so many.
    """
    filters = dg.RunsFilter(tags={kind: declaration.name}, statuses=list(statuses))
    return instance.get_run_records(filters=filters, limit=limit)
