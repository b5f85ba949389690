"""How what a model relies on has moved from the champion to the candidate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from retrain_assets.arrays import FloatArray

MOST_MOVED = 0.25
"""A share of the reliance: a convention, far above what chance moves between models of one distribution."""
LEAST_CHANGE = 0.05
"""A feature that moved by less is not named."""
MOST_NAMED = 3


@dataclass(frozen=True)
class ExplanationShift:
    """The distance between two models' importances.

    Parameters
    ----------
    distance
        Total variation, from 0 (the same reliance on each feature) to 1 (no feature in common); None where one
        of the models relies on nothing, or there is one model only.
    holds
        Whether at most a quarter of the reliance has moved.
    sentence
        What moved, in words.
    """

    distance: float | None
    holds: bool
    sentence: str


def explanation_shift(entries: Sequence[Mapping[str, Any]]) -> ExplanationShift:
    """Measure how the importances moved.

    Each model's importances are turned into shares of their sum, those below 0 (shuffling helped, by chance)
    counting as 0. The distance is half the sum of the shares' absolute differences: the part of the reliance
    that would have to be given to other features to make the one model's shares the other's. It warns and
    decides nothing: a candidate may be right to rely on something else.

    Only the candidate's features are compared. What the champion relied on besides is not among them.

    Parameters
    ----------
    entries
        One for each feature: ``feature``, and the importances to ``candidate`` and ``champion``; None where the
        model does not take it.

    References
    ----------
    Levin, Peres (2017), "Markov Chains and Mixing Times", 2nd edition, proposition 4.2: total variation.
    """
    if all(entry["champion"] is None for entry in entries):
        return ExplanationShift(None, True, "There are no importances of a champion to compare with.")
    candidate, champion = (
        _shares([entry[model] for entry in entries]) for model in ("candidate", "champion")
    )
    if candidate is None or champion is None:
        idle = "candidate" if candidate is None else "champion"
        text = f"The importances cannot be compared: shuffling any feature does not harm the {idle}."
        return ExplanationShift(None, True, text)
    change = candidate - champion
    distance = float(np.abs(change).sum() / 2)
    text = f"{distance:.0%} of the reliance on features has moved"
    moves = _moves([entry["feature"] for entry in entries], candidate, champion)
    return ExplanationShift(
        distance, distance <= MOST_MOVED, ": ".join(part for part in (text, moves) if part) + "."
    )


def _shares(importances: Sequence[float | None]) -> FloatArray | None:
    """Importances as shares of their sum; None where there is no sum."""
    harms = np.maximum(np.array([value or 0.0 for value in importances], dtype=np.float64), 0.0)
    total = harms.sum()
    return harms / total if total > 0 else None


def _moves(features: Sequence[str], candidate: FloatArray, champion: FloatArray) -> str:
    """Name the features that gained and lost most, with their shares and ranks."""
    change = candidate - champion
    ranks = [np.argsort(np.argsort(-shares, kind="stable")) + 1 for shares in (champion, candidate)]
    phrases = []
    for word, signed in (("gained", change), ("lost", -change)):
        for i in np.argsort(-signed, kind="stable")[:MOST_NAMED]:
            if signed[i] >= LEAST_CHANGE:
                before, after = (int(rank[i]) for rank in ranks)
                rank = f"rank {after}" if before == after else f"rank {before} to {after}"
                phrases.append(f"{features[i]} {word} ({champion[i]:.0%} to {candidate[i]:.0%}, {rank})")
    return ", ".join(phrases)
