"""A policy as a block of YAML to paste into a declaration."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import yaml

from retrain_assets.cadence_report.matrix import WindowPolicy
from retrain_assets.spec import PipelineSpec
from retrain_assets.spec.base import format_duration

DAILY, WEEKLY, MONTHLY, QUARTERLY = "0 2 * * *", "0 2 * * 1", "0 2 1 * *", "0 2 1 */3 *"
_DAY = timedelta(days=1)


def can_be_declared(window: WindowPolicy) -> bool:
    """Whether ``training.window`` can say it: rows cannot be weighed by age there."""
    return window.kind != "weighted"


def window_block(window: WindowPolicy) -> dict[str, Any]:
    """Write a window as ``training.window`` declares it."""
    if isinstance(window.length, timedelta):
        return {"type": "rolling", "length": format_duration(window.length)}
    if isinstance(window.length, int):
        return {"type": "rolling", "rows": window.length}
    return {"type": "expanding"}


def every(period: timedelta, shortest: timedelta) -> dict[str, Any]:
    """Write a period as ``retrain_when`` declares it: a schedule where the calendar has one, else a greatest age.

    Parameters
    ----------
    period
        Its usual length.
    shortest
        Its length at the least, as of two months that hold a February: a greatest age beyond it would at times be
        reached a block later.
    """
    days = period / _DAY
    crons = {DAILY: (1, 1), WEEKLY: (7, 7), MONTHLY: (28, 31), QUARTERLY: (89, 92)}
    for cron, (least, most) in crons.items():
        if least <= days <= most and not (cron == MONTHLY and days == 28):
            return {"schedule": cron}
    return {"max_age": format_duration(shortest)}


def declared_triggers(spec: PipelineSpec) -> dict[str, Any]:
    """Write ``retrain_when`` as it is declared; what is left to its default is left out."""
    return spec.retrain_when.model_dump(mode="json", exclude_unset=True)


def as_text(window: WindowPolicy, when: dict[str, Any]) -> str:
    """Write the blocks to paste.

    Parameters
    ----------
    window
        The window.
    when
        What stands under ``retrain_when``.
    """
    blocks = {"training": {"window": window_block(window)}, "retrain_when": when}
    return yaml.safe_dump(blocks, sort_keys=False, default_flow_style=False)
