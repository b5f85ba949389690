"""Which retraining policy the cadence report recommends, against the tuned schedule and the optimum in hindsight.

Run: ``python -m benchmarks.cadence [name ...]``. Simulated drifts (none, seasonal, abrupt, gradual, recurring) and the
examples' tables: electricity, the same with its price column, bikes and bookings. The tables are looked for in the
folder that ``RETRAIN_EXAMPLES_DATA`` names, else in ``../shared/data``; those that are not there are left out, and told.
The examples' declarations are taken as they are, but for their expectations, which concern single rows.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from retrain_assets.cadence_report.answers import figures
from retrain_assets.cadence_report.matrix import Matrix
from retrain_assets.cadence_report.parallel import Machines
from retrain_assets.cadence_report.prices import read_prices
from retrain_assets.cadence_report.recommend import recommend
from retrain_assets.cadence_report.report import hold_contest, optimum
from retrain_assets.cadence_report.told import title
from retrain_assets.declaration import Declaration
from retrain_assets.spec import load_spec
from retrain_assets_tests.cadence_report.simulated import Drift, simulate
from retrain_assets_tests.pipelines import ATTRIBUTES

ROOT = Path(__file__).parent.parent
RESULT = Path(__file__).parent / "results" / "cadence.json"
DRIFTS: tuple[Drift, ...] = ("none", "seasonal", "abrupt", "gradual", "recurring")
TABLES = {
    "electricity": "elec2.parquet",
    "electricity_with_price": "elec2.parquet",
    "bike_demand": "bike_sharing.parquet",
    "booking_cancellations": "hotel_bookings.parquet",
}
NOTHING_TO_LEARN = ("none", "seasonal")
MOST_RETRAINS = 2
BLOCKS = 31
WINDOWS = ("90d", "180d", "expanding")
Case = tuple[Matrix, Declaration]


def simulated(drift: Drift) -> Case:
    """A simulated history of 30 weeks."""
    return simulate(drift, seed=1), Declaration(load_spec(ATTRIBUTES, "loans"), Path(__file__))


def real(name: str) -> Case:
    """The matrix of an example's history."""
    from retrain_assets.cadence_report.run import Request, run_matrix
    from retrain_assets.features.refresh import refresh_features
    from retrain_assets.training_data.ingest import ingest

    file = ROOT / "examples" / name.removesuffix("_with_price") / "defs.yaml"
    text = file.read_text().replace("{{ env.RETRAIN_EXAMPLES_DATA }}", str(data()))
    attributes = yaml.safe_load(text)["attributes"] | {"name": name, "expectations": []}
    if name.endswith("_with_price"):
        attributes["features"]["numeric"].append("nswprice")
    declaration = Declaration(load_spec(attributes, file), file)
    latest = declaration.source().latest()
    start = declaration.partitions.bounds(declaration.first_day().isoformat())[0]
    end = declaration.partitions.bounds(declaration.partitions.key_of(latest or start))[1]
    keys = declaration.partitions.keys_between(start, end)
    list(ingest(declaration, keys, "bench"))
    refresh_features(declaration, keys)
    request = Request(blocks=BLOCKS, windows=WINDOWS, machines=Machines(processes=1))
    return run_matrix(declaration, request, lambda said: print(f"   {said}", flush=True)).matrix, declaration


def data() -> Path:
    """The folder of the real tables."""
    return Path(os.environ.get("RETRAIN_EXAMPLES_DATA", ROOT.parent / "shared" / "data")).resolve()


def measure(matrix: Matrix, declaration: Declaration) -> dict[str, Any]:
    """Replay all policies at three costs of a retrain."""
    contest = hold_contest(matrix, declaration)
    today, prices = contest.today(), []
    for price in read_prices(matrix, declaration.spec):
        found = recommend(contest, price.value, today)
        whole, checked = (optimum(contest, price.value, checked=flag) for flag in (False, True))
        tuned = [result.path for result in contest.tuned(price.value)]
        rows = [figures(contest, path, price.value, whole, checked) for path in tuned]
        chosen, bar = (
            figures(contest, result.path, price.value, whole, checked) for result in (found.chosen, found.bar)
        )
        words = {"title": title(contest, found.chosen), "bar_title": title(contest, found.bar)}
        best = {"optimum_retrains": whole.retrains, "optimum_cost": whole.cost}
        prices.append({"price": price.text, "recommended": chosen, "bar": bar, "tuned": rows} | words | best)
    return {"metric": matrix.metric, "unit": matrix.unit, "blocks": len(matrix.blocks), "prices": prices}


def show(name: str, found: dict[str, Any]) -> None:
    """Print a case."""
    print(f"\n{name}: {found['blocks']} blocks, {found['metric']}")
    for price in found["prices"]:
        print(f"  A retrain costs {price['price']}: {price['title']}; bar: {price['bar_title']}")
        print(f"    {'policy':<38}{'window':<32}{'loss':>9}{'retrains':>10}{'regret':>10}{'last third':>12}")
        for row in price["tuned"]:
            print(
                f"    {row['policy']:<38}{row['window']:<32}{row['loss']:>9.4g}{row['attempts']:>10}"
                f"{row['regret']:>10.4g}{row['checked_regret']:>12.4g}"
            )


def judged(cases: dict[str, Any]) -> dict[str, Any]:
    """Hold the cases against the target, at the middle cost, on the last third."""
    pairs = {
        name: (case["prices"][1]["recommended"], case["prices"][1]["bar"]) for name, case in cases.items()
    }
    lower = [
        name for name, (chosen, bar) in pairs.items() if chosen["checked_regret"] < bar["checked_regret"]
    ]
    higher = [
        name for name, (chosen, bar) in pairs.items() if chosen["checked_regret"] > bar["checked_regret"]
    ]
    often = [
        name for name in NOTHING_TO_LEARN if name in pairs and pairs[name][0]["attempts"] > MOST_RETRAINS
    ]
    worse = [name for name, (chosen, bar) in pairs.items() if chosen["regret"] > bar["regret"]]
    within = not higher and not often and 2 * len(lower) >= len(pairs)
    return {
        "lower_regret": lower,
        "higher_regret": higher,
        "higher_regret_on_whole_history": worse,
        "retrained_too_often": often,
        "within_bound": within,
    }


def main() -> None:
    """Measure the named cases, or all, print tables and write them as JSON."""
    sources: dict[str, Callable[[], Case]] = {drift: partial(simulated, drift) for drift in DRIFTS}
    sources |= {name: partial(real, name) for name in TABLES}
    chosen = sys.argv[1:] or list(sources)
    cases = json.loads(RESULT.read_text())["cases"] if sys.argv[1:] and RESULT.exists() else {}
    for name in chosen:
        if name in TABLES and not (data() / TABLES[name]).exists():
            print(f"{name} is left out: there is no {TABLES[name]} in the folder of tables.")
            continue
        with tempfile.TemporaryDirectory() as home:
            os.environ["RETRAIN_ASSETS_HOME"] = home
            cases[name] = measure(*sources[name]())
        show(name, cases[name])
    document = judged(cases) | {"cases": cases}
    RESULT.write_text(json.dumps(document, indent=1) + "\n")
    print(
        f"\n{len(document['lower_regret'])} of {len(cases)} cases: lower regret than the tuned schedule on the last"
    )
    print(f"third: {', '.join(document['lower_regret'])}. Higher on the whole history, tuning included: ")
    print(f"{', '.join(document['higher_regret_on_whole_history']) or 'none'}.")


if __name__ == "__main__":
    main()
