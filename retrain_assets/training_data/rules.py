"""What a delivery is read and judged by, as one hash."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from retrain_assets.declaration import Declaration

# What decides when a partition is read, and what may hold a password.
_NOT_READING: dict[str, Any] = {
    "start": True,
    "complete_after": True,
    "expected_every": True,
    "url": True,
    "read": {"storage_options"},
}


def rules_hash(declaration: Declaration) -> str:
    """Identity of all that decides what is read of a partition, and which of its rows are accepted."""
    spec = declaration.spec
    rules = {
        "expectations": [item.model_dump(mode="json") for item in spec.expectations],
        "source": spec.source.model_dump(mode="json", exclude=_NOT_READING),
        "function": declaration.source_code(),
        "columns": spec.model_dump(mode="json", include={"timezone", "label", "weight", "features"}),
    }
    return hashlib.sha256(json.dumps(rules, sort_keys=True, default=str).encode()).hexdigest()[:16]
