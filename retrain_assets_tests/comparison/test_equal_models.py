"""A small version of the simulation of equally good models, with its seed fixed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.equal_models import ALPHA, PAST, draw_pair, one_look, past_of, some_look
from retrain_assets.comparison import METRICS

PAIRS = 80


@pytest.mark.parametrize(
    ("task", "name"),
    [("classification", "roc_auc"), ("multiclass", "roc_auc_ovr"), ("regression", "mean_absolute_error")],
)
def test_equal_models_are_hardly_ever_promoted(task, name):
    """At one look and at five of a pair, at most as often as promised; the bigger number would every second time."""
    rng = np.random.default_rng(11)
    counts = np.zeros(3)
    for _ in range(PAIRS):
        whole = draw_pair(rng, task, PAST + 18, 40, 0.1)
        new = whole.since(PAST)
        promoted, bigger = one_look(METRICS[name], new.until(7), past_of(whole.until(PAST), task))
        counts += [promoted, bigger, some_look(METRICS[name], new, 14, 5)[0]]
    once, bigger, again = counts / PAIRS
    bound = ALPHA + 2 * math.sqrt(ALPHA * (1 - ALPHA) / PAIRS)
    assert once <= bound
    assert again <= bound
    assert 0.3 < bigger < 0.7
