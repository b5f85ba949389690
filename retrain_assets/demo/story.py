"""What the demo prints: the weeks, what happened in them, and where to look."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any


def print_weeks(document: Mapping[str, Any]) -> None:
    """Print the model's life, a line a week."""
    print()
    print(
        f"{'week':>4} {'from':<10} {'rows':>7} {'quar.':>5} {'clicks':>7} {'log loss':>8} {'never':>8} {'AUC':>5} "
        f"{'model':>5}  decisions"
    )
    for number, week in enumerate(document["weeks"], start=1):
        print(
            f"{number:>4} {week['start'][:10]:<10} {week['rows']:>7,} {week['quarantined']:>5} "
            f"{_share(week['business'].get('click_through_rate')):>7} {_figure(week['realised'], 5):>8} "
            f"{_figure(week['never_retrained'], 5):>8} {_figure(week['secondary'].get('roc_auc'), 3):>5} "
            f"{_version(week['version']):>5}  {' '.join(week['decisions'])}"
        )
    print("never: log loss of the first model, had it never been retrained; lower is better.")


def print_events(document: Mapping[str, Any]) -> None:
    """Print every retrain with why it ran and what came of it."""
    print("\nRetrains:")
    acted = {item["as_of"]: item for item in document["decisions"] if item["act"]}
    for evaluation in document["evaluations"]:
        moment = datetime.fromisoformat(evaluation["as_of"])
        decision = acted.get(evaluation["as_of"])
        why = ", ".join(reason["code"] for reason in decision["reasons"]) if decision else "asked"
        print(
            f"  {moment:%Y-%m-%d}  {why}: {evaluation['verdict']} ({evaluation['reason']}). {evaluation['sentence']}"
        )


def print_places(home: Path, pipeline: str) -> None:
    """Print where the pages and the user interfaces are."""
    print(f"\nThe model's life:  {home / 'reports' / pipeline / 'index.html'}")
    print("Dagster's UI:      make ui         then http://127.0.0.1:3000")
    print("MLflow's UI:       make mlflow-ui  then http://127.0.0.1:5000")


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2%}"


def _figure(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _version(value: int | None) -> str:
    return "-" if value is None else f"v{value}"
