"""Whether a champion predicts what is declared: its scores are of the kind, and in the order, that it learnt."""

from __future__ import annotations

from retrain_assets.attempts import Attempt, attempt_of_version
from retrain_assets.comparison import Task, declared_metrics
from retrain_assets.declaration import Declaration
from retrain_assets.errors import ChampionError, TrainingError


def check_same_classes(declaration: Declaration, version: int | None) -> None:
    """Check that a version was trained on the declared classes, in their order.

    Parameters
    ----------
    declaration
        The pipeline.
    version
        The version; None where there is no champion.

    Raises
    ------
    ChampionError
        When it was trained on others. All scores in the lake are in the order of its classes, so that other ones
        are another pipeline.
    """
    trained = _training(declaration, version)
    if trained is None:
        return
    learnt, declared = trained.payload.get("classes"), declaration.spec.label.class_names
    if learnt != declared:
        raise ChampionError(
            f"label.classes: version {version} of {declaration.name} was trained on {_listed(learnt)}, and the "
            f"declaration lists {_listed(declared)}. The scores in the lake are in the first order: put it back, or "
            "declare the other classes under another name."
        )


def check_same_task(declaration: Declaration, version: int | None, task: Task | None = None) -> None:
    """Check that a version predicts what is declared: probabilities of classes, of the positive one, or numbers.

    Parameters
    ----------
    declaration
        The pipeline.
    version
        The version; None where there is no champion.
    task
        What the estimator does; None where it is not made, and the declared metrics alone can tell.

    Raises
    ------
    ChampionError
        When it was trained for another task, or another positive class of the same label. Neither the metrics nor
        the scores in the lake are then of one kind.
    """
    trained = _training(declaration, version)
    if trained is None:
        return
    learnt: Task = trained.payload["task"]
    other = None
    if task is not None and task != learnt:
        other = f"training.estimator does {task}"
    try:
        declared_metrics(declaration.spec.evaluation.metrics, learnt)
    except TrainingError:
        other = other or "evaluation.metrics does not measure that"
    if other is not None:
        raise ChampionError(
            f"Version {version} of {declaration.name} was trained for {learnt}, and {other}. The scores in the lake "
            "are of the first kind: put the declaration back, or declare the other model under another name."
        )
    label = declaration.spec.label
    positive = trained.payload.get("positive", label.positive)
    # Of another label, which is learnt anew, the positive class may have another name.
    same_label = learnt == "classification" and trained.payload.get("label") == label.column
    if same_label and not _is_same(positive, label.positive):
        raise ChampionError(
            f"label.positive: version {version} of {declaration.name} was trained to give the probability of "
            f"{positive!r}, and the declaration says {label.positive!r}. The scores in the lake are those of the "
            "first: put it back, or declare the other class under another name."
        )


def _is_same(one: str | float, other: str | float) -> bool:
    """Whether two values name one class: labels are compared as loosely."""
    if isinstance(one, str) or isinstance(other, str):
        return str(one) == str(other)
    return float(one) == float(other)


def _training(declaration: Declaration, version: int | None) -> Attempt | None:
    if version is None:
        return None
    return attempt_of_version(declaration.lake, declaration.ledger.entries(), version)


def _listed(classes: list[str] | None) -> str:
    return "no classes" if classes is None else ", ".join(classes)
