"""Runs whose process has gone are noticed: else they would count as running, and hold their place, for ever."""

from __future__ import annotations

import json

import dagster as dg
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._core.launcher.default_run_launcher import DefaultRunLauncher
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._grpc.client import DagsterGrpcClient


class AttentiveRunLauncher(DefaultRunLauncher):
    """Dagster's own launcher, which also tells Dagster's run monitoring whether a run can still be running.

    A run's process belongs to a code server, which tells when it dies, and which lives on until its last run has
    ended. Where the server is gone (the machine was switched off, all of Dagster was killed), so is the run.
    """

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Run monitoring asks this launcher."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Say whether the code server that a run was started in is there.

        A run that no server was asked for, such as one of ``dagster asset materialize``, passes for running.

        Parameters
        ----------
        run
            A run that has been started and has not ended.
        """
        server = run.tags.get(GRPC_INFO_TAG)
        if server is None:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        try:
            DagsterGrpcClient(**json.loads(server)).ping("")
        except DagsterUserCodeUnreachableError as error:
            # A server that only is slow to answer is there.
            if "UNAVAILABLE" in str(error):
                return CheckRunHealthResult(
                    WorkerStatus.FAILED, "The server of its process is gone, and the process with it."
                )
        return CheckRunHealthResult(WorkerStatus.RUNNING)
