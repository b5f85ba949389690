"""The declared function that derives features, and the identity of its code."""

from __future__ import annotations

import hashlib
import importlib
import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl

Function = Callable[[pl.DataFrame], pl.DataFrame]


def load_function(reference: str) -> Function:
    """Import a declared function.

    Parameters
    ----------
    reference
        ``module:function``.
    """
    name, _, attribute = reference.partition(":")
    module = importlib.import_module(name)
    _code(module)
    function: Function = getattr(module, attribute)
    return function


def function_code(reference: str) -> str:
    """Hash the code of the module that a declared function is imported from.

    Other modules that it imports do not count.

    Parameters
    ----------
    reference
        ``module:function``.
    """
    return _code(importlib.import_module(reference.partition(":")[0]))


def function_record(derivations: Mapping[str, str]) -> dict[str, str] | None:
    """What a model's record says of its declared function: ``reference`` and ``code``; None without one."""
    reference = derivations.get("function")
    return None if reference is None else {"reference": reference, "code": function_code(reference)}


def function_notes(name: str, trained: Mapping[str, Any]) -> list[str]:
    """Say of a model whether its declared function has other code than it was trained with.

    Parameters
    ----------
    name
        The model, as the sentence is to name it.
    trained
        The record of its training; ``function`` is what :func:`function_record` said then.

    Returns
    -------
    list of str
        One sentence, or none.
    """
    record = trained.get("function")
    # A model that was loaded has imported it; why another could not be is told where it is loaded.
    module = None if record is None else sys.modules.get(record["reference"].partition(":")[0])
    if record is None or module is None or _code(module) == record["code"]:
        return []
    return [
        f"{name} holds the function {record['reference']} by name, and its module has changed since {name} was "
        "trained: it is given what the present code makes. To keep a model's own features, leave the function "
        "as it is and declare the changed one under a new name."
    ]


@cache
def _code(module: ModuleType) -> str:
    """Read the file once, as soon as the module is loaded: edited later, it is not the code that runs here."""
    file = getattr(module, "__file__", None)
    code = module.__name__.encode() if file is None else Path(file).read_bytes()
    return hashlib.sha256(code).hexdigest()[:16]
