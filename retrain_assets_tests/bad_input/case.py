"""What a case of bad input is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import pytest

from retrain_assets_tests.bad_input.history import NEXT, History, Outcome

FAILURE = "dagster._core.definitions.events.Failure: "
"""What Dagster puts in front of the sentence of a failed step."""

Digest = Callable[[History], Mapping[str, str]]
every_file: Digest = History.kept
"""Nothing may be written at all, but the record of the refusal."""
every_row: Digest = History.rows
"""Every row stays; files may be written again, because the good rows came with the bad ones."""
all_but_what_was_tried: Digest = partial(History.rows, besides=["attempts", "reference_rows"])
"""Every row stays; the attempt is on record."""
all_but_the_new_day: Digest = partial(History.rows, but=NEXT)
"""Every row stays but those of the day that is taken in for the first time."""


@dataclass(frozen=True)
class Case:
    """One kind of bad input.

    Parameters
    ----------
    name
        What is bad, in a few words.
    act
        Gives the input to the software and returns what the user is told: sentences, or quarantine entries as
        :func:`entries` writes them.
    told
        What the user must be told; ``{folder}`` stands for the folder of the test.
    keeps
        What must be the same before and after.
    prepare
        What has to happen before ``act`` is held against ``keeps``.
    """

    name: str
    act: Callable[[History, pytest.FixtureRequest], list[str]]
    told: list[str]
    keeps: Digest = every_file
    prepare: Callable[[History], object] | None = None


def failure(outcome: Outcome) -> list[str]:
    """The sentence of a failed run: the first thing that Dagster shows of it."""
    assert not outcome.success
    assert outcome.sentence is not None
    assert outcome.sentence.startswith(FAILURE), outcome.sentence
    return [outcome.sentence.removeprefix(FAILURE)]


def entries(history: History, *days) -> list[str]:
    """Quarantine entries of days: rule, column and value, file and partition."""
    return [
        f"{entry['rule']}: {entry['column']} = {entry['value']} in {entry['file']}, partition {entry['partition_key']}"
        for day in days
        for entry in history.quarantine(day)
    ]
