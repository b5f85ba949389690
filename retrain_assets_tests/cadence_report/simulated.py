"""Simulated matrices: a concept that moves, and models that know the mean concept of their window."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np

from retrain_assets.arrays import FloatArray
from retrain_assets.cadence_report.matrix import Block, Matrix, WindowPolicy

Drift = Literal["none", "seasonal", "abrupt", "gradual", "recurring"]
FIRST = datetime(2024, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
WINDOWS = (
    WindowPolicy("all history", "expanding"),
    WindowPolicy("last 28d", "rolling", 28 * DAY),
    WindowPolicy("last 84d", "rolling", 84 * DAY),
)


def concept(drift: Drift, days: int) -> FloatArray:
    """What is to be learnt, day by day; a season of a week is averaged out by every window."""
    day = np.arange(days)
    return {
        "none": np.zeros(days),
        "seasonal": 0.3 * np.sin(2 * np.pi * day / 7),
        "abrupt": 0.6 * ((day // (days // 4)) % 4) ** 1.0,
        "gradual": 2.0 * day / days,
        "recurring": 0.8 * ((day // (days // 6)) % 2),
    }[drift].astype(np.float64)


def simulate(
    drift: Drift,
    *,
    seed: int = 0,
    blocks: int = 30,
    block_days: int = 7,
    rows: int = 200,
    delay: timedelta = DAY,
    noise: float = 0.02,
) -> Matrix:
    """Simulate a matrix: the loss of a model is the squared distance of what it knows from the concept."""
    random = np.random.default_rng(seed)
    days = blocks * block_days
    truth, shocks = concept(drift, days), random.normal(0.25, noise, days)
    day_block = np.repeat(np.arange(blocks), block_days)
    wait = -(-int(delay / DAY) // 1)
    shape = (len(WINDOWS), blocks)
    daily, known = np.full((*shape, days), np.nan), np.full(shape, np.nan)
    counts = np.zeros(shape, dtype=np.int64)
    for w, window in enumerate(WINDOWS):
        for t in range(2, blocks):
            end = t * block_days - wait
            start = 0 if window.kind == "expanding" else max(end - window.length // DAY, 0)
            if end <= start:
                continue
            counts[w, t] = rows * (end - start)
            known[w, t] = truth[start:end].mean() + random.normal(0, 3 / np.sqrt(counts[w, t]))
            later = slice(t * block_days, days)
            own = random.normal(0, noise / 5, days)[later]
            daily[w, t, later] = shocks[later] + (known[w, t] - truth[later]) ** 2 + own
    loss = np.stack([daily[:, :, day_block == s].mean(axis=2) for s in range(blocks)], axis=2)
    middle = np.array([truth[day_block == s].mean() for s in range(blocks)])
    drifted = np.clip(np.abs(known[:, :, None] - middle) / 1.0, 0, 1)
    drifted[np.isnan(loss)] = np.nan
    churn = np.abs(known[:, :, None] - known[:, None, :])
    return Matrix(
        metric="log_loss",
        unit="nats",
        greater_is_better=False,
        label_delay=delay,
        blocks=tuple(
            Block(s, FIRST + s * block_days * DAY, FIRST + (s + 1) * block_days * DAY, rows * block_days)
            for s in range(blocks)
        ),
        windows=WINDOWS,
        declared=0,
        loss=loss,
        days=np.datetime64("2024-01-01", "s") + np.arange(days) * np.timedelta64(86_400, "s"),
        day_block=day_block.astype(np.int64),
        day_known=-(-(np.arange(days) + 1 + wait) // block_days),
        daily_loss=daily,
        daily_rows=np.full(days, float(rows)),
        daily_is_exact=True,
        training_rows=counts,
        known_rows=np.maximum(np.arange(blocks) * block_days - wait, 0) * rows,
        fit_seconds=np.where(counts > 0, 0.5 + counts / 1e5, np.nan),
        score_seconds=np.where(counts > 0, 0.1, np.nan),
        # What is estimated without labels sees nothing of a concept that moves.
        estimated=np.where(np.isnan(loss), np.nan, np.diagonal(loss, axis1=1, axis2=2)[:, :, None]),
        drift=drifted,
        churn=np.where(np.isnan(loss), np.nan, churn),
        baseline=np.full(blocks, 0.69),
        daily_baseline=np.full(days, 0.69),
    )
