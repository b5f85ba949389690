"""Both models' scores on the rows that judge."""

from __future__ import annotations

from retrain_assets.champion.loading import SCORING_ERRORS
from retrain_assets.comparison import Blocks
from retrain_assets.evaluation_report.explanation import Model, ScoreFunction
from retrain_assets.evaluation_report.judged_rows import JudgedRows
from retrain_assets.evaluation_report.slices import Scored


def scored_models(
    judged: JudgedRows,
    blocks: Blocks,
    candidate: Model | ScoreFunction,
    champion: Model | ScoreFunction | None,
    champion_problem: str | None,
) -> tuple[Scored, dict[str, Model], str | None]:
    """Score the rows that judge by both models.

    Parameters
    ----------
    judged
        The rows.
    blocks
        Their blocks.
    candidate, champion
        The models, or functions that score raw rows; no champion is None.
    champion_problem
        A sentence saying why there is a champion that cannot be read; None otherwise.

    Returns
    -------
    scored : Scored
        The scores; none of a champion that fails to score.
    models : dict of Model
        ``candidate``, and ``champion`` where it has scores.
    problem : str or None
        Why the champion has none.

    Raises
    ------
    TrainingError
        When the candidate gives no finite score for a row.
    """
    models = {"candidate": _as_model(candidate)}
    scores = models["candidate"].scores(judged.rows)
    champion_scores = None
    if champion is not None and champion_problem is None:
        try:
            champion_scores = _as_model(champion).scores(judged.rows)
            models["champion"] = _as_model(champion)
        except SCORING_ERRORS as error:
            champion_problem = f"{type(error).__name__}: {error}"
    scored = Scored(judged.y, scores, champion_scores, blocks.ids, judged.weight)
    return scored, models, champion_problem


def _as_model(model: Model | ScoreFunction) -> Model:
    return model if isinstance(model, Model) else Model(model)
