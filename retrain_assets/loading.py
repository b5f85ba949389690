"""How a code location loads a declaration: read, examined, and what is wrong told where it is read."""

from __future__ import annotations

import atexit
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from retrain_assets.checks import check_history, examine
from retrain_assets.declaration import Declaration
from retrain_assets.errors import SpecError
from retrain_assets.home import settle_home
from retrain_assets.spec import PipelineSpec, load_spec
from retrain_assets.spec.environment import check_environment
from retrain_assets.spec.repeated import repeated_fields


def read_declaration(
    written: dict[str, Any],
    file: Path,
    filled_in: Callable[[dict[str, Any]], dict[str, Any]],
    refused: Callable[[PipelineSpec], list[str]],
) -> Declaration:
    """Read a declaration, and tell doubts about it.

    Parameters
    ----------
    written
        The attributes as they stand in the file.
    file
        The file that they stand in.
    filled_in
        Puts values into the templates among them.
    refused
        Says which values Dagster would refuse, a sentence each.

    Raises
    ------
    SpecError
        With a sentence a fault, each naming the file and the field.
    """
    shown = _shown(file)
    settle_home(file)
    check_environment(written, shown)
    spec = load_spec(filled_in(written), shown)
    declaration = Declaration(spec, file)
    findings = examine(declaration)
    faults = [*repeated_fields(file), *refused(spec), *findings.faults]
    # Every load would read all timestamps of the source for this.
    history = check_history(declaration) if _is_check() and not faults else []
    for doubt in (*findings.doubts, *history):
        _tell(f"{shown}: {doubt}")
    if faults:
        raise SpecError("\n".join(f"{shown}: {fault}" for fault in faults))
    return declaration


def check_name_is_free(declaration: Declaration, declared: Sequence[Declaration]) -> None:
    """Refuse a pipeline whose name another one has: their tables and their models would be one.

    Raises
    ------
    SpecError
        With the file of the other one.
    """
    others = [each.file for each in declared if each is not declaration and each.name == declaration.name]
    if others:
        where = "in this file" if others[0] == declaration.file else f"in {_shown(others[0])}"
        raise SpecError(
            f"{_shown(declaration.file)}: name: a pipeline {where} is called {declaration.name!r} too; rename one."
        )


def _is_check() -> bool:
    """Whether ``dg check defs`` loads the code location."""
    return "DAGSTER_IS_DEFS_VALIDATION_CLI" in os.environ


def _shown(file: Path) -> str:
    """The file as a message names it: from the folder that the user works in, where it lies below it."""
    return str(file.relative_to(Path.cwd())) if file.is_relative_to(Path.cwd()) else str(file)


@cache
def _tell(doubt: str) -> None:
    """Tell a doubt in the log of whoever loads the code location, once: Dagster loads it twice to check it."""
    logging.getLogger("dagster").warning(doubt)


@contextmanager
def faults_told_last() -> Iterator[None]:
    """Let what is wrong stand at the end of what ``dg check defs`` prints."""
    try:
        yield
    except SpecError as error:
        if _is_check():
            _tell_last(str(error))
        raise


@cache
def _tell_last(faults: str) -> None:
    """Tell faults when the process ends: Dagster tells them in the middle of a stack trace."""
    atexit.register(print, f"\n{faults}", file=sys.stderr)
