"""A retrain of a million rows as a whole process, against a plain script (``plain.py``).

Run: ``python -m benchmarks.retrain [rounds [training rows]]``. Both run in fresh processes with their imports,
by turns: the retrain is the real job (candidate_model, evaluation_report, registered_model) on the real
instance, with a champion already there, from a home that is put back before each round.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

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
    document = {
        "rounds": times,
        "training_rows": plain[0].said["training_rows"],
        "holdout_rows": plain[0].said["holdout_rows"],
        "features": 18,
        "plain": {
            "seconds": summary([one.seconds for one in plain]),
            "megabytes": summary([one.megabytes for one in plain]),
        },
        "retrain": {
            "seconds": summary([one.seconds for one in ours]),
            "megabytes": summary([one.megabytes for one in ours]),
            "import_seconds": summary([one.said["import_seconds"] for one in ours]),
        },
        "time_ratio": _ratio([one.seconds for one in ours], [one.seconds for one in plain]),
        "memory_ratio": _ratio([one.megabytes for one in ours], [one.megabytes for one in plain]),
        "time_bound": TIME_BOUND,
        "memory_bound": MEMORY_BOUND,
    }
    document["within_bound"] = (
        document["time_ratio"] <= TIME_BOUND and document["memory_ratio"] <= MEMORY_BOUND
    )
    print(f"Retrain of {document['training_rows']:,} rows x 18 features, medians of {times}\n")
    print(f"{'':<10}{'plain script':>14}{'retrain job':>14}{'ratio':>8}{'bound':>8}")
    for kind, unit in (("seconds", "s"), ("megabytes", "MB")):
        one, other = document["plain"][kind]["median"], document["retrain"][kind]["median"]
        ratio, bound = (
            (document["time_ratio"], TIME_BOUND) if unit == "s" else (document["memory_ratio"], MEMORY_BOUND)
        )
        print(f"{kind:<10}{one:>11.1f} {unit:<2}{other:>11.1f} {unit:<2}{ratio:>8.2f}{bound:>8.1f}")
    write("retrain", document)


def _ratio(ours: list[float], plain: list[float]) -> float:
    return statistics.median(ours) / statistics.median(plain)


if __name__ == "__main__":
    main()
