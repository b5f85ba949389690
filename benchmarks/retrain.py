"""A retrain of a million rows as a whole process, against a plain script (``plain.py``).

Run: ``python -m benchmarks.retrain [rounds [training rows]]``. Both run in fresh processes with their imports,
by turns: the retrain is the real job (candidate_model, evaluation_report, registered_model) on the real
instance, with a champion already there, from a home that is put back before each round.
"""

from __future__ import annotations

import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks.generate import START, make_rows, write_files
from benchmarks.place import restore, rounds, run, summary, write

ROWS, TRAINING_DAYS = 1_000_000, 50
DAYS = TRAINING_DAYS + 9
"""The days of training, the holdout of seven, and a day for the labels to ripen before and after it."""
FIRST = 21
"""Days after which the first champion was trained."""
TIME_BOUND, MEMORY_BOUND = 1.4, 1.5


def prepare(source: Path, home: Path, rows: int) -> None:
    """Write the rows and live to the moment before the retrain: a champion that scored the weeks since."""
    write_files(source, make_rows(rows * DAYS // TRAINING_DAYS, DAYS))
    days = [f"{START + timedelta(days=day):%Y-%m-%d}" for day in range(DAYS)]
    run(["job", str(source), "daily", "ingest", days[0], days[FIRST - 1]], home)
    first = run(["job", str(source), "daily", "retrain"], home)
    if first.said["champion"] is None:
        raise RuntimeError("The first model did not become champion, so there is nothing to measure.")
    run(["job", str(source), "daily", "ingest", days[FIRST], days[-1]], home)


def main() -> None:
    """Measure, print a table and write it as JSON."""
    times = rounds()
    rows = int(sys.argv[2]) if len(sys.argv) > 2 else ROWS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, home, pristine = folder / "source", folder / "home", folder / "pristine"
        champion = folder / "champion.pickle"
        prepare(source, home, rows)
        home.rename(pristine)
        run(["plain", str(source), (START + timedelta(days=FIRST)).isoformat(), str(champion)], folder)
        as_of = (START + timedelta(days=DAYS)).isoformat()
        plain, ours = [], []
        for _ in range(times):
            plain.append(run(["plain", str(source), as_of, str(champion)], folder))
            restore(pristine, home)
            ours.append(run(["job", str(source), "daily", "retrain"], home))
    document: dict[str, Any] = {
        "rounds": times,
        "training_rows": plain[0].said["training_rows"],
        "holdout_rows": plain[0].said["holdout_rows"],
        "features": 18,
        "time_bound": TIME_BOUND,
        "memory_bound": MEMORY_BOUND,
        "import_seconds": summary([one.said["import_seconds"] for one in ours]),
    }
    print(f"Retrain of {document['training_rows']:,} rows x 18 features, medians of {times}\n")
    print(f"{'':<14}{'plain script':>15}{'retrain job':>15}{'ratio':>8}{'bound':>8}")
    bounds = {"seconds": TIME_BOUND, "cpu_seconds": None, "megabytes": MEMORY_BOUND}
    for kind, bound in bounds.items():
        one, other = (summary([getattr(item, kind) for item in items]) for items in (plain, ours))
        ratio = other["median"] / one["median"]
        document[kind] = {"plain": one, "retrain": other, "ratio": ratio}
        print(
            f"{kind:<14}{one['median']:>15.1f}{other['median']:>15.1f}{ratio:>8.2f}"
            f"{'' if bound is None else bound:>8}"
        )
    document["within_bound"] = all(
        document[kind]["ratio"] <= bound for kind, bound in bounds.items() if bound is not None
    )
    write("retrain", document)


if __name__ == "__main__":
    main()
