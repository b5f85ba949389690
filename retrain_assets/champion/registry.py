"""The MLflow registry: versions, and the alias that follows the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from retrain_assets.champion.ledger import Ledger, LedgerEntry
from retrain_assets.champion.loading import load_model, load_version
from retrain_assets.champion.tracking import (
    client,
    ensure_experiment,
    mlflow_errors,
    stored_path,
    tracking_uri,
)
from retrain_assets.errors import ChampionError

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
    "tracking_uri",
]

CHAMPION = "champion"
CHALLENGER = "challenger"
ATTEMPT_TAG = "retrain_assets/attempt"


def register_version(
    name: str, *, model_uri: str, attempt: str, tags: Mapping[str, str], description: str | None = None
) -> int:
    """Register an attempt's model, once however often it is asked for, and make it challenger.

    Parameters
    ----------
    name
        The registered model.
    model_uri
        Where MLflow logged the model, ``models:/<id>``.
    attempt
        Id of the attempt; a crash after registering must not register it again.
    tags
        Further tags of the version.
    description
        What a reader of the registry should know about it.

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
        # MLflow would look a models:/ address up in whatever store this process speaks to by default.
        logged = connected.get_logged_model(model_uri.removeprefix("models:/"))
        created = connected.create_model_version(
            name,
            source=logged.artifact_location,
            run_id=logged.source_run_id,
            model_id=logged.model_id,
            tags={**tags, ATTEMPT_TAG: attempt},
            description=description,
        )
        connected.set_registered_model_alias(name, CHALLENGER, str(created.version))
    return int(created.version)


def promote(  # noqa: PLR0913  one argument for each field of the entry
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
        evidence=_with_stored_path(evidence),
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
    while True:
        with mlflow_errors():
            _set_aliases(connected, name, champion)
        # Another promoter may have set the alias after this process had read the ledger.
        newest = ledger.standing().version
        if newest == champion:
            return champion
        champion = newest


def _with_stored_path(evidence: Mapping[str, Any]) -> dict[str, Any]:
    path = evidence.get("model_path")
    return dict(evidence) | ({"model_path": stored_path(path)} if path else {})


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
