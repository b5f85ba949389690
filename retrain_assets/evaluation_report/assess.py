"""Judging the newest candidate: which rows, which models, and the report that is written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from retrain_assets.attempts import (
    attempt_of_version,
    attempts,
    newest_attempt,
    record_attempt,
)
from retrain_assets.champion.loading import load_model, load_version
from retrain_assets.champion.tracking import log_evaluation
from retrain_assets.comparison import deciding_criterion
from retrain_assets.declaration import Declaration
from retrain_assets.errors import ChampionError, TrainingError
from retrain_assets.evaluation_report.error_budget import (
    PlannedLook,
    error_budget_of,
    pair_name,
    plan_look,
)
from retrain_assets.evaluation_report.evaluate import evaluate
from retrain_assets.evaluation_report.explanation import Model
from retrain_assets.evaluation_report.figures import figures
from retrain_assets.evaluation_report.look_record import looks_on_record
from retrain_assets.evaluation_report.page import evaluation_page
from retrain_assets.evaluation_report.past_days import past_loss_differences
from retrain_assets.evaluation_report.provenance import provenance
from retrain_assets.evaluation_report.question import Question, ask, read_holdout
from retrain_assets.features.function import function_notes
from retrain_assets.pages.writing import write_whole


def assess_candidate(
    declaration: Declaration, run_id: str, *, again_at: datetime | None = None
) -> dict[str, Any]:
    """Compare an attempt's candidate with the champion and the baseline, and write the report.

    Parameters
    ----------
    declaration
        The pipeline.
    run_id
        The attempt whose candidate is judged; the newest where it trained none.
    again_at
        To look again at what was judged before: a later moment of knowledge, up to which all rows from the
        attempt's split on judge. None judges with what was known when it was trained.

    Returns
    -------
    dict
        The evaluation document, with ``page``: the page's path under the pipeline's reports.

    Raises
    ------
    TrainingError
        When there is no candidate to judge.
    """
    trained = newest_attempt(declaration.lake, "trained", run_id)
    if trained is None:
        raise TrainingError(
            f"Pipeline {declaration.name!r} has no candidate to evaluate. Materialize candidate_model first."
        )
    record = trained.payload
    question = ask(declaration, trained, again_at)
    standing = declaration.ledger.standing()
    look = None if record["trial"] else _look(declaration, question, standing.version)
    document = _judge(declaration, question, standing.version, look)
    document["guards"] = [*record["guards"], *document["guards"]]
    document["guards"] += _function_notes(declaration, standing.version)
    document |= provenance(declaration, question, standing.version)
    promotes = document["verdict"]["verdict"] == "blessed" and not record["trial"]
    if promotes and declaration.spec.promotion.approval == "manual":
        document["approval"] = f"It waits for approval by {declaration.name}_approve."
    document["page"] = write_report(declaration, _folder(trained.attempt, look), document)
    log_evaluation(record["mlflow_run_id"], declaration.reports / document["page"], figures(document))
    record_attempt(
        declaration.lake,
        trained.attempt,
        "evaluated",
        question.as_of,
        {
            "verdict": document["verdict"],
            "champion": standing.version,
            "page": document["page"],
            "trial": record["trial"],
            "look": document["look"],
            "importances": {item["feature"]: item["candidate"] for item in document["importances"]},
            "comparison": document["comparisons"][0] if document["comparisons"] else None,
        },
    )
    return document


def _look(declaration: Declaration, question: Question, champion: int | None) -> PlannedLook:
    """Say which look at this pair this is, and at which alpha, by the looks on record."""
    looks = looks_on_record(attempts(declaration.lake, "evaluated"))
    pair = pair_name(question.trained.attempt, champion)
    return plan_look(error_budget_of(declaration.spec), looks, pair, question.as_of)


def _judge(
    declaration: Declaration, question: Question, version: int | None, look: PlannedLook | None
) -> dict[str, Any]:
    """Read rows and models, and evaluate."""
    record, spec = question.trained.payload, declaration.spec
    champion, unscorable = _champion(declaration, version)
    holdout = read_holdout(declaration, question, _champion_horizon(declaration, version))
    candidate = load_model(record["model_path"], declaration.trusted_modules())
    criterion = deciding_criterion(spec, record["task"])
    split = question.windows.split
    return evaluate(
        spec,
        task=record["task"],
        rows=holdout.rows,
        y=holdout.labels,
        candidate=_explained(candidate),
        champion=None if champion is None else _explained(champion),
        champion_problem=unscorable,
        baseline=record["baseline"],
        features=record["features"],
        split=split,
        as_of=question.as_of,
        left_out=holdout.left_out,
        train_rows=record["rows"],
        look=look,
        past=past_loss_differences(declaration, criterion, record["task"], split=split, as_of=question.as_of),
        trial=record["trial"],
    )


def _champion(declaration: Declaration, number: int | None) -> tuple[Any, str | None]:
    """The champion's model; or None and the sentence that says why it cannot be read."""
    if number is None:
        return None, None
    try:
        return load_version(declaration.name, number, declaration.trusted_modules()), None
    except ChampionError as error:
        return None, str(error)


def _function_notes(declaration: Declaration, number: int | None) -> list[str]:
    """Say whether the champion is given what another code makes than that which it was trained with."""
    if number is None:
        return []
    trained = attempt_of_version(declaration.lake, declaration.ledger.entries(), number)
    return [] if trained is None else function_notes(f"Version {number}", trained.payload)


def _champion_horizon(declaration: Declaration, number: int | None) -> tuple[datetime, datetime] | None:
    """First and last moment of the rows that the champion was trained on."""
    if number is None:
        return None
    trained = attempt_of_version(declaration.lake, declaration.ledger.entries(), number)
    if trained is None:
        return None
    first, last = (datetime.fromisoformat(trained.payload[name]) for name in ("first_row", "last_row"))
    return first, last


def _explained(model: Any) -> Model:
    """A model whose derived features can be permuted too."""
    return Model(model.predict_table, model.rows_.table)


def _folder(attempt: str, look: PlannedLook | None) -> str:
    """A folder for each look: what was judged before stays readable."""
    return attempt if look is None or look.number == 1 else f"{attempt}-look-{look.number}"


def write_report(declaration: Declaration, name: str, document: Mapping[str, Any]) -> str:
    """Write the page and its JSON twin; returns the page's path under the pipeline's reports."""
    folder = declaration.reports / "evaluations" / name
    write_whole(folder / "evaluation.json", json.dumps(document, indent=1))
    write_whole(folder / "index.html", evaluation_page(document))
    return f"evaluations/{name}/index.html"
