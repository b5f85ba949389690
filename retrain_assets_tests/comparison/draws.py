"""Labels, scores and weights that fit a metric, and a cost function as a user writes one."""

from __future__ import annotations

import numpy as np

from retrain_assets.comparison import METRICS

CASES = [(metric.name, task) for metric in METRICS.values() for task in metric.tasks]
"""Every metric with every task that it measures."""
CLASSES = 4


def draw(task, rows=400, seed=3, noise=0.5):
    """Labels, a model's scores and weights; scores have ties and, in classification, extremes."""
    y, score = draw_rows(np.random.default_rng(seed), task, rows, noise)
    if task == "classification":
        score[:2], y[:2] = (0.0, 1.0), (1.0, 0.0)
    if task == "multiclass":
        score[0], y[0] = np.eye(CLASSES)[1], 0
        y[-CLASSES:] = np.arange(CLASSES)
    return y, score, np.random.default_rng(seed + 1).uniform(0, 3, rows)


def draw_rows(rng, task, rows, noise=0.5):
    """Rows of one process: the signal of a row decides its label, and a model sees it through noise."""
    if task == "regression":
        signal = rng.normal(size=rows)
        return signal + rng.normal(size=rows), np.round(signal + noise * rng.normal(size=rows), 2)
    if task == "classification":
        signal = rng.normal(size=rows)
        y = (rng.uniform(size=rows) < 1 / (1 + np.exp(-signal))).astype(float)
        return y, np.round(1 / (1 + np.exp(-signal - noise * rng.normal(size=rows))), 2)
    signal = rng.normal(size=(rows, CLASSES)) + np.array([0.6, 0.3, 0.0, -0.3])
    y = (signal + rng.gumbel(size=signal.shape)).argmax(axis=1).astype(float)
    seen = np.exp(np.round(signal + noise * rng.normal(size=signal.shape), 1))
    return y, seen / seen.sum(axis=1, keepdims=True)


def cost(y, score, weight):
    """Mean absolute error, written without numpy's weights where there are none."""
    error = np.abs(y - score)
    return error.mean() if weight is None else (error * weight).sum() / weight.sum()


def heedless_cost(y, score, weight):  # noqa: ARG001 - a function that ignores weights is the case
    """Mean absolute error that ignores the weights."""
    return np.abs(y - score).mean()


def positives_cost(y, score, weight):  # noqa: ARG001
    """Cost a positive row: undefined without one."""
    return float(np.abs(y - score).sum()) / int(y.sum())


def constant_text(y, score, weight):  # noqa: ARG001
    """Answer with something that is no number."""
    return "much"


def unready(y, score, weight):  # noqa: ARG001
    """Need what is not there."""
    raise RuntimeError("the device is busy")


def not_a_number(y, score, weight):  # noqa: ARG001
    """Answer with NaN, by numpy."""
    return (y * 0).sum() / (y * 0).sum()
