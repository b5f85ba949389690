"""MLflow: where it is, and a client that answers or fails within seconds."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote, urlsplit

from retrain_assets.errors import ChampionError
from retrain_assets.home import home

if TYPE_CHECKING:
    from mlflow import MlflowClient

# MLflow's own defaults try for minutes to reach a server that is away.
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}
_DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
CONNECT_SECONDS = 10
# What MLflow says of a row that somebody else has just written, or deleted.
_RACED = frozenset({"BAD_REQUEST", "RESOURCE_ALREADY_EXISTS", "RESOURCE_DOES_NOT_EXIST"})
_TRIES = 10
_Result = TypeVar("_Result")
_UNCHANGED = (
    "The champion is unchanged; see that the server runs and that MLFLOW_TRACKING_URI is right, and start the "
    "run again."
)
# MLflow's UI then shows training runs, and not traces of language models.
EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}


def tracking_uri() -> str:
    """Address of MLflow: ``MLFLOW_TRACKING_URI``, or the file ``mlflow.db`` in the home folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home() / 'mlflow.db'}"


def shown_uri() -> str:
    """Address of MLflow, to be shown: without a password."""
    return _without_passwords(tracking_uri(), tracking_uri())


def client(consequence: str = _UNCHANGED) -> MlflowClient:
    """Connect to MLflow.

    Parameters
    ----------
    consequence
        What it means that it cannot be reached, and what to do, as sentences.

    Raises
    ------
    ChampionError
        When it cannot be reached.
    """
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient

    uri = tracking_uri()
    with mlflow_errors(consequence), alone(uri):
        _connect(uri)
        connected = MlflowClient(tracking_uri=uri, registry_uri=uri)
        connected.search_experiments(max_results=1)
    return connected


def ensure_experiment(name: str) -> str:
    """Id of an experiment, which is created where there is none.

    Raises
    ------
    ChampionError
        When MLflow cannot be reached.
    """
    connected = client()
    # A server decides by itself where artifacts go; without one MLflow would use the working directory.
    location = (home() / "mlartifacts" / name).as_uri() if _database(tracking_uri()) else None
    with mlflow_errors(), alone(tracking_uri()):
        found = connected.get_experiment_by_name(name)
        if found is None:
            return str(connected.create_experiment(name, location, tags=EXPERIMENT_TAGS))
        if found.lifecycle_stage == "deleted":
            connected.restore_experiment(found.experiment_id)
        return str(found.experiment_id)


def log_evaluation(run_id: str, page: Path, figures: Mapping[str, float]) -> None:
    """Keep an evaluation beside the candidate's run: its page, the JSON twin, and its figures as metrics.

    Parameters
    ----------
    run_id
        The candidate's run.
    page
        The HTML page; the JSON file lies beside it.
    figures
        Metrics by name.

    Raises
    ------
    ChampionError
        When MLflow cannot be reached.
    """
    from mlflow.entities import Metric

    connected = client()
    now = int(time.time() * 1000)
    with mlflow_errors():
        connected.log_batch(run_id, metrics=[Metric(name, value, now, 0) for name, value in figures.items()])
        connected.log_artifacts(run_id, str(page.parent), artifact_path="evaluation")


def stored_path(location: str) -> str:
    """How a record names the place of a model's files.

    Parameters
    ----------
    location
        The artifact location that MLflow gave.

    Returns
    -------
    str
        Relative to the home folder where the files lie in it, so that the folder can be moved; else the path;
        for files that are not on this machine the location as it is.
    """
    if is_address(location):
        return location
    path = Path(unquote(urlsplit(location).path) if location.startswith("file:") else location)
    return str(path.relative_to(home())) if path.is_relative_to(home()) else str(path)


def is_address(location: str) -> bool:
    """Tell an address to fetch from (``s3://``, ``mlflow-artifacts:/``) from a path or ``file:`` address."""
    return re.match(r"(?!file:)[a-z][a-z0-9+.-]+:/", location) is not None


@contextmanager
def mlflow_errors(consequence: str = _UNCHANGED) -> Iterator[None]:
    """Turn what MLflow raises into a sentence that names its address, and never a password.

    Parameters
    ----------
    consequence
        What it means, and what to do, as sentences.

    Raises
    ------
    ChampionError
        When MLflow raised something.
    """
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, OSError) as error:
        uri = tracking_uri()
        said = str(error).partition("\n")[0].rstrip(".")
        sentence = ChampionError(
            f"MLflow at {shown_uri()} did not do what it was asked ({_without_passwords(said, uri)}). "
            f"{consequence}"
        )
        # The original error may show the password in a traceback.
        raise sentence from (None if _passwords(uri) else error)


def alone(uri: str) -> AbstractContextManager[None]:
    """Keep others out of an MLflow that is a file in the home folder; a server keeps order by itself.

    Two that create its tables at once, or take the same alias away, trip each other.

    Parameters
    ----------
    uri
        The address of MLflow.
    """
    return _locked(home()) if _database(uri) == "sqlite" else nullcontext()


def settled(step: Callable[[], _Result]) -> _Result:
    """Do a step again that tripped over somebody who did the same at that moment.

    MLflow's upserts are a read and a write: of two at once one fails, and finds it done when it looks again.

    Parameters
    ----------
    step
        Reads what there is, and changes what is missing.
    """
    from mlflow.exceptions import MlflowException

    for _ in range(_TRIES - 1):
        try:
            return step()
        except MlflowException as error:
            if error.error_code not in _RACED:
                raise
    return step()


def _connect(uri: str) -> None:
    """Try a database once: MLflow itself would try it for two minutes."""
    dialect = _database(uri)
    if dialect is None:
        return
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    if dialect == "sqlite":
        Path(urlsplit(uri).path[1:]).parent.mkdir(parents=True, exist_ok=True)
    patience = {"connect_timeout": CONNECT_SECONDS} if dialect in {"postgresql", "mysql"} else {}
    with create_engine(uri, poolclass=NullPool, connect_args=patience).connect():
        pass


def _database(uri: str) -> str | None:
    dialect = urlsplit(uri).scheme.partition("+")[0]
    return dialect if dialect in _DATABASES else None


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    import fcntl

    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _passwords(uri: str) -> set[str]:
    parts = urlsplit(uri)
    given = [parts.password or "", *re.findall(r"password=([^&]*)", parts.query)]
    return {form for word in given for form in (word, unquote(word)) if word}


def _without_passwords(text: str, uri: str) -> str:
    for password in sorted(_passwords(uri), key=len, reverse=True):
        text = text.replace(password, "***")
    return text
