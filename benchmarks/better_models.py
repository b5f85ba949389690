"""How often better models are promoted: by one look, by looks again and again, and by the rule that the bigger number is.

As in ``equal_models.py``, but with 5,000 rows a day, levels of noise ``exp(u / 50)``, and a candidate whose noise is
smaller, so that its loss is less by 0.5, 1 or 2 %. All gains are tried on the same draws. The past is 112 days of two
equal models. Beside the decision stands CR1 with one degree of freedom less than days, whatever the past says; what it
finds more at a correlation of .3 it pays for with false promotions (``first_looks.py``).

Run: ``python -m benchmarks.better_models [repetitions]``; prints a Markdown table.
"""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Iterator

import numpy as np

from benchmarks.equal_models import (
    PAST,
    Pair,
    draw_labels,
    draw_pair,
    one_look,
    past_of,
    scores_of,
    some_look,
)
from benchmarks.place import write
from benchmarks.repeated_looks import PROMISED
from retrain_assets.arrays import FloatArray
from retrain_assets.comparison import METRICS, Metric, Task

REPETITIONS = 100
ROWS_A_DAY, DAYS, LOOKS, UNREST = 5_000, 14, 15, 0.02
GAINS = (0.005, 0.01, 0.02)
SEED = 20_260_128
RULES = (
    "one look, 7 days",
    "the bigger number",
    "CR1, 7 days",
    "one look, 14 days",
    "CR1, 14 days",
    "15 looks from 7 days",
)
CASES: tuple[tuple[Task, str], ...] = (
    ("classification", "log_loss"),
    ("regression", "mean_absolute_error"),
)


def scale_for(metric: Metric, task: Task, gain: float) -> float:
    """Noise of a candidate whose loss is less by a share, found on half a million rows."""
    rng = np.random.default_rng(SEED)
    truth = rng.standard_normal(500_000)
    y = draw_labels(rng, task, truth)
    noise = rng.standard_normal(truth.size)

    def loss(scale: float) -> float:
        return metric.measure(y, scores_of(task, truth, scale * noise), None)[0]

    low, high, wanted = 0.5, 1.0, (1 - gain) * loss(1.0)
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (middle, high) if loss(middle) < wanted else (low, middle)
    return low


def promoted(metric: Metric, pair: Pair, past: FloatArray) -> list[bool]:
    """Which of the rules promote a pair's candidate."""
    week, fortnight = pair.until(7), pair.until(DAYS)
    return [
        *one_look(metric, week, past),
        one_look(metric, week, None)[0],
        one_look(metric, fortnight, past)[0],
        one_look(metric, fortnight, None)[0],
        some_look(metric, pair, 7, LOOKS)[0],
    ]


def power(repetitions: int) -> Iterator[tuple[str, str, str, dict[str, float]]]:
    """Share of better candidates that are promoted, by metric, gain and correlation."""
    for task, name in CASES:
        metric = METRICS[name]
        scales = [scale_for(metric, task, gain) for gain in GAINS]
        for correlation in (0.0, PROMISED):
            counts = np.zeros((len(GAINS), len(RULES)))
            for run in range(repetitions):
                before = draw_pair(
                    np.random.default_rng([SEED, run]), task, PAST, ROWS_A_DAY, correlation, unrest=UNREST
                )
                past = past_of(before, task)
                for gain, scale in enumerate(scales):
                    rng = np.random.default_rng([SEED, run, 1])
                    counts[gain] += promoted(
                        metric, draw_pair(rng, task, 6 + LOOKS, ROWS_A_DAY, correlation, scale, UNREST), past
                    )
            for share, count in zip(GAINS, counts / repetitions, strict=True):
                shares = (float(value) for value in count)
                yield name, f"{100 * share:g} %", f"{correlation:g}", dict(zip(RULES, shares, strict=True))


def main() -> None:
    """Simulate, print a Markdown table and write it as JSON."""
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else REPETITIONS
    begun = time.perf_counter()
    print(f"Better candidates promoted, {ROWS_A_DAY:,} rows a day, {repetitions} pairs each.\n")
    print(
        f"| metric | gain | correlation | {' | '.join(RULES)} |\n| --- | ---: | --- |{' ---: |' * len(RULES)}"
    )
    rows = []
    for name, gain, correlation, cell in power(repetitions):
        rows.append({"metric": name, "gain": gain, "correlation": correlation, **cell})
        shares = " | ".join(f"{share:.0%}" for share in cell.values())
        print(f"| {name} | {gain} | {correlation} | {shares} |", flush=True)
    took = time.perf_counter() - begun
    print(f"\n{took:.0f} seconds, {platform.machine()}, Python {platform.python_version()}.")
    document = {"repetitions": repetitions, "better_models": rows, "seconds": took, "within_bound": None}
    write("better_models", document)


if __name__ == "__main__":
    main()
