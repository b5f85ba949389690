"""The declared function that derives features, and the identity of its code."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType

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


@cache
def _code(module: ModuleType) -> str:
    """Read the file once, as soon as the module is loaded: edited later, it is not the code that runs here."""
    file = getattr(module, "__file__", None)
    code = module.__name__.encode() if file is None else Path(file).read_bytes()
    return hashlib.sha256(code).hexdigest()[:16]
