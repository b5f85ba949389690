"""The recipe of the table of features: the identity of all that decides what is in it."""

from __future__ import annotations

import hashlib
import json

from retrain_assets.features.columns import FeatureColumns
from retrain_assets.features.function import function_code
from retrain_assets.spec import PipelineSpec


def recipe(spec: PipelineSpec, columns: FeatureColumns) -> str:
    """Hash what the table of features is made by; tables of one recipe hold the same values of the same rows.

    Parameters
    ----------
    spec
        The declaration: its derivations, and the code of the module of a declared function.
    columns
        Features, raw columns that they are made of, and kept columns.
    """
    derivations = list(spec.features.derive.items())
    parts = {
        "numeric": columns.numeric,
        "categorical": columns.categorical,
        "inputs": {name: str(dtype) for name, dtype in columns.inputs.items()},
        "kept": {name: str(dtype) for name, dtype in columns.kept.items()},
        "derivations": derivations,
        "code": [function_code(text) for name, text in derivations if name == "function"],
    }
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
