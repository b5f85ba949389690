"""A blessed candidate that waits for a person: how it comes to wait, and how the wait ends without a decision."""

from __future__ import annotations

from datetime import UTC, datetime

from retrain_assets.attempts import Attempt
from retrain_assets.champion.approvals import Approval, append_approval, approvals
from retrain_assets.champion.registry import reconcile
from retrain_assets.champion.standing import ACTOR
from retrain_assets.declaration import Declaration


def await_approval(
    declaration: Declaration, evaluated: Attempt, version: int, champion: int | None, model_path: str
) -> None:
    """Let a registered candidate wait for approval; one that waits already gives way to it.

    Parameters
    ----------
    declaration
        The pipeline.
    evaluated
        The evaluation that blessed it.
    version
        Its version in the registry.
    champion
        The champion that it was compared with.
    model_path
        Where its files are.
    """
    now, reason = declaration.data_clock(), evaluated.payload["verdict"]["sentence"]
    while True:
        entry = Approval(
            sequence=len(approvals(declaration.lake)),
            event="waiting",
            version=version,
            attempt=evaluated.attempt,
            champion=champion,
            model_path=model_path,
            actor=ACTOR,
            reason=reason,
            as_of=now,
            expires=now + declaration.spec.promotion.approval_expires,
            wall_time=datetime.now(UTC),
        )
        if append_approval(declaration.lake, entry, event="waiting", actor=ACTOR, reason=reason, as_of=now):
            return


def expire_waiting(declaration: Declaration) -> None:
    """End the wait of a candidate that nobody has decided on in time.

    Parameters
    ----------
    declaration
        The pipeline.
    """
    record = approvals(declaration.lake)
    newest = record[-1] if record else None
    now = declaration.data_clock()
    if newest is None or newest.event != "waiting" or now <= newest.expires:
        return
    reason = "Nobody decided in time."
    append_approval(declaration.lake, newest, event="expired", actor=ACTOR, reason=reason, as_of=now)
    reconcile(declaration.name, declaration.ledger)
