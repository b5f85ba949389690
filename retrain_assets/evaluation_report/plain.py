"""Figures as plain JSON values."""

from __future__ import annotations

import math
from datetime import datetime

import numpy as np

DIGITS = 6


def plain(value: object) -> object:
    """Give plain JSON values: numbers to six significant digits, those that are none or infinite as None.

    Parameters
    ----------
    value
        Nested dicts, lists and tuples of texts, moments and numbers, those of NumPy among them.
    """
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, float | np.floating):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value
