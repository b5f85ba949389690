"""What an expectation found in a batch, the same for both judges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from retrain_assets.spec import ExpectationSpec

OWN_COLUMNS = frozenset({"partition_key", "row_id"})
"""Columns that retrain_assets adds to what the source delivers; expectations do not see them."""


@dataclass(frozen=True)
class ExpectationResult:
    """What one expectation found in a batch.

    Parameters
    ----------
    index
        Its place in the declaration.
    type
        great_expectations' name of it.
    column
        The columns that it looks at; None for the table.
    severity
        ``critical`` or ``warning``.
    success
        Whether the batch meets it, by its own ``mostly``.
    unexpected
        Rows that break it; 0 for an expectation about the batch.
    evaluated
        Rows that count for it; for an expectation about the batch, all rows.
    observed
        The figure that it looked at, or an example of a value that breaks it.
    sentence
        All of this in words.
    """

    index: int
    type: str
    column: str | None
    severity: str
    success: bool
    unexpected: int
    evaluated: int
    observed: str | None
    sentence: str


def columns_of(expectation: ExpectationSpec) -> list[str]:
    """Columns that an expectation names."""
    arguments = expectation.arguments
    single = [arguments[name] for name in ("column", "column_A", "column_B") if name in arguments]
    return [*single, *arguments.get("column_list", ())]


def as_text(value: Any) -> str:
    """Write a value for people: times in ISO 8601, several values side by side."""
    if isinstance(value, tuple):
        return ", ".join(map(as_text, value))
    if value is None:
        return "null"
    return str(value.isoformat()) if hasattr(value, "isoformat") else str(value)


def unfit(index: int, expectation: ExpectationSpec, problem: str, rows: int) -> ExpectationResult:
    """Report an expectation that cannot be held against the batch at all: it fails."""
    subject = _subject(expectation)
    return ExpectationResult(
        index=index,
        type=expectation.type,
        column=_column(expectation),
        severity=expectation.severity,
        success=False,
        unexpected=0,
        evaluated=rows,
        observed=None,
        sentence=f"{subject} cannot be judged: {problem}.",
    )


def figure_result(
    index: int, expectation: ExpectationSpec, success: bool, value: Any, rows: int
) -> ExpectationResult:
    """Report an expectation about a figure of the batch."""
    observed = None if value is None else as_text(value)
    verdict = "holds" if success else "fails"
    return ExpectationResult(
        index=index,
        type=expectation.type,
        column=_column(expectation),
        severity=expectation.severity,
        success=success,
        unexpected=0,
        evaluated=rows,
        observed=observed,
        sentence=f"{_subject(expectation)} {verdict}: observed {observed or 'nothing'}.",
    )


def share_result(
    index: int, expectation: ExpectationSpec, unexpected: int, evaluated: int, example: str | None
) -> ExpectationResult:
    """Report an expectation about rows, of which the share ``mostly`` must keep it."""
    mostly = float(expectation.arguments.get("mostly", 1))
    # The very division that great_expectations makes, so that both round alike.
    success = evaluated == 0 or (float(evaluated) - float(unexpected)) / float(evaluated) >= mostly
    share = f"{unexpected / evaluated:.2%}" if evaluated else "0.00%"
    such = "" if example is None else f", such as {example or repr(example)}"
    return ExpectationResult(
        index=index,
        type=expectation.type,
        column=_column(expectation),
        severity=expectation.severity,
        success=success,
        unexpected=unexpected,
        evaluated=evaluated,
        observed=example,
        sentence=(
            f"{_subject(expectation)} {'holds' if success else 'fails'}: "
            f"{unexpected:,} of {evaluated:,} rows break it ({share}, allowed {1 - mostly:.2%}){such}."
        ),
    )


def _column(expectation: ExpectationSpec) -> str | None:
    return ", ".join(columns_of(expectation)) or None


def _subject(expectation: ExpectationSpec) -> str:
    column = _column(expectation)
    return f"{expectation.type} on {column}" if column else expectation.type
