"""Whether a champion knows the classes that are declared: its scores are in the order of those that it learnt."""

from __future__ import annotations

from retrain_assets.attempts import attempt_of_version
from retrain_assets.declaration import Declaration
from retrain_assets.errors import ChampionError


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
    entries = declaration.ledger.entries()
    trained = None if version is None else attempt_of_version(declaration.lake, entries, version)
    if trained is None:
        return
    learnt, declared = trained.payload.get("classes"), declaration.spec.label.class_names
    if learnt != declared:
        raise ChampionError(
            f"label.classes: version {version} of {declaration.name} was trained on {_listed(learnt)}, and the "
            f"declaration lists {_listed(declared)}. The scores in the lake are in the first order: put it back, or "
            "declare the other classes under another name."
        )


def _listed(classes: list[str] | None) -> str:
    return "no classes" if classes is None else ", ".join(classes)
