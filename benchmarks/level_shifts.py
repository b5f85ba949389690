"""How often past days are found alike, by whether their level may shift: what chooses the estimator of a first look.

112 daily loss differences, a Gaussian AR(1) of standard deviation 1 and the given correlation, as they are, beside
independent noise, or with shifts of their level at random days. They are alike where their lag-1 correlation is above
.2, about one mean of all days or about a level that may shift. Where days are independent between shifts, cosines would
be a loss for nothing.

Run: ``python -m benchmarks.level_shifts [repetitions]``; prints a Markdown table.
"""

from __future__ import annotations

import math
import sys
import time
from dataclasses import dataclass

import numpy as np

from benchmarks.place import write
from benchmarks.repeated_looks import day_series
from retrain_assets.arrays import FloatArray
from retrain_assets.comparison.estimator_choice import HIGHEST_CORRELATION
from retrain_assets.comparison.level_correlation import lag_one_correlation
from retrain_assets.comparison.level_shifts import lag_one

REPETITIONS = 1_000
DAYS, EDGE = 112, 10
SEED = 20_260_127
TOLERATED = 0.05
"""Of independent days with one shift so many may be found alike, and of alike days so many fewer than about one mean."""


@dataclass(frozen=True)
class Days:
    """A kind of series: its correlation, the share of its variance that is correlated, and its shifts."""

    name: str
    correlation: float = 0.0
    share: float = 1.0
    shifts: tuple[float, ...] = ()

    def draw(self, rng: np.random.Generator, runs: int) -> FloatArray:
        """Draw series, shape (runs, 112); each shift goes up or down, at a day of its own."""
        series = math.sqrt(self.share) * day_series(rng, runs, DAYS, self.correlation)
        series += math.sqrt(1 - self.share) * rng.standard_normal(series.shape)
        for run in series:
            for shift in self.shifts:
                run[rng.integers(EDGE, DAYS - EDGE) :] += shift * rng.choice([-1, 1])
        return series


CASES = (
    *(Days(f"correlation {correlation:g}", correlation) for correlation in (0, 0.1, 0.3, 0.45, 0.6)),
    Days("a wave of correlation 0.9, 40 % of the variance", 0.9, 0.4),
    *(Days(f"correlation 0, one shift of {shift:g}", shifts=(shift,)) for shift in (1.0, 2.0, 3.0, 5.0)),
    Days("correlation 0, two shifts of 3", shifts=(3.0, 3.0)),
    Days("correlation 0.3, one shift of 3", 0.3, shifts=(3.0,)),
)


def main() -> None:
    """Simulate, print a table and write it as JSON."""
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else REPETITIONS
    begun = time.perf_counter()
    found: dict[str, tuple[float, float]] = {}
    print("| days | about one mean | about a level that may shift |\n| --- | ---: | ---: |")
    for case in CASES:
        series = case.draw(np.random.default_rng(SEED), repetitions)
        one = float(np.mean([lag_one(run - run.mean()) > HIGHEST_CORRELATION for run in series]))
        shifting = float(np.mean([lag_one_correlation(run) > HIGHEST_CORRELATION for run in series]))
        found[case.name] = one, shifting
        print(f"| {case.name} | {one:.1%} | {shifting:.1%} |", flush=True)
    shifted = [found[case.name][1] for case in CASES if case.correlation == 0 and len(case.shifts) == 1]
    alike = [
        found[case.name] for case in CASES if case.correlation >= 0.3 and case.share == 1 and not case.shifts
    ]
    document = {
        "repetitions": repetitions,
        "found_alike": {
            name: {"about one mean": one, "about a level that may shift": shifting}
            for name, (one, shifting) in found.items()
        },
        "seconds": time.perf_counter() - begun,
        "within_bound": max(shifted) <= TOLERATED
        and all(one - shifting <= TOLERATED for one, shifting in alike),
    }
    write("level_shifts", document)


if __name__ == "__main__":
    main()
