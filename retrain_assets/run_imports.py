"""Packages that take a run seconds to import, and its collector of garbage as long again."""

import gc
import importlib
import sys


def import_for_good(*modules: str) -> None:
    """Import modules in their order, and spare the garbage collector the objects that they bring.

    The half a million objects of great_expectations, skops and MLflow live as long as the process does. Searched
    while they are made, in every full collection of the run and once more when the interpreter ends, they cost a
    run up to two seconds. ``gc.freeze`` takes them out of all later searches.

    Parameters
    ----------
    *modules
        Names as in an import statement; where all are imported already, nothing is done.
    """
    missing = [name for name in modules if name not in sys.modules]
    if not missing:
        return
    collects = gc.isenabled()
    gc.disable()
    try:
        for name in missing:
            importlib.import_module(name)
    finally:
        if collects:
            gc.enable()
    gc.freeze()
