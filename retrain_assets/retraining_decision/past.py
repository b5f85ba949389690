"""The attempts so far, from the record of attempts, the failed runs and the ledger."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import get_args

from retrain_assets.attempts import Attempt, Stage, attempts
from retrain_assets.champion.standing import LedgerEntry, standing_of
from retrain_assets.declaration import Declaration
from retrain_assets.evaluation_report.verdict_evidence import LOOKED_AT_AGAIN
from retrain_assets.retraining_decision.evidence import NextLook, Unfinished
from retrain_assets.retraining_decision.history import History, PastAttempt
from retrain_assets.retraining_decision.policy import Policy, train_end_at
from retrain_assets.retraining_decision.reasons import NEXT_LOOK


@dataclass(frozen=True)
class FailedRun:
    """A retrain that failed or was canceled.

    Parameters
    ----------
    run
        Id of the run, and of the attempt that it made.
    as_of
        The moment of knowledge that it was launched with; None where a person launched it without one.
    evidence
        By code of a reason, the identity of the evidence that it was launched for.
    ended
        When it ended, wall time.
    canceled
        Whether a person stopped it. Its verdict is not acted on then.
    resumed
        The attempt that it was to look at again, or whose verdict it was to act on; None where it was to make
        one of its own.
    """

    run: str
    as_of: datetime | None
    evidence: Mapping[str, str]
    ended: datetime
    canceled: bool = False
    resumed: str | None = None


@dataclass(frozen=True)
class Past:
    """What has been tried, and what of it can be gone on with.

    Parameters
    ----------
    history
        The attempts.
    unfinished
        The newest of them, where its run failed after the verdict and the verdict still can be acted on.
    next_look
        The newest of them, where it was inconclusive and its candidate is to be looked at again.
    """

    history: History
    unfinished: Unfinished | None = None
    next_look: NextLook | None = None


def read_past(declaration: Declaration, policy: Policy, failed: Sequence[FailedRun]) -> Past:
    """Read what has been tried.

    An attempt whose run failed before its verdict was acted on counts as failed: it consumes nothing, and it
    spaces the tries. One that was looked at again counts once, at the moment of its training, by its newest
    verdict.

    Parameters
    ----------
    declaration
        The pipeline.
    policy
        What it declares.
    failed
        Retrains that failed or were canceled.
    """
    record = attempts(declaration.lake)
    trained, evaluated, registered = (
        {item.attempt: item for item in record if item.stage == stage} for stage in get_args(Stage)
    )
    judged = {name: item for name, item in evaluated.items() if name in trained and not item.payload["trial"]}
    entries = declaration.ledger.entries()
    ended = _acted_on(evaluated, registered) | _overtaken(entries)
    by_attempt = {run.resumed or run.run: run for run in sorted(failed, key=lambda run: run.ended)}
    own = {run.run for run in failed}
    broken = {name for name in judged if name in by_attempt and name not in ended}
    newest = max(judged.values(), key=lambda item: (trained[item.attempt].as_of, item.at), default=None)
    unfinished = next_look = None
    if newest is not None and newest.attempt not in broken:
        next_look = _next_look(newest, entries)
    elif newest is not None and not by_attempt[newest.attempt].canceled:
        unfinished = _unfinished(newest, entries)
    waiting = None if next_look is None else next_look.attempt
    past = [
        (
            trained[name].as_of,
            item.at,
            _attempt(trained[name], item, failed=name in broken & own, waits=name == waiting),
        )
        for name, item in judged.items()
    ]
    past += [
        (moment, run.ended, _failure(run, moment, policy))
        for run, moment in ((run, run.as_of) for run in failed)
        if moment is not None and run.run not in evaluated and not _made_good(run, moment, ended, evaluated)
    ]
    # At one moment of knowledge a run may fail before another that succeeds, or after it: only the latter backs off.
    history = History(tuple(attempt for *_, attempt in sorted(past, key=lambda item: item[:2])))
    return Past(history, unfinished, next_look)


def _acted_on(evaluated: Mapping[str, Attempt], registered: Mapping[str, Attempt]) -> set[str]:
    """Attempts whose newest verdict was acted on: a later look gives another one."""
    return {
        name
        for name, item in registered.items()
        if name not in evaluated or evaluated[name].as_of <= item.as_of
    }


def _failure(run: FailedRun, as_of: datetime, policy: Policy) -> PastAttempt:
    end = train_end_at(as_of, policy)
    return PastAttempt(as_of, end, "failed", run.evidence, trains=run.resumed is None)


def _made_good(
    run: FailedRun, as_of: datetime, ended: Collection[str], evaluated: Mapping[str, Attempt]
) -> bool:
    """Whether what a failed run was to do for an earlier attempt has been done since."""
    if run.resumed is None or run.resumed not in ended:
        return False
    return NEXT_LOOK not in run.evidence or evaluated[run.resumed].as_of >= as_of


def _overtaken(entries: Sequence[LedgerEntry]) -> set[str]:
    """Attempts that were acted on, by a run that did not live to record it, and are no longer in force."""
    standing = standing_of(entries)
    return {
        str(entry.evidence["attempt"])
        for entry in entries
        if "attempt" in entry.evidence
        and not (entry.version == standing.version and entry.action in ("promoted", "confirmed"))
    }


def _attempt(trained: Attempt, judged: Attempt, *, failed: bool, waits: bool) -> PastAttempt:
    """An attempt as one of the past; one that ``waits`` for its next look is no reason to train another."""
    verdict = judged.payload["verdict"]
    return PastAttempt(
        as_of=trained.as_of,
        # As it was, whatever holdout and delay are declared today.
        train_end=datetime.fromisoformat(trained.payload["windows"]["train_end"]),
        outcome="failed" if failed else verdict["verdict"],
        consumed=trained.payload["evidence"],
        code_version=trained.payload["code_version"],
        next_look=None if waits else _moment(verdict["next_look"]),
    )


def _next_look(judged: Attempt, entries: Sequence[LedgerEntry]) -> NextLook | None:
    """The attempt as one to look at again; None where it is settled, or compared with a champion that has gone."""
    verdict = judged.payload["verdict"]
    due = _moment(verdict["next_look"])
    if verdict["reason"] not in LOOKED_AT_AGAIN or due is None:
        return None
    if standing_of(entries).version != judged.payload["champion"]:
        return None
    return NextLook(judged.attempt, judged.as_of, due)


def _unfinished(judged: Attempt, entries: Sequence[LedgerEntry]) -> Unfinished | None:
    """The attempt as one to go on with; None where the champion that it was compared with has gone."""
    acted = any(entry.evidence.get("attempt") == judged.attempt for entry in entries)
    if not acted and standing_of(entries).version != judged.payload["champion"]:
        return None
    return Unfinished(judged.attempt, judged.as_of, judged.payload["verdict"]["verdict"])


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
