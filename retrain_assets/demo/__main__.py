"""``make demo``: sixteen weeks of ad impressions, lived through by the real loop."""

from __future__ import annotations

import json
import logging
import shutil
import sys
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from retrain_assets.demo.impressions import write_impressions
from retrain_assets.demo.story import print_events, print_places, print_weeks
from retrain_assets.home import home, settle_home

PIPELINE = "ad_clicks"
DAYS_BEFORE = 28
"""Days of history that lie there when the pipeline is switched on."""
OWN_FOLDERS = ("dagster", "demo", "lake", "mlartifacts", "reports")


def main() -> None:
    """Simulate the rows, live through them day by day, and tell what happened."""
    begin = time.monotonic()
    settle_home(Path(__file__))
    today = datetime.now(UTC).date()
    last_monday = today - timedelta(days=today.weekday())
    folder = home() / "demo" / PIPELINE
    _start_over()
    waiting = home() / "demo" / "waiting"
    write_impressions(waiting, last_monday)
    days = sorted(waiting.iterdir())
    print(f"Simulated {len(days)} days of ad impressions, {days[0].stem} to {days[-1].stem}.", flush=True)
    live_through(days, folder)
    shutil.rmtree(waiting)
    document = json.loads((home() / "reports" / PIPELINE / "life.json").read_text())
    print_weeks(document)
    print_events(document)
    print_places(home(), PIPELINE)
    print(f"Took {time.monotonic() - begin:.0f} s.")


def live_through(days: list[Path], folder: Path) -> None:
    """Deliver the history at once, then one day's file after the other, and tick what the daemon would tick.

    Parameters
    ----------
    days
        One file a day, oldest first.
    folder
        Where the source looks for them.
    """
    import dagster as dg

    from retrain_assets.definitions import defs
    from retrain_assets.demo.replay import Replay
    from retrain_assets.demo.sqlite import write_without_waiting

    # Runs log every event to the console too; they are all in Dagster's UI afterwards.
    logging.disable(logging.WARNING)
    write_without_waiting()
    folder.mkdir(parents=True, exist_ok=True)
    arrivals = [days[:DAYS_BEFORE], *([day] for day in days[DAYS_BEFORE:])]
    _deliver(arrivals[0], folder)
    with dg.DagsterInstance.get() as instance:
        replay = Replay(defs().get_repository_def(), instance)
        for number, arrival in enumerate(arrivals, start=len(arrivals[0])):
            _deliver(arrival, folder)
            replay.settle(f"{PIPELINE}_source_sensor")
            replay.settle(f"{PIPELINE}_retraining_sensor")
            tomorrow = date.fromisoformat(arrival[-1].stem) + timedelta(days=1)
            if tomorrow.weekday() == 0:
                monday = datetime(tomorrow.year, tomorrow.month, tomorrow.day, 2, tzinfo=UTC)
                replay.tick_schedule(f"{PIPELINE}_retrain_schedule", monday)
                replay.settle(f"{PIPELINE}_retraining_sensor")
            _progress(number, len(days), len(replay.launched))
        record = [vars(item) for item in replay.launched]
        (home() / "demo" / "launched.json").write_text(json.dumps(record, indent=1))


def _deliver(arrival: list[Path], folder: Path) -> None:
    for day in arrival:
        shutil.copyfile(day, folder / day.name)


def _progress(done: int, total: int, runs: int) -> None:
    if sys.stdout.isatty() or done % 7 == 0:
        end = "\r" if sys.stdout.isatty() and done < total else "\n"
        print(f"  day {done} of {total}, {runs} runs", end=end, flush=True)


def _start_over() -> None:
    """Remove what an earlier demo wrote; never another pipeline's history."""
    others = [path.name for path in (home() / "lake").glob("*") if path.name != PIPELINE]
    if others:
        sys.exit(
            f"{home()} also holds the history of {', '.join(sorted(others))}. Set RETRAIN_ASSETS_HOME to an empty "
            "folder for the demo."
        )
    for name in OWN_FOLDERS:
        shutil.rmtree(home() / name, ignore_errors=True)
    (home() / "mlflow.db").unlink(missing_ok=True)
    home().mkdir(parents=True, exist_ok=True)


if __name__ == "__main__":
    main()
