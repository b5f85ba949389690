"""Functions that give the money of rows, as a user writes them."""

from __future__ import annotations

import numpy as np


def margin(rows, y, score):
    """What is sold of what was ordered, at the price, less what was ordered, at the cost."""
    return rows["price"].to_numpy() * np.minimum(y, score) - score


def short(rows, y, score):
    """Forget a row."""
    del rows, y
    return score[1:]


def unknown(rows, y, score):
    """Look for a column that is not there."""
    return rows["prize"].to_numpy() * y * score
