"""The registry follows the ledger: its alias ``champion``, and a word on every version the ledger does not name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from retrain_assets.champion.approvals import Approval, approvals, told_of, waiting_for
from retrain_assets.champion.ledger import Ledger, LedgerEntry
from retrain_assets.champion.standing import barred_by, standing_of
from retrain_assets.champion.tracking import alone, client, mlflow_errors, settled, shown_uri, tracking_uri
from retrain_assets.errors import ChampionError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

CHAMPION = "champion"
CHALLENGER = "challenger"
ATTEMPT_TAG = "retrain_assets/attempt"
ORPHANED_TAG = "retrain_assets/orphaned"
APPROVAL_TAG = "retrain_assets/approval"


@dataclass(frozen=True)
class Alignment:
    """What a reader found when it compared the registry with the ledger, and mended.

    Parameters
    ----------
    champion
        The champion by the ledger, which the alias names afterwards; None where there is none.
    findings
        A sentence for each thing that differed from the ledger.
    """

    champion: int | None
    findings: tuple[str, ...]


def reconcile(name: str, ledger: Ledger) -> Alignment:
    """Make the registry follow the ledger, whatever a crash, or a hand, left behind.

    The alias ``champion`` is put where the ledger says, and ``challenger`` on the version that waits for approval.
    What became of a version that needed approval is told by a tag, and so is that of one that no entry names,
    which is an orphan.

    Parameters
    ----------
    name
        The registered model.
    ledger
        The pipeline's ledger.

    Raises
    ------
    ChampionError
        When MLflow cannot be reached, or does not have the champion's version.
    """
    entries = ledger.entries()
    connected = client(_behind(entries))
    findings: list[str] = []
    while True:
        with mlflow_errors(_behind(entries)), alone(tracking_uri()):
            settled(partial(_align, connected, name, entries, approvals(ledger.lake), findings))
        # Somebody else may have committed after this process had read the ledger, and been overwritten.
        newest = ledger.entries()
        if len(newest) == len(entries):
            return Alignment(standing_of(entries).version, tuple(dict.fromkeys(findings)))
        entries = newest


def registered_versions(connected: MlflowClient, name: str) -> dict[int, ModelVersion]:
    """Read every registered version of a model, by its number; none where there is no such model."""
    found: dict[int, ModelVersion] = {}
    token: str | None = None
    while True:
        page = connected.search_model_versions(f"name = '{name}'", page_token=token)
        found |= {int(version.version): version for version in page}
        token = page.token
        if not token:
            return found


def _align(
    connected: MlflowClient,
    name: str,
    entries: Sequence[LedgerEntry],
    record: Sequence[Approval],
    findings: list[str],
) -> None:
    champion = standing_of(entries).version
    registered = registered_versions(connected, name)
    if champion is not None and champion not in registered:
        raise ChampionError(_lost(name, champion))
    aliases = {
        alias: int(version)
        for model in connected.search_registered_models(f"name = '{name}'")
        for alias, version in model.aliases.items()
    }
    found = aliases.get(CHAMPION)
    if found != champion:
        if champion is None:
            connected.delete_registered_model_alias(name, CHAMPION)
        else:
            connected.set_registered_model_alias(name, CHAMPION, str(champion))
        findings.append(_moved(name, found, champion))
    known = {entry.version for entry in entries} | {entry.version for entry in record}
    _tell_orphans(connected, name, entries, known, registered, findings)
    for number, version in registered.items():
        sentence = told_of(name, record, champion, number)
        if sentence is not None and version.tags.get(APPROVAL_TAG) != sentence:
            connected.set_model_version_tag(name, str(number), APPROVAL_TAG, sentence)
    waiting = waiting_for(record, champion)
    if waiting is not None and waiting.version in registered:
        if aliases.get(CHALLENGER) != waiting.version:
            connected.set_registered_model_alias(name, CHALLENGER, str(waiting.version))
    elif CHALLENGER in aliases:
        connected.delete_registered_model_alias(name, CHALLENGER)


def _tell_orphans(
    connected: MlflowClient,
    name: str,
    entries: Sequence[LedgerEntry],
    known: set[int],
    registered: dict[int, ModelVersion],
    findings: list[str],
) -> None:
    for number, version in registered.items():
        told = ORPHANED_TAG in version.tags
        if number in known and told:
            connected.delete_model_version_tag(name, str(number), ORPHANED_TAG)
        elif number not in known and not told:
            sentence = _orphaned(name, number, version.tags.get(ATTEMPT_TAG), entries)
            connected.set_model_version_tag(name, str(number), ORPHANED_TAG, sentence)
            findings.append(sentence)


def _moved(name: str, found: int | None, champion: int | None) -> str:
    was = "was missing" if found is None else f"named version {found}"
    if champion is None:
        return (
            f"The alias champion of {name} {was}, but the ledger knows no champion; the alias was taken away. "
            f"{name}_promote makes a version champion."
        )
    return (
        f"The alias champion of {name} {was}, but by the ledger version {champion} is the champion; the alias "
        "names it again. A run ended before it had moved the alias, or it was moved by hand: the champion is "
        f"changed by {name}_promote and {name}_rollback."
    )


def _orphaned(name: str, version: int, attempt: str | None, entries: Sequence[LedgerEntry]) -> str:
    if attempt is None:
        return (
            f"Version {version} of {name} was registered by hand: no entry of the ledger names it, and it never "
            "was champion."
        )
    way = (
        f"{name}_promote with that attempt makes it one."
        if barred_by(entries, version, attempt) is None
        else "the same model was rolled back under another number, so it cannot become one."
    )
    return (
        f"Version {version} of {name} was registered by the run {attempt}, but no entry of the ledger names it: "
        "the run ended before it was promoted, or another change of champion came first. It never was champion; "
        f"{way}"
    )


def _lost(name: str, champion: int) -> str:
    return (
        f"Version {champion} of {name} is the champion by the ledger, but MLflow at {shown_uri()} does not have "
        "it. If MLflow's store was moved, put it back or mend MLFLOW_TRACKING_URI, and start the run again. If "
        f"the version was deleted, {name}_rollback puts the previous champion back, and {name}_promote makes "
        "another version, or the candidate of a run, champion."
    )


def _behind(entries: Sequence[LedgerEntry]) -> str:
    champion = standing_of(entries).version
    stands = (
        "The ledger knows no champion"
        if champion is None
        else f"By the ledger version {champion} is champion"
    )
    return (
        f"{stands}, and the next retrain makes the registry agree; see that the server runs and that "
        "MLFLOW_TRACKING_URI is right."
    )
