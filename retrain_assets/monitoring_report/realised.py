"""Partitions whose realised quality is known for the first time, or is another one than it was."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from retrain_assets.declaration import Declaration

Realised = dict[str, float]


def told_before(declaration: Declaration) -> Realised | None:
    """Read what the life page tells of each partition's quality; None before there is one."""
    file = declaration.reports / "life.json"
    return realised_of(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else None


def realised_of(life: Mapping[str, Any]) -> Realised:
    """Quality of each partition's own rows in a model's life, by key; those without any are left out."""
    return {part["key"]: part["realised"] for part in life["partitions"] if part.get("realised") is not None}


def newly_realised(before: Realised | None, after: Realised) -> Realised:
    """Find what has become known or has changed between two pages.

    Parameters
    ----------
    before
        Of the page before; None without one, where nothing counts as new.
    after
        Of the present page.
    """
    if before is None:
        return {}
    # Rows are read in another order each time, which moves the last digits.
    return {
        key: value
        for key, value in after.items()
        if key not in before or not math.isclose(before[key], value, rel_tol=1e-9, abs_tol=1e-12)
    }
