"""A source that is a Python function of the user's."""

from __future__ import annotations

import importlib
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import polars as pl

from retrain_assets.errors import SourceError
from retrain_assets.spec import PipelineSpec
from retrain_assets.spec.base import suggest
from retrain_assets.training_data.sources.delivery import Delivery, Fingerprints
from retrain_assets.windows import Partitions

FINGERPRINT = "function"
"""A function does not tell what changed: each partition is read once, or when a person asks for it."""


class FunctionSource:
    """``module:function``, called with the start and the end (UTC) of each partition.

    Parameters
    ----------
    spec
        The declaration.
    """

    def __init__(self, spec: PipelineSpec) -> None:
        self._reference = str(spec.source.function)

    @property
    def address(self) -> str:
        """The reference to the function."""
        return self._reference

    def columns(self) -> dict[str, pl.DataType] | None:
        """None: only a call would tell."""
        return None

    def head(self, columns: Sequence[str]) -> pl.DataFrame | None:
        """None: only a call would tell."""
        del columns
        return None

    def nothing(self) -> str | None:
        """None: a function has no files."""
        return None

    def earliest(self) -> datetime | None:
        """None: only a call would tell."""
        return None

    def latest(self) -> datetime | None:
        """None: only a call would tell."""
        return None

    def fingerprints(
        self, partitions: Partitions, keys: Sequence[str], known: Mapping[str, str], cursor: str | None
    ) -> Fingerprints:
        """Give each partition the fingerprint that it had, and every new one the same."""
        del partitions, cursor
        return Fingerprints({key: known.get(key, FINGERPRINT) for key in keys}, "")

    def read(self, partitions: Partitions, keys: Sequence[str]) -> Iterator[Delivery]:
        """Call the function for each partition; one for which it raises is delivered with the exception as its problem.

        Raises
        ------
        SourceError
            When the function cannot be imported, or returns no Polars frame.
        """
        function = self._function()
        for key in sorted(keys):
            try:
                rows = function(*partitions.bounds(key))
            except Exception as error:  # noqa: BLE001  a user's code raises what it likes; the other partitions go on
                yield Delivery(key, None, (), FINGERPRINT, self._raised(key, error))
                continue
            if isinstance(rows, pl.LazyFrame):
                rows = rows.collect()
            if not isinstance(rows, pl.DataFrame):
                kind = f"{type(rows).__module__}.{type(rows).__qualname__}".removeprefix("builtins.")
                raise SourceError(
                    f"source.function: {self._reference} returned {kind} for partition {key}. Return a "
                    "Polars DataFrame or LazyFrame; for a period without rows one with its columns and no "
                    "rows."
                )
            yield Delivery(key, rows, (), FINGERPRINT)

    def _raised(self, key: str, error: Exception) -> str:
        place = traceback.extract_tb(error.__traceback__)[-1]
        return (
            f"source.function: {self._reference} raised {type(error).__name__} for partition {key}: {error} "
            f"({place.filename}, line {place.lineno}). Mend the function; the partition is read again when its "
            "module has changed, and every hour."
        )

    def _function(self) -> Callable[[datetime, datetime], Any]:
        module_name, _, name = self._reference.partition(":")
        try:
            module = importlib.import_module(module_name)
        except ImportError as error:
            raise SourceError(
                f"source.function: {module_name!r} cannot be imported: {error}. Install it, or mend the name."
            ) from error
        function = getattr(module, name, None)
        if not callable(function):
            known = [name for name, value in vars(module).items() if callable(value)]
            raise SourceError(
                f"source.function: {module_name!r} has no function {name!r}. {suggest(name, known)}"
            )
        return function  # type: ignore[no-any-return]
