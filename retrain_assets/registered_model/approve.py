"""A person's decision on the candidate that waits for approval."""

from __future__ import annotations

from datetime import datetime

from retrain_assets.attempts import Attempt, newest_attempt, record_attempt
from retrain_assets.champion.approvals import (
    Approval,
    Event,
    append_approval,
    approvals,
    told_of,
    waiting_for,
)
from retrain_assets.champion.ledger import check_reason
from retrain_assets.champion.registry import promote, reconcile
from retrain_assets.champion.standing import refusal
from retrain_assets.declaration import Declaration
from retrain_assets.errors import ChampionError
from retrain_assets.monitoring_report.life import write_life
from retrain_assets.registered_model.register import promotion_evidence
from retrain_assets.registered_model.serving import check_serves
from retrain_assets.registered_model.waiting import expire_waiting


def decide_on_waiting(
    declaration: Declaration,
    *,
    approve: bool,
    actor: str,
    reason: str,
    asked_at: datetime | None = None,
    version: int | None = None,
) -> int:
    """Approve or decline the candidate that waits; returns its version.

    An approval makes it champion, if the champion still is the one that it was compared with. Of decisions that
    come at once, or beside a newer candidate, one is granted. A grant whose run died before the ledger's entry is
    brought to its end by the next approval.

    Parameters
    ----------
    declaration
        The pipeline.
    approve
        Whether it becomes champion, or never does by this attempt.
    actor, reason
        Who decided, and why.
    asked_at
        When it was asked for, wall time: the candidate that waited then is meant. None means now.
    version
        The candidate that is meant, where that is said.

    Raises
    ------
    ChampionError
        When none waits, another one than was meant does, it has expired, is barred or cannot be loaded, the
        champion has changed, actor or reason is missing, or MLflow cannot be reached.
    """
    name, lake = declaration.name, declaration.lake
    check_reason(name, actor, reason)
    expire_waiting(declaration)
    record = approvals(lake)
    newest = record[-1] if record else None
    champion = declaration.ledger.standing().version
    if newest is None:
        raise ChampionError(f"No candidate of {name} waits for approval, and none ever did.")
    _check_meant(name, newest, asked_at, version)
    if not (approve and _is_unfinished(declaration, newest)):
        if waiting_for(record, champion) is None:
            reconcile(name, declaration.ledger)
            raise ChampionError(
                f"Nothing was {_said(approve)}: {told_of(name, record, champion, newest.version)} "
                f"{name}_retrain trains another candidate."
            )
        if approve:
            refused = refusal(
                name, declaration.ledger.entries(), "promoted", newest.version, champion, newest.attempt
            )
            if refused is not None:
                raise ChampionError(refused)
            check_serves(declaration, newest.version, newest.attempt)
        event: Event = "approved" if approve else "declined"
        as_of = declaration.data_clock()
        if not append_approval(lake, newest, event=event, actor=actor, reason=reason, as_of=as_of):
            raise ChampionError(
                f"Nothing was {_said(approve)}: somebody else decided, or a newer candidate came to wait, at the "
                f"same moment. Look at {name}/registered_model and start the job again if it is still wanted."
            )
        newest = approvals(lake)[newest.sequence]
    if approve:
        _make_champion(declaration, newest)
    reconcile(name, declaration.ledger)
    write_life(declaration)
    return newest.version


def _check_meant(name: str, newest: Approval, asked_at: datetime | None, version: int | None) -> None:
    """Refuse a decision that was meant for a candidate before this one."""
    late = newest.event == "waiting" and asked_at is not None and newest.wall_time > asked_at
    if late or (version is not None and version != newest.version):
        raise ChampionError(
            f"The newest candidate of {name} that needs approval is version {newest.version}, not the one that was "
            f"meant. Look at its evaluation, and start {name}_approve again."
        )


def _is_unfinished(declaration: Declaration, newest: Approval) -> bool:
    """Whether a grant has no entry in the ledger, because its run died between the two."""
    made = {entry.evidence.get("attempt") for entry in declaration.ledger.entries()}
    return newest.event == "approved" and newest.attempt not in made


def _make_champion(declaration: Declaration, granted: Approval) -> None:
    evaluated = newest_attempt(declaration.lake, "evaluated", granted.attempt)
    if evaluated is None or evaluated.attempt != granted.attempt:
        raise ChampionError(
            f"The evaluation {granted.attempt} of version {granted.version} is not on record any more. "
            f"Run the job {declaration.name}_retrain."
        )
    promote(
        declaration.name,
        declaration.ledger,
        granted.version,
        expected_champion=granted.champion,
        actor=granted.actor,
        reason=granted.reason,
        evidence=promotion_evidence(declaration, evaluated) | _verdict(evaluated),
        as_of=granted.as_of,
    )
    record_attempt(
        declaration.lake,
        granted.attempt,
        "registered",
        evaluated.as_of,
        {
            "outcome": "promoted",
            "version": granted.version,
            "sentence": f"Version {granted.version} was approved by {granted.actor}.",
        },
    )


def _verdict(evaluated: Attempt) -> dict[str, str]:
    return {"verdict": evaluated.payload["verdict"]["sentence"]}


def _said(approve: bool) -> str:
    return "approved" if approve else "declined"
