"""What the first screen of a life page says of champion, newest candidate and decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from retrain_assets.champion.standing import ACTOR
from retrain_assets.evaluation_report.verdict_evidence import LOOKED_AT_AGAIN
from retrain_assets.pages.text import instant


def made_by(champion: Mapping[str, Any] | None) -> str | None:
    """Say how the champion became one, where that was not by the comparison alone."""
    if champion is None:
        return None
    by = "" if champion["actor"] == ACTOR else f" by {champion['actor']}"
    if champion["action"] == "rolled_back":
        return f"version {champion['replaced']} was rolled back{by}, and is barred"
    deed = "forced" if champion["action"] == "forced" else "approved"
    return f"{deed}{by}" if by else None


def waiting_for(document: Mapping[str, Any], decisions: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Give the newest decision, as what the pipeline does now; None before the first.

    Parameters
    ----------
    document
        The life.
    decisions
        Its decisions, newest first.
    """
    if not decisions:
        return None
    last = decisions[0]
    if last["act"]:
        lead = "It asked for a retrain."
    elif last.get("rolls_back"):
        lead = "It asked for a rollback."
    elif last["held_back_by"]:
        lead = "It wants to retrain, and waits." if last["reasons"] else "It waits."
    else:
        lead = "Nothing asks for a retrain."
    return {
        "as_of": last["as_of"],
        "lead": lead,
        "reasons": last["reasons"],
        "holds": last["held_back_by"],
        # A decision to roll back foresees nothing.
        "foreseen": last.get("foreseen", ""),
        "overtaken": any(_is_later(event, last) for event in (*document["evaluations"], *document["ledger"])),
    }


def newest_candidate(document: Mapping[str, Any]) -> dict[str, Any] | None:
    """Give the newest evaluation; without its next look where that will not come, and None before the first."""
    if not document["evaluations"]:
        return None
    # The same data may train two: of these the later run's is the newest.
    newest = max(document["evaluations"], key=lambda item: (instant(item["as_of"]), instant(item["at"])))
    settled = (
        newest["trial"]
        or newest["reason"] not in LOOKED_AT_AGAIN
        or any(entry["action"] != "confirmed" and _is_later(entry, newest) for entry in document["ledger"])
    )
    return dict(newest) | {"next_look": None if settled else newest.get("next_look")}


def _is_later(event: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether something happened after something else, by the clock."""
    return "at" in event and "at" in other and instant(event["at"]) > instant(other["at"])
