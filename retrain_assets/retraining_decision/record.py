"""The record of decisions: what changed, not every tick."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import polars as pl

from retrain_assets.declaration import Declaration
from retrain_assets.lake_tables import SCHEMAS
from retrain_assets.retraining_decision.decision import Decision


def last_decision(declaration: Declaration) -> dict[str, Any] | None:
    """Read the newest decision on record; None where there is none."""
    newest = declaration.lake.scan("decisions").sort("at").tail(1).collect()
    if newest.is_empty():
        return None
    row = newest.row(0, named=True)
    return {"act": row["act"], **json.loads(row["payload"])}


def last_holds(declaration: Declaration) -> tuple[str, ...]:
    """Tell what held back the newest decision on a retrain, by codes; a rollback since has ended none of it."""
    on_retrains = pl.col("payload").str.json_path_match("$.rolls_back").is_null()
    newest = declaration.lake.scan("decisions").filter(on_retrains).sort("at").tail(1).collect()
    return () if newest.is_empty() else codes(json.loads(newest["payload"].item()), "held_back_by")


def last_act(declaration: Declaration) -> datetime | None:
    """Tell when (wall time) the newest decision was recorded, if it was to act; None else."""
    newest = declaration.lake.scan("decisions").sort("at").tail(1).filter("act").select("at").collect()
    return None if newest.is_empty() else newest.item()


def is_new(decision: Decision, last: Mapping[str, Any] | None) -> bool:
    """Say whether a decision does something else than the last, or for other reasons, or with other holds.

    A decision to act always is new, because each is a run.
    """
    return last is None or decision.act or last["act"] or _kind(_payload(decision)) != _kind(last)


def record_decision(declaration: Declaration, decision: Decision, as_of: datetime) -> None:
    """Append a decision to the record."""
    row = {
        "as_of": as_of,
        "at": datetime.now(UTC),
        "act": decision.act,
        "payload": json.dumps(_payload(decision)),
    }
    declaration.lake.append("decisions", pl.DataFrame([row], schema=SCHEMAS["decisions"]))


def codes(payload: Mapping[str, Any], part: str) -> tuple[str, ...]:
    """Codes of a recorded decision's ``reasons``, or of what it is ``held_back_by``."""
    return tuple(item["code"] for item in payload[part])


def _payload(decision: Decision) -> dict[str, Any]:
    return {
        "sentence": decision.sentence,
        "reasons": [{"code": item.code, "sentence": item.sentence} for item in decision.reasons],
        "held_back_by": [{"code": item.code, "sentence": item.sentence} for item in decision.held_back_by],
        "foreseen": decision.foreseen,
        "would_change": decision.would_change,
        "earliest": decision.earliest.isoformat() if decision.earliest else None,
    }


def _kind(payload: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    """What a decision does, without the figures in its sentences."""
    return tuple(codes(payload, part) for part in ("reasons", "held_back_by"))
