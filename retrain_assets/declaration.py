"""A declared pipeline with the places that it reads and writes."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from retrain_assets.errors import SourceError, TrainingError
from retrain_assets.home import home
from retrain_assets.lake import Lake
from retrain_assets.spec import PipelineSpec
from retrain_assets.spec.source import NOT_READING
from retrain_assets.windows import Partitions, TimeColumns

if TYPE_CHECKING:
    from retrain_assets.champion.ledger import Ledger
    from retrain_assets.training_data.sources.source import Source

# What a model is made of; a change elsewhere in the declaration changes no model.
_MODEL_FIELDS = {"label", "weight", "features", "training"}


@dataclass(frozen=True)
class Declaration:
    """A pipeline's declaration and the file that it was read from.

    Parameters
    ----------
    spec
        What the user declared.
    file
        The ``defs.yaml``; relative paths in the declaration start at its folder.
    """

    spec: PipelineSpec
    file: Path

    @property
    def name(self) -> str:
        """The pipeline's name."""
        return self.spec.name

    @property
    def lake(self) -> Lake:
        """The pipeline's Delta tables."""
        return Lake(self.name)

    @property
    def ledger(self) -> Ledger:
        """The pipeline's record of champions."""
        from retrain_assets.champion.ledger import Ledger

        return Ledger(self.lake)

    @property
    def reports(self) -> Path:
        """The folder of the pipeline's pages."""
        return home() / "reports" / self.name

    @property
    def partitions(self) -> Partitions:
        """The periods by which the source is taken in."""
        return Partitions(self.spec.source.partition, self.spec.timezone)

    @property
    def time_columns(self) -> TimeColumns:
        """The columns that say when a row and its label were known."""
        return TimeColumns.of(self.spec)

    @property
    def expected_every(self) -> timedelta:
        """How long the source may be silent before it counts as late."""
        return self.spec.source.expected_every or 2 * self.partitions.typical_length

    @property
    def source_address(self) -> str:
        """The source as a reader may see it: a database's address without its password."""
        source = self.spec.source
        if source.url is not None:
            from retrain_assets.training_data.sources.sql_database import Database

            address = Database(source.url, self.spec.timezone, self.file.parent).address
            return f"{address} ({source.table or 'a query'})"
        return str(source.path or source.function)

    def source(self) -> Source:
        """Open the source; nothing is read yet."""
        from retrain_assets.training_data.sources.source import open_source

        return open_source(self.spec, self.file.parent, self.lake.schema("training_data"))

    def first_day(self) -> date:
        """First day of the first partition.

        The declared start; else that of the oldest partition taken in, or of the source's earliest row where
        that lies before; a year ago while there is neither, because the source is empty or cannot be reached,
        so that the first rows find their partition without a reload, and the other pipelines of the code
        location load.
        """
        if self.spec.source.start is not None:
            return date.fromisoformat(self.partitions.key_of_day(self.spec.source.start))
        oldest = min(self.lake.read("partitions")["partition_key"].to_list(), default=None)
        try:
            earliest = self.source().earliest()
        except SourceError:
            earliest = None
        found = [oldest, None if earliest is None else self.partitions.key_of(earliest)]
        year_ago = self.partitions.key_of(datetime.now(UTC) - timedelta(days=365))
        return date.fromisoformat(min(filter(None, found), default=year_ago))

    def newest_partition(self) -> str | None:
        """Key of the newest partition whose rows are in the lake; None where there is none."""
        accepted = self.lake.read("partitions").filter("accepted")
        return max(accepted["partition_key"].to_list(), default=None)

    def data_clock(self) -> datetime:
        """The moment that the pipeline lives in: the end of the newest ingested partition, UTC.

        Raises
        ------
        TrainingError
            When nothing has been ingested.
        """
        newest = self.newest_partition()
        if newest is None:
            raise TrainingError(
                f"Pipeline {self.name!r} has no ingested partition yet. Run the job {self.name}_ingest first, "
                "or start the daemon so that the source sensor does."
            )
        return self.partitions.bounds(newest)[1]

    def code_version(self) -> str:
        """Hash of all that a model is made of: the declared blocks, and the modules that they name."""
        digest = hashlib.sha256()
        blocks = self.spec.model_dump(
            mode="json", include=_MODEL_FIELDS, exclude={"label": {"source": NOT_READING}}
        )
        digest.update(json.dumps(blocks, sort_keys=True).encode())
        for path in self._named_modules():
            digest.update(path.read_bytes())
        return digest.hexdigest()[:16]

    def source_code(self) -> str | None:
        """Hash of the module of the source's function; None where the source is none, or has no such module."""
        function = self.spec.source.function
        file = None if function is None else module_file(function.partition(":")[0])
        return None if file is None else hashlib.sha256(file.read_bytes()).hexdigest()

    def trusted_modules(self) -> tuple[str, ...]:
        """Modules that the declaration names; a model file may hold types of these besides the library's own."""
        return tuple(module for module in self._references() if not module.startswith("sklearn."))

    def _references(self) -> Iterator[str]:
        training = self.spec.training
        if training.model is not None:
            yield training.model.partition(":")[0]
        else:
            yield training.estimator.rpartition(".")[0]
        if "function" in self.spec.features.derive:
            yield self.spec.features.derive["function"].partition(":")[0]

    def _named_modules(self) -> Iterator[Path]:
        for module in self.trusted_modules():
            path = module_file(module)
            if path is not None:
                yield path


def module_file(module: str) -> Path | None:
    """Python file of a module, found without importing the packages above it; None where there is no such file."""
    top, *rest = module.split(".")
    spec = importlib.util.find_spec(top)
    if spec is None:
        return None
    if not rest:
        return Path(spec.origin) if spec.origin else None
    for location in spec.submodule_search_locations or ():
        base = Path(location).joinpath(*rest)
        for candidate in (base.with_suffix(".py"), base / "__init__.py"):
            if candidate.is_file():
                return candidate
    return None
