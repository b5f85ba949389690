"""Numbers in sentences."""

from __future__ import annotations

import math
from decimal import Decimal

SMALLEST = 1e-9
"""What is smaller is written with an exponent, as a row of zeros would not be read."""


def amount(value: float) -> str:
    """Write a number with three significant digits, and no fewer than its integer part has.

    Parameters
    ----------
    value
        Infinity stands for a bound that there is not.
    """
    if math.isinf(value):
        return "no bound"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    short = f"{value:.3g}"
    return f"{Decimal(short):f}" if abs(value) >= SMALLEST else short
