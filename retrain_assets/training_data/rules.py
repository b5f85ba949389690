"""What a delivery is read and judged by, as one hash."""

from __future__ import annotations

import hashlib
import json

from retrain_assets.declaration import Declaration
from retrain_assets.spec.source import NOT_READING


def rules_hash(declaration: Declaration) -> str:
    """Identity of all that decides what is read of a partition, and which of its rows are accepted."""
    spec = declaration.spec
    rules = {
        "expectations": [item.model_dump(mode="json") for item in spec.expectations],
        "source": spec.source.model_dump(mode="json", exclude=NOT_READING),
        "function": declaration.source_code(),
        "columns": spec.model_dump(
            mode="json", include={"timezone", "label", "weight", "features"}, exclude={"label": {"source"}}
        ),
        "label_is_elsewhere": spec.label.source is not None,
    }
    return hashlib.sha256(json.dumps(rules, sort_keys=True, default=str).encode()).hexdigest()[:16]
