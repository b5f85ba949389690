"""Comparing matrices."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from retrain_assets.cadence_report.matrix import Matrix

TIMES = {"fit_seconds", "score_seconds"}


def differences(one: Matrix, other: Matrix, but: frozenset[str] = frozenset()) -> list[str]:
    """Names of the parts of two matrices that differ, but for measured times."""
    found = []
    for field in fields(Matrix):
        left, right = getattr(one, field.name), getattr(other, field.name)
        same = (
            np.array_equal(left, right, equal_nan=left.dtype.kind == "f")
            if isinstance(left, np.ndarray)
            else left == right
        )
        if not same and field.name not in TIMES | but:
            found.append(field.name)
    return found
