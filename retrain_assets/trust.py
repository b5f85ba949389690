"""Which types a model file may hold: the library's own, and those of modules that the declaration names."""

from __future__ import annotations

from collections.abc import Iterable

OWN_MODULES = ("sklearn", "retrain_assets.candidate_model")
OWN_TYPES = frozenset({"functools.partial"})
"""Histogram gradient boosting holds one; the function in it is checked as a type of its own."""


def untrusted_types(found: Iterable[str], modules: Iterable[str]) -> list[str]:
    """Tell which types of a model file may not be loaded.

    Parameters
    ----------
    found
        Dotted names of the types in the file that skops does not know, from ``skops.io.get_untrusted_types``.
    modules
        Modules that the declaration names.
    """
    trusted = tuple(f"{module}." for module in (*OWN_MODULES, *modules))
    return [name for name in found if name not in OWN_TYPES and not name.startswith(trusted)]
