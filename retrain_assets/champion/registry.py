"""The MLflow registry: versions, and the alias that follows the ledger."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

from retrain_assets.champion.ledger import Ledger, LedgerEntry
from retrain_assets.champion.model_file import load_file
from retrain_assets.champion.tracking import (
    client,
    ensure_experiment,
    mlflow_errors,
    stored_path,
    tracking_uri,
)
from retrain_assets.errors import ChampionError
from retrain_assets.lake import Lake, home

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = [
    "client",
    "ensure_experiment",
    "load_model",
    "load_version",
    "promote",
    "reconcile",
    "register_version",
    "stored_path",
    "tracking_uri",
]

CHAMPION = "champion"
CHALLENGER = "challenger"
ATTEMPT_TAG = "retrain_assets/attempt"

_LOGGED_MODEL = re.compile(r"models:/(m-[0-9a-f]+)")


def register_version(name: str, *, model_uri: str, attempt: str, tags: Mapping[str, str]) -> int:
    """Register an attempt's model, once however often it is asked for, and make it challenger.

    Parameters
    ----------
    name
        The registered model.
    model_uri
        Where MLflow logged the model, ``models:/m-...``.
    attempt
        Id of the attempt; a crash after registering must not register it again.
    tags
        Further tags of the version.

    Returns
    -------
    int
        The version.

    Raises
    ------
    ChampionError
        When MLflow cannot be reached, or has no such model.
    """
    connected = client()
    with mlflow_errors():
        _ensure_registered_model(connected, name)
        found = connected.search_model_versions(f"name = '{name}' and tags.`{ATTEMPT_TAG}` = '{attempt}'")
        if found:
            return min(int(version.version) for version in found)
        logged = _LOGGED_MODEL.fullmatch(model_uri)
        created = connected.create_model_version(
            name,
            source=model_uri,
            tags={**tags, ATTEMPT_TAG: attempt},
            model_id=logged and logged[1],
        )
        connected.set_registered_model_alias(name, CHALLENGER, str(created.version))
    return int(created.version)


def promote(
    name: str,
    ledger: Ledger,
    version: int,
    *,
    expected_champion: int | None,
    actor: str,
    reason: str,
    evidence: Mapping[str, Any],
    as_of: datetime,
    action: Literal["promoted", "forced"] = "promoted",
) -> LedgerEntry:
    """Make a registered version champion: first in the ledger, then by the alias.

    Parameters
    ----------
    name
        The registered model.
    ledger
        The pipeline's ledger.
    version
        The version.
    expected_champion
        The champion that the decision was taken against; None means that there was none.
    actor, reason
        Who decided, and why.
    evidence
        What the decision rests on; ``model_path`` says where the model's files are.
    as_of
        The moment on the data clock, UTC.
    action
        Whether evidence promoted it, or a person forced it.

    Raises
    ------
    ChampionError
        When the version is not registered, the ledger refuses, or MLflow cannot be reached.
    """
    connected = client()
    with mlflow_errors():
        registered = _versions(connected, name)
    if version not in registered:
        listed = ", ".join(map(str, sorted(registered))) or "none"
        raise ChampionError(f"{name} has no registered version {version}. Registered are: {listed}.")
    entry = ledger.commit(
        action=action,
        version=version,
        expected_champion=expected_champion,
        actor=actor,
        reason=reason,
        evidence=evidence,
        as_of=as_of,
    )
    reconcile(name, ledger)
    return entry


def reconcile(name: str, ledger: Ledger) -> int | None:
    """Make the alias ``champion`` follow the ledger, and return the champion's version.

    Mends what a crash between ledger and alias, or a hand, left behind.

    Parameters
    ----------
    name
        The registered model.
    ledger
        The pipeline's ledger.

    Raises
    ------
    ChampionError
        When MLflow cannot be reached, or no longer has the champion's version.
    """
    connected = client()
    champion = ledger.standing().version
    with mlflow_errors():
        while True:
            _set_aliases(connected, name, champion)
            # A promotion in the meantime may have set the alias before this process overwrote it.
            newest = ledger.standing().version
            if newest == champion:
                return champion
            champion = newest


def load_version(name: str, version: int, trusted_modules: Sequence[str]) -> Any:
    """Load the model of a version; MLflow is imported only where the ledger does not know the files' place.

    Parameters
    ----------
    name
        The registered model.
    version
        The version.
    trusted_modules
        Modules that the declaration names, whose types a model file may hold.

    Raises
    ------
    ChampionError
        When the files are missing or broken, or hold a type that is not trusted.
    """
    paths = (
        entry.evidence.get("model_path") for entry in Ledger(Lake(name)).entries() if entry.version == version
    )
    try:
        place = next((path for path in paths if path), None) or _registered_place(name, version)
        return load_model(place, trusted_modules)
    except ChampionError as error:
        raise ChampionError(
            f"Version {version} of {name} cannot be loaded. {error} The way out is another champion: "
            f"{name}_promote makes one of the other versions champion, {name}_rollback the previous one."
        ) from error


def load_model(model_path: str, trusted_modules: Sequence[str]) -> Any:
    """Load a model from where its files are.

    Parameters
    ----------
    model_path
        A path, relative to the home folder or absolute, or an address that MLflow can download from.
    trusted_modules
        Modules that the declaration names, whose types a model file may hold.

    Raises
    ------
    ChampionError
        When the files are missing or broken, or hold a type that is not trusted.
    """
    if ":/" not in model_path:
        return load_file(home() / model_path, trusted_modules)
    client()
    from mlflow.artifacts import download_artifacts

    with TemporaryDirectory() as folder:
        with mlflow_errors():
            place = download_artifacts(artifact_uri=model_path, dst_path=folder, tracking_uri=tracking_uri())
        return load_file(Path(place), trusted_modules)


def _registered_place(name: str, version: int) -> str:
    connected = client()
    with mlflow_errors():
        return stored_path(connected.get_model_version_download_uri(name, str(version)))


def _ensure_registered_model(connected: MlflowClient, name: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        connected.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _versions(connected: MlflowClient, name: str) -> set[int]:
    found: set[int] = set()
    token: str | None = None
    while True:
        page = connected.search_model_versions(f"name = '{name}'", page_token=token)
        found |= {int(version.version) for version in page}
        token = page.token
        if not token:
            return found


def _set_aliases(connected: MlflowClient, name: str, champion: int | None) -> None:
    registered = connected.search_registered_models(f"name = '{name}'")
    aliases = {alias: int(version) for model in registered for alias, version in model.aliases.items()}
    if champion is None:
        if CHAMPION in aliases:
            connected.delete_registered_model_alias(name, CHAMPION)
        return
    if aliases.get(CHAMPION) != champion:
        connected.set_registered_model_alias(name, CHAMPION, str(champion))
    if aliases.get(CHALLENGER) == champion:
        connected.delete_registered_model_alias(name, CHALLENGER)
