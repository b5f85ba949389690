"""One run of a job of the benchmarks' pipeline, in this process and on the real instance of the home folder.

Run: ``python -m benchmarks.job source period retrain [as_of]`` or ``... source period ingest first last``. The
last line that it prints is a JSON object.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path

from benchmarks.place import NAME, attributes


def import_all() -> None:
    """Import what an ingest run imports, so that its own time can be told from that of the imports."""
    import great_expectations  # noqa: F401
    import pandas  # noqa: F401
    import skops.io  # noqa: F401

    import retrain_assets.candidate_model.model
    import retrain_assets.pipeline
    import retrain_assets.predictions.scoring
    import retrain_assets.training_data.expectations.great_expectations_suite  # noqa: F401


def main() -> None:
    """Run the job that the command line names."""
    source, period, kind, *rest = sys.argv[1:]
    begin = time.perf_counter()
    if kind == "ingest":
        import_all()
    import dagster as dg

    from retrain_assets.declaration import Declaration
    from retrain_assets.pipeline import build_definitions
    from retrain_assets.spec import load_spec

    imported, computed = time.perf_counter(), time.process_time()
    # Runs log every event to the console too.
    logging.disable(logging.WARNING)
    declaration = Declaration(load_spec(attributes(Path(source), period), "benchmarks"), Path(__file__))
    job = build_definitions(declaration).get_repository_def().get_job(f"{NAME}_{kind}")
    tags, config = {"retrain_assets/pipeline": NAME}, {}
    if kind == "ingest":
        tags |= dict(
            zip(
                ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end"),
                rest,
                strict=True,
            )
        )
    elif rest:
        config = {"ops": {f"{NAME}__candidate_model": {"config": {"as_of": rest[0]}}}}
    with dg.DagsterInstance.get() as instance:
        job.execute_in_process(instance=instance, tags=tags, run_config=config)
    standing = declaration.ledger.standing()
    print(
        json.dumps(
            {
                "import_seconds": imported - begin,
                "job_seconds": time.perf_counter() - imported,
                "job_cpu_seconds": time.process_time() - computed,
                "champion": standing.version,
            }
        )
    )


if __name__ == "__main__":
    main()
