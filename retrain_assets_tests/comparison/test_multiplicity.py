"""Corrections for several tests at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrain_assets.comparison.multiplicity import holm


def test_holm_by_hand():
    """The smallest of five p-values is multiplied by five, the next by four, and none falls below the one before."""
    found = holm(np.array([0.03, 0.01, 0.04, 0.005, 0.6]))
    assert found == pytest.approx([0.09, 0.04, 0.09, 0.025, 0.6])
    assert holm(np.array([0.7, 0.6])).tolist() == [1.0, 1.0]
    assert holm(np.array([])).size == 0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=15), st.floats(0.001, 0.5))
@settings(max_examples=200, deadline=None)
def test_holm_rejects_what_the_step_down_procedure_rejects(p_values, alpha):
    """Corrected values are between the single p-value and Bonferroni's, and reject as Holm's steps do."""
    p = np.array(p_values)
    corrected = holm(p)
    assert np.all(corrected >= p)
    assert np.all(corrected <= np.minimum(p * p.size, 1) + 1e-12)
    rejected = set()
    for step, i in enumerate(np.argsort(p, kind="stable")):
        if p[i] * (p.size - step) > alpha:
            break
        rejected.add(int(i))
    assert set(np.flatnonzero(corrected <= alpha).tolist()) == rejected
