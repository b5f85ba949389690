"""A process that kills itself, as ``kill -9`` does, just before a given write of a change of champion."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

from mlflow import MlflowClient

from retrain_assets import lake
from retrain_assets.champion import append_only, ledger
from retrain_assets_tests.pipelines import declare
from retrain_assets_tests.registered_model.judged import act, roll_back_asked

WRITES: dict[str, tuple[Any, str]] = {
    "model": (MlflowClient, "create_registered_model"),
    "version": (MlflowClient, "create_model_version"),
    "alias": (MlflowClient, "set_registered_model_alias"),
    "no alias": (MlflowClient, "delete_registered_model_alias"),
    "tag": (MlflowClient, "set_model_version_tag"),
    "no tag": (MlflowClient, "delete_model_version_tag"),
    "ledger's table": (ledger.Ledger, "_create"),
    "ledger": (append_only, "write_deltalake"),
    "record": (lake, "write_deltalake"),
}


def die_before(folder: Path, step: int, attempt: str | None, asked_at: datetime | None) -> None:
    """Act on an attempt, or roll back, and die before the write of the given number, counted from 0.

    The names of the writes that were begun are left in the file ``writes``.
    """
    os.environ["RETRAIN_ASSETS_HOME"] = str(folder / "home")
    # The server of forks keeps the environment of the test that started it.
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    numbers = count()

    def deadly(name: str, write: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **named: Any) -> Any:
            with (folder / "writes").open("a") as file:
                print(name, file=file)
            if next(numbers) == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return write(*arguments, **named)

        return wrapped

    for name, (owner, attribute) in WRITES.items():
        setattr(owner, attribute, deadly(name, getattr(owner, attribute)))
    if attempt is not None:
        act(declare(folder), attempt)
    elif asked_at is not None:
        roll_back_asked(declare(folder), asked_at)
