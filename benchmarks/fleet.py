"""A hundred declared pipelines with a real history each, and one evaluation of each of their sensors.

Run: ``python -m benchmarks.fleet history source`` to live through five weeks of one pipeline in the home folder,
``python -m benchmarks.fleet evaluate`` to load the code location in the current home's project and tick it.
"""

from __future__ import annotations

import json
import logging
import shutil
import statistics
import sys
import time
import uuid
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.generate import START, make_rows, write_files
from benchmarks.place import NAME, attributes

DAYS, ROWS_A_DAY = 35, 2_000
FIRST = 21
"""Days after which the first champion was trained; the days after it are monitored."""
RETRAINS = 20
MODULE = "fleet"
PROJECT_FILE = """\
[project]
name = "fleet"
version = "0.1.0"
[tool.dg]
directory_type = "project"
[tool.dg.project]
root_module = "fleet"
code_location_name = "fleet"
"""
DEFINITIONS = """\
from pathlib import Path
import dagster as dg

@dg.definitions
def defs():
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
"""


def live(source: Path) -> None:
    """Take the days in one by one and train once, by the real jobs; then nineteen more attempts on record."""
    import dagster as dg

    from retrain_assets.attempts import attempts, record_attempt
    from retrain_assets.declaration import Declaration
    from retrain_assets.pipeline import build_definitions
    from retrain_assets.spec import load_spec

    logging.disable(logging.WARNING)
    write_files(source, make_rows(DAYS * ROWS_A_DAY, DAYS))
    declaration = Declaration(load_spec(attributes(source), "benchmarks"), Path(__file__))
    repository = build_definitions(declaration).get_repository_def()
    with dg.DagsterInstance.get() as instance:
        for number in range(DAYS):
            day = f"{START + timedelta(days=number):%Y-%m-%d}"
            ends = {"dagster/asset_partition_range_start": day, "dagster/asset_partition_range_end": day}
            repository.get_job(f"{NAME}_ingest").execute_in_process(instance=instance, tags=ends)
            if number + 1 == FIRST:
                repository.get_job(f"{NAME}_retrain").execute_in_process(instance=instance)
    lake, ledger = declaration.lake, declaration.ledger
    real = {item.stage: item for item in attempts(lake)}
    champion = ledger.standing().version
    if champion is None:
        raise RuntimeError("The first model did not become champion, so there is no history to measure.")
    for number in range(1, RETRAINS):
        as_of = START + timedelta(days=FIRST, hours=12 * number)
        for stage in ("trained", "evaluated", "registered"):
            record_attempt(lake, f"attempt-{number}", stage, as_of, dict(real[stage].payload))
        ledger.commit(
            action="confirmed",
            version=champion,
            expected_champion=champion,
            actor="benchmark",
            reason="The champion stays.",
            evidence={"attempt": f"attempt-{number}"},
            as_of=as_of,
        )


def multiply(folder: Path, source: Path, home: Path, pipelines: int) -> Path:
    """Copy the history to many pipelines, with sources of their own, and declare them in a project.

    Returns
    -------
    pathlib.Path
        The project's folder.
    """
    project = folder / "project"
    package = project / MODULE
    (package / "defs").mkdir(parents=True)
    (project / "pyproject.toml").write_text(PROJECT_FILE)
    (package / "__init__.py").touch()
    (package / "definitions.py").write_text(DEFINITIONS)
    for number in range(pipelines):
        name = f"pipeline_{number:03d}"
        own = folder / "sources" / name
        shutil.copytree(source, own)
        shutil.copytree(home / "lake" / NAME, home / "lake" / name)
        place = package / "defs" / name / "defs.yaml"
        place.parent.mkdir()
        document = {"type": "retrain_assets.RetrainingPipeline", "attributes": attributes(own, name=name)}
        place.write_text(json.dumps(document, indent=1))
    shutil.rmtree(home / "lake" / NAME)
    return project


def record_runs(pipelines: int) -> None:
    """Put as many finished runs of every pipeline into the instance as its history had."""
    import dagster as dg

    with dg.DagsterInstance.get() as instance:
        for number in range(pipelines):
            name = f"pipeline_{number:03d}"
            for kind, runs in (("ingest", DAYS), ("retrain", RETRAINS)):
                tags = {"retrain_assets/pipeline": name, f"retrain_assets/{kind}": name}
                for _ in range(runs):
                    instance.add_run(
                        dg.DagsterRun(
                            job_name=f"{name}_{kind}",
                            run_id=str(uuid.uuid4()),
                            status=dg.DagsterRunStatus.SUCCESS,
                            tags=tags,
                        )
                    )


def evaluate(project: Path, rounds: int) -> dict[str, Any]:
    """Load the code location and evaluate every sensor, as the code server does for the daemon."""
    sys.path.insert(0, str(project))
    begin = time.perf_counter()
    import dagster as dg

    imported = time.perf_counter()
    import importlib

    repository = importlib.import_module(f"{MODULE}.definitions").defs().get_repository_def()
    loaded = time.perf_counter()
    logging.disable(logging.WARNING)
    found: dict[str, list[float]] = {}
    computed: dict[str, list[float]] = {}
    cursors: dict[str, str | None] = {}
    requests = 0
    took = []
    with dg.DagsterInstance.get() as instance:
        for _ in range(rounds):
            round_begin = time.perf_counter()
            for sensor in repository.sensor_defs:
                start, start_computing = time.perf_counter(), time.process_time()
                context = dg.build_sensor_context(
                    instance=instance,
                    cursor=cursors.get(sensor.name),
                    repository_def=repository,
                    sensor_name=sensor.name,
                )
                data = sensor.evaluate_tick(context)
                cursors[sensor.name] = data.cursor
                requests += len(data.run_requests or ())
                found.setdefault(sensor.name, []).append(time.perf_counter() - start)
                computed.setdefault(sensor.name, []).append(time.process_time() - start_computing)
            took.append(time.perf_counter() - round_begin)
    return {
        "import_seconds": imported - begin,
        "load_seconds": loaded - imported,
        "requests": requests,
        "round_seconds": took,
        "sensors": found,
        "computed": computed,
    }


def ticks() -> dict[str, Any]:
    """Look at the daemon's ticks: how long a sensor was left alone, from its first tick to the last of any."""
    import dagster as dg
    from dagster._core.scheduler.instigation import InstigatorType

    moments: dict[str, list[float]] = {}
    with dg.DagsterInstance.get() as instance:
        for state in instance.all_instigator_state(instigator_type=InstigatorType.SENSOR):
            found = instance.get_ticks(state.instigator_origin_id, state.selector_id)
            moments[state.instigator_name] = sorted(tick.timestamp for tick in found)
    end = max(times[-1] for times in moments.values() if times)
    gaps = [
        later - earlier
        for times in moments.values()
        for earlier, later in pairwise([*times, end] if times else [])
    ]
    return {
        "sensors": sum(bool(times) for times in moments.values()),
        "ticks": sum(map(len, moments.values())),
        "longest_gap": max(gaps),
        "median_gap": statistics.median(
            later - earlier for times in moments.values() for earlier, later in pairwise(times)
        ),
    }


def main() -> None:
    """Do what the command line names."""
    match sys.argv[1:]:
        case ["history", source]:
            live(Path(source))
        case ["runs", pipelines]:
            record_runs(int(pipelines))
        case ["evaluate", project, rounds]:
            print(json.dumps(evaluate(Path(project), int(rounds))))
        case ["ticks"]:
            print(json.dumps(ticks()))
        case _:
            sys.exit("usage: python -m benchmarks.fleet history|runs|evaluate ...")


if __name__ == "__main__":
    main()
