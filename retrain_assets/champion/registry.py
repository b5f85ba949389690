"""The MLflow registry: versions, and how one becomes champion."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from retrain_assets.champion.alignment import (
    ATTEMPT_TAG,
    CHALLENGER,
    Alignment,
    reconcile,
    registered_versions,
)
from retrain_assets.champion.ledger import Ledger, LedgerEntry, check_reason
from retrain_assets.champion.loading import load_model, load_version
from retrain_assets.champion.tracking import (
    client,
    ensure_experiment,
    mlflow_errors,
    settled,
    stored_path,
    tracking_uri,
)
from retrain_assets.errors import ChampionError

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = [
    "Alignment",
    "client",
    "ensure_experiment",
    "load_model",
    "load_version",
    "promote",
    "reconcile",
    "register_version",
    "roll_back",
    "tracking_uri",
]


def register_version(
    name: str,
    *,
    model_uri: str,
    attempt: str,
    tags: Mapping[str, str],
    description: str | None = None,
    taken: Collection[int] = (),
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
    taken
        Numbers that the ledger knows: a registry that was made anew counts from 1 again, and one number must
        never stand for two models.

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
        while True:
            created = connected.create_model_version(
                name,
                source=logged.artifact_location,
                run_id=logged.source_run_id,
                model_id=logged.model_id,
                tags={**tags, ATTEMPT_TAG: attempt},
                description=description,
            )
            version = int(created.version)
            if version not in taken:
                break
            connected.delete_model_version(name, str(version))
        settled(partial(connected.set_registered_model_alias, name, CHALLENGER, str(version)))
    return version


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
    _check_registered(connected, name, version)
    try:
        return ledger.commit(
            action=action,
            version=version,
            expected_champion=expected_champion,
            actor=actor,
            reason=reason,
            evidence=_with_stored_path(evidence),
            as_of=as_of,
        )
    finally:
        # A version that was refused is told to be orphaned.
        reconcile(name, ledger)


def roll_back(
    name: str,
    ledger: Ledger,
    *,
    actor: str,
    reason: str,
    as_of: datetime,
    asked_at: datetime | None = None,
    meant: int | None = None,
) -> LedgerEntry:
    """Put the previous champion back and bar the present one: first in the ledger, then by the alias.

    Parameters
    ----------
    name
        The registered model.
    ledger
        The pipeline's ledger.
    actor, reason
        Who decided, and why.
    as_of
        The moment on the data clock, UTC.
    asked_at
        When it was asked for, wall time: who was champion then is meant. None means now.
    meant
        The champion that is to be rolled back, where that is known.

    Raises
    ------
    ChampionError
        When there is no earlier champion, or MLflow does not have it, the champion has changed since it was asked
        for, actor or reason is missing, or MLflow cannot be reached.
    """
    check_reason(name, actor, reason)
    connected = client()
    previous = ledger.meant_by_rollback(asked_at, meant).previous
    # A rollback that fails after the ledger's entry would be asked for again, and take the next version too.
    if previous:
        _check_registered(connected, name, previous[0])
    entry = ledger.roll_back(actor=actor, reason=reason, as_of=as_of, asked_at=asked_at, meant=meant)
    reconcile(name, ledger)
    return entry


def _check_registered(connected: MlflowClient, name: str, version: int) -> None:
    with mlflow_errors():
        registered = registered_versions(connected, name)
    if version not in registered:
        listed = ", ".join(map(str, sorted(registered))) or "none"
        raise ChampionError(f"{name} has no registered version {version}. Registered are: {listed}.")


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
