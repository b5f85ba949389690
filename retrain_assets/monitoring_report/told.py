"""What happened in a week or month, in a few words: retrains with their verdicts, rollbacks, alarms that wait."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

_WAITS = "too_new_to_learn"


@dataclass(frozen=True)
class Told:
    """Decisions and what came of them, in words.

    Parameters
    ----------
    zone
        The pipeline's time zone, whose days are named.
    decisions
        Decisions as a life lists them, in their order.
    evaluations
        Evaluations as a life lists them, in their order.
    """

    zone: ZoneInfo
    decisions: Sequence[Mapping[str, Any]]
    evaluations: Sequence[Mapping[str, Any]]

    def between(self, start: datetime, end: datetime) -> list[str]:
        """Tell a period's retrains, rollbacks and new alarms; without any, what held the last decision back.

        Parameters
        ----------
        start, end
            The period: what was decided with the data up to its end belongs to it.

        Returns
        -------
        list of str
            Sentences, each with its day, in the order of time.
        """
        within = [
            place
            for place, item in enumerate(self.decisions)
            if start < datetime.fromisoformat(item["as_of"]) <= end
        ]
        came = self._verdicts()
        told = [text for place in within for text in self._deeds(place, came)]
        held = [self.decisions[place] for place in within if self.decisions[place]["held_back_by"]]
        return told or [self._held(item, item["reasons"], item["held_back_by"]) for item in held[-1:]]

    def _verdicts(self) -> dict[str, Iterator[str]]:
        # With the same data a candidate may be looked at again, and then another one be trained.
        verdicts: dict[str, list[str]] = {}
        for item in self.evaluations:
            if not item["trial"]:
                verdicts.setdefault(item["as_of"], []).append(f"{item['verdict']} ({item['reason']})")
        return {moment: iter(found) for moment, found in verdicts.items()}

    def _deeds(self, place: int, came: Mapping[str, Iterator[str]]) -> Iterator[str]:
        item = self.decisions[place]
        if item["act"]:
            verdict = next(came.get(item["as_of"], iter(())), None)
            yield f"{self._day(item)}: {_deed(item['reasons'], verdict)}."
        elif item.get("rolls_back"):
            yield f"{self._day(item)}: version {item['rolls_back']} rolled back ({_codes(item['reasons'])})."
        else:
            # One that acts has the reasons that it acts for, and those that wait meanwhile are not among them.
            before = next((other for other in self.decisions[:place][::-1] if not other["act"]), None)
            known = {reason["code"] for reason in before["reasons"]} if before else set()
            arisen = [reason for reason in item["reasons"] if reason["code"] not in known]
            waits = [hold for hold in item["held_back_by"] if hold["code"] == _WAITS]
            if arisen and waits:
                yield self._held(item, arisen, waits[:1])

    def _held(
        self,
        item: Mapping[str, Any],
        reasons: Sequence[Mapping[str, Any]],
        holds: Sequence[Mapping[str, Any]],
    ) -> str:
        return f"{self._day(item)}: {_codes(reasons)} held back by {_codes(holds)}."

    def _day(self, decision: Mapping[str, Any]) -> str:
        when = datetime.fromisoformat(decision["as_of"]).astimezone(self.zone)
        return f"{when.day} {when:%b}"


def _deed(reasons: Sequence[Mapping[str, Any]], verdict: str | None) -> str:
    codes = _codes(reasons)
    if verdict is None:
        # The run is in flight or has failed, and may have trained nothing.
        asked = "another look at the candidate" if codes == "next_look" else f"a retrain ({codes})"
        return f"asked for {asked}, which has no verdict"
    return f"{'looked at the candidate again' if codes == 'next_look' else f'trained ({codes})'}, {verdict}"


def _codes(items: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(item["code"] for item in items)
