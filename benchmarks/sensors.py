"""A hundred pipelines: how long each sensor takes, the load time, and how often the real daemon gets round.

Run: ``python -m benchmarks.sensors [rounds [pipelines [seconds of the daemon]]]``.
"""

from __future__ import annotations

import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.fleet import MODULE, multiply
from benchmarks.place import environment, rounds, run, write

PIPELINES = 100
DAEMON_SECONDS = 300
TICK_BOUND, GAP_BOUND = 0.050, 60.0


def watch_daemon(project: Path, home: Path, seconds: int) -> dict[str, Any]:
    """Run the real daemon for a while; the longest time between two ticks of each sensor."""
    (project / "workspace.yaml").write_text(
        f"load_from:\n  - python_module: {{module_name: {MODULE}.definitions, working_directory: {project}, "
        f"location_name: {MODULE}}}\n"
    )
    command = [str(Path(sys.executable).parent / "dagster-daemon"), "run", "-w", "workspace.yaml"]
    with (home / "daemon.log").open("w") as log:
        daemon = subprocess.Popen(
            command, cwd=project, env=environment(home), stdout=log, stderr=subprocess.STDOUT
        )
        time.sleep(seconds)
        if daemon.poll() is not None:
            raise RuntimeError(
                f"The daemon has ended by itself:\n{(home / 'daemon.log').read_text()[-3000:]}"
            )
        daemon.send_signal(signal.SIGINT)
        daemon.wait(60)
    return dict(run(["fleet", "ticks"], home).said)


def main() -> None:
    """Measure, print a table and write it as JSON."""
    times = rounds(3)
    pipelines = int(sys.argv[2]) if len(sys.argv) > 2 else PIPELINES
    seconds = int(sys.argv[3]) if len(sys.argv) > 3 else DAEMON_SECONDS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, home = folder / "source", folder / "home"
        run(["fleet", "history", str(source)], home)
        project = multiply(folder, source, home, pipelines)
        run(["fleet", "runs", str(pipelines)], home)
        found = run(["fleet", "evaluate", str(project), str(times)], home).said
        daemon = watch_daemon(project, home, seconds) if seconds else None
    kinds = {
        kind: _figures(found["sensors"], kind) | {"cpu_median": _figures(found["computed"], kind)["median"]}
        for kind in ("source_sensor", "retraining_sensor")
    }
    round_seconds = statistics.median(found["round_seconds"])
    print(
        f"{pipelines} pipelines, {2 * pipelines} sensors, {times} rounds, {found['requests']} runs asked for\n"
    )
    print(f"{'ms a tick':<20}{'median':>8}{'95 %':>8}{'longest':>9}{'CPU':>8}{'bound':>8}")
    for kind, figures in kinds.items():
        row = {name: value * 1e3 for name, value in figures.items()}
        print(
            f"{kind:<20}{row['median']:>8.1f}{row['p95']:>8.1f}{row['max']:>9.1f}{row['cpu_median']:>8.1f}"
            f"{TICK_BOUND * 1e3:>8.0f}"
        )
    print(f"{'one round of all':<20} {round_seconds:6.1f} s, in one thread")
    print(
        f"{'loading definitions':<20} {found['load_seconds']:6.1f} s, after {found['import_seconds']:.1f} s of imports"
    )
    if daemon is not None:
        print(
            f"{'the real daemon':<20} {daemon['ticks']} ticks in {seconds} s; longest gap between two ticks of a "
            f"sensor {daemon['longest_gap']:.0f} s, median {daemon['median_gap']:.0f} s; bound {GAP_BOUND:.0f} s"
        )
    within = all(figures["median"] <= TICK_BOUND for figures in kinds.values())
    if daemon is not None:
        within = within and daemon["sensors"] == 2 * pipelines and daemon["longest_gap"] <= GAP_BOUND
    write(
        "sensors",
        {
            "pipelines": pipelines,
            "rounds": times,
            "seconds": kinds,
            "round_seconds": round_seconds,
            "load_seconds": found["load_seconds"],
            "import_seconds": found["import_seconds"],
            "daemon": daemon,
            "tick_bound": TICK_BOUND,
            "gap_bound": GAP_BOUND,
            "within_bound": within,
        },
    )


def _figures(sensors: dict[str, list[float]], kind: str) -> dict[str, float]:
    """A sensor's own median over the rounds; over all sensors of a kind, the median, the 95 % point, the longest."""
    own = sorted(statistics.median(values) for name, values in sensors.items() if name.endswith(kind))
    longest = max(value for name, values in sensors.items() if name.endswith(kind) for value in values)
    return {"median": statistics.median(own), "p95": own[int(0.95 * (len(own) - 1))], "max": longest}


if __name__ == "__main__":
    main()
