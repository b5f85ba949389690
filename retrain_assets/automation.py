"""What sensors and schedules have in common: the runs that they look at, and when they are due."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._utils.schedules import cron_string_iterator

from retrain_assets.asset import INGEST_TAG
from retrain_assets.declaration import Declaration

STATE_TAG = "retrain_assets/source_state"
LONGEST_BACK_OFF = timedelta(hours=1)

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


def back_off(
    instance: dg.DagsterInstance,
    declaration: Declaration,
    state: str,
    ended: Sequence[dg.DagsterRunStatus] = tuple(FAILED),
) -> str | None:
    """Why the same state of the source is not read again yet after failed runs; None where it may be.

    Parameters
    ----------
    instance
        Where the runs are.
    declaration
        The pipeline.
    state
        What the source holds that is to be taken in, as :func:`digest_of` gives it.
    ended
        How a run ends that did not take it in.
    """
    failures = 0
    last: dg.RunRecord | None = None
    for record in runs_of(instance, declaration, INGEST_TAG, list(dg.DagsterRunStatus), limit=10):
        known = record.dagster_run.tags.get(STATE_TAG)
        if known is None:
            continue  # a release, or what a person started
        if record.dagster_run.status not in ended or known != state:
            break
        failures += 1
        last = last or record
    if last is None:
        return None
    pause = min(timedelta(minutes=2**failures), LONGEST_BACK_OFF)
    again = last.update_timestamp.replace(tzinfo=UTC) + pause
    if datetime.now(UTC) >= again:
        return None
    runs = "The last ingest run" if failures == 1 else f"The last {failures} ingest runs"
    return (
        f"{runs} for this state of the source did not succeed; it is read again at {again:%Y-%m-%d %H:%M} UTC, "
        f"or as soon as the source changes. Run {last.dagster_run.run_id} says why."
    )


def digest_of(fingerprints: object) -> str:
    """Identity of what a source holds that is to be taken in."""
    return hashlib.sha256(json.dumps(fingerprints, sort_keys=True).encode()).hexdigest()[:16]


def cron_fault(cron: str) -> str | None:
    """Say what is wrong with a cron expression, in words that Dagster does not have; None where nothing is."""
    form = "write five fields, such as 0 2 * * 1 for every Monday at 2 a.m."
    try:
        dg.ScheduleDefinition(name="due", job_name="due", cron_schedule=cron)
    except dg.DagsterInvalidDefinitionError:
        return f"{cron!r} is no cron expression; {form}"
    try:
        next(cron_string_iterator(0, cron, "UTC"))
    except ValueError:
        return f"{cron!r} is never due, as if on April 31; {form}"
    return None
