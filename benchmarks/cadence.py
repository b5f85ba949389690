"""Which retraining policy the cadence report recommends, against the tuned schedule and the optimum in hindsight.

Run: ``python -m benchmarks.cadence [name ...]``. Simulated drifts (none, seasonal, abrupt, gradual, recurring) and the
examples' tables: electricity, the same with its price column, bikes and bookings; ``draws`` draws each simulated drift
again and again. Besides what is recommended stands what would be if the last third were not looked at: the cheapest
kind in tuning. The tables are looked for in the folder that ``RETRAIN_EXAMPLES_DATA`` names, else in
``../shared/data``; those that are not there are left out, and told.
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

import numpy as np
import yaml

from retrain_assets.cadence_report.answers import figures
from retrain_assets.cadence_report.asset import declared_ticks
from retrain_assets.cadence_report.contest import Contest, Result
from retrain_assets.cadence_report.entries import Entry
from retrain_assets.cadence_report.matrix import Matrix
from retrain_assets.cadence_report.parallel import Machines
from retrain_assets.cadence_report.prices import Price, read_prices
from retrain_assets.cadence_report.recommend import recommend, tuned_kinds
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
DRAWS = range(2, 10)
"""Seeds of further draws of each simulated drift."""
BLOCKS = 31
WINDOWS = ("90d", "180d", "expanding")
Case = tuple[Matrix, Declaration]


def simulated(drift: Drift, seed: int = 1) -> Case:
    """A simulated history of 30 weeks."""
    return simulate(drift, seed=seed), Declaration(load_spec(ATTRIBUTES, "loans"), Path(__file__))


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
    contest = hold_contest(matrix, declaration, declared_ticks(declaration, matrix))
    prices = [measure_price(contest, price) for price in read_prices(matrix, declaration.spec)]
    return {"metric": matrix.metric, "unit": matrix.unit, "blocks": len(matrix.blocks), "prices": prices}


def measure_price(contest: Contest, price: Price) -> dict[str, Any]:
    """Replay all policies at one of them."""
    today = contest.today()
    found = recommend(contest, price.value, today)
    whole, checked = (optimum(contest, price.value, checked=flag) for flag in (False, True))
    results = {
        "recommended": found.chosen,
        "bar": found.bar,
        "today": Result(Entry(today.policy), today),
        "unchecked": tuned_kinds(contest, price.value)[0],
    }
    listed = [result.path for result in contest.tuned(price.value)] + [today, contest.replayer.constant()]
    return {
        "price": price.text,
        **{part: figures(contest, one.path, price.value, whole, checked) for part, one in results.items()},
        "listed": [figures(contest, path, price.value, whole, checked) for path in listed],
        "title": title(contest, found.chosen),
        "bar_title": title(contest, found.bar),
        "tried": found.tried,
        "optimum_retrains": whole.retrains,
        "optimum_cost": whole.cost,
    }


def draw(drift: Drift) -> dict[str, Any]:
    """Draw a simulated drift again and again; mean regrets on the last third, at the middle cost."""
    found = []
    for seed in DRAWS:
        matrix, declaration = simulated(drift, seed)
        price = read_prices(matrix, declaration.spec)[1]
        found.append(measure_price(hold_contest(matrix, declaration), price))
    regrets = {
        part: np.array([one[part]["checked_regret"] for one in found])
        for part in ("recommended", "unchecked", "bar")
    }
    return {
        "draws": len(found),
        "recommended_lower": int((regrets["recommended"] < regrets["bar"]).sum()),
        "unchecked_lower": int((regrets["unchecked"] < regrets["bar"]).sum()),
        "unchecked_higher": int((regrets["unchecked"] > regrets["bar"]).sum()),
        "most_retrains": max(one["recommended"]["attempts"] for one in found),
        "mean_regret": {part: float(values.mean()) for part, values in regrets.items()},
    }


def show(name: str, found: dict[str, Any]) -> None:
    """Print a case."""
    print(f"\n{name}: {found['blocks']} blocks, {found['metric']}")
    for price in found["prices"]:
        print(f"  A retrain costs {price['price']}: {price['title']}; bar: {price['bar_title']}")
        print(f"    {'policy':<68}{'window':<32}{'loss':>9}{'retrains':>10}{'regret':>10}{'last third':>12}")
        for row in price["listed"]:
            print(
                f"    {row['policy']:<68}{row['window']:<32}{row['loss']:>9.4g}{row['attempts']:>10}"
                f"{row['regret']:>10.4g}{row['checked_regret']:>12.4g}"
            )


def show_draws(found: dict[str, Any]) -> None:
    """Print what further draws of the simulated drifts came to."""
    print(f"\n{'further draws':<16}{'number':>8}{'lower':>7}{'regret':>12}{'unchecked':>12}{'schedule':>12}")
    for drift, one in found.items():
        means = "".join(f"{one['mean_regret'][part]:>12.4g}" for part in ("recommended", "unchecked", "bar"))
        print(f"{drift:<16}{one['draws']:>8}{one['recommended_lower']:>7}{means}")


def judged(cases: dict[str, Any]) -> dict[str, Any]:
    """Hold the cases against the target, at the middle cost, on the last third."""
    middle = {name: case["prices"][1] for name, case in cases.items()}

    def beyond(part: str, measured: str, sign: int) -> list[str]:
        return [
            name for name, one in middle.items() if sign * (one[part][measured] - one["bar"][measured]) > 0
        ]

    lower, higher = (beyond("recommended", "checked_regret", sign) for sign in (-1, 1))
    often = [
        name
        for name in NOTHING_TO_LEARN
        if name in middle and middle[name]["recommended"]["attempts"] > MOST_RETRAINS
    ]
    return {
        "lower_regret": lower,
        "higher_regret": higher,
        "higher_regret_on_whole_history": beyond("recommended", "regret", 1),
        "unchecked_lower_regret": beyond("unchecked", "checked_regret", -1),
        "unchecked_higher_regret": beyond("unchecked", "checked_regret", 1),
        "retrained_too_often": often,
        "within_bound": not higher and not often and 2 * len(lower) >= len(middle),
    }


def main() -> None:
    """Measure the named cases, or all, print tables and write them as JSON."""
    sources: dict[str, Callable[[], Case]] = {drift: partial(simulated, drift) for drift in DRIFTS}
    sources |= {name: partial(real, name) for name in TABLES}
    chosen = sys.argv[1:] or [*sources, "draws"]
    before = json.loads(RESULT.read_text()) if sys.argv[1:] and RESULT.exists() else {}
    cases, draws = before.get("cases", {}), before.get("draws", {})
    for name in chosen:
        if name == "draws":
            draws = {drift: draw(drift) for drift in DRIFTS}
            continue
        if name in TABLES and not (data() / TABLES[name]).exists():
            print(f"{name} is left out: there is no {TABLES[name]} in the folder of tables.")
            continue
        with tempfile.TemporaryDirectory() as home:
            os.environ["RETRAIN_ASSETS_HOME"] = home
            cases[name] = measure(*sources[name]())
        show(name, cases[name])
    show_draws(draws)
    document = judged(cases)
    RESULT.write_text(json.dumps(document | {"draws": draws, "cases": cases}, indent=1) + "\n")
    print(f"\nOf {len(cases)} cases, on the last third, against the tuned schedule:")
    for part, text in {
        "lower_regret": "lower regret",
        "higher_regret": "higher regret",
        "higher_regret_on_whole_history": "higher on the whole history, tuning included",
        "unchecked_lower_regret": "cheapest kind in tuning, unchecked: lower",
        "unchecked_higher_regret": "cheapest kind in tuning, unchecked: higher",
    }.items():
        print(f"  {text}: {len(document[part])} ({', '.join(document[part]) or 'none'})")


if __name__ == "__main__":
    main()
