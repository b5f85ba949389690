"""What was ever delivered of the labels of each partition's rows, so that a change of them is seen."""

from __future__ import annotations

import polars as pl

from retrain_assets.declaration import Declaration
from retrain_assets.labelled_rows import LABELS, kept_labels

Marks = dict[str, tuple[int, int]]

_KNOWN: dict[str, tuple[object, Marks]] = {}
"""By address of a table in this process: the states of rows and labels that were looked at last, and what was found."""


def label_marks(declaration: Declaration) -> Marks:
    """Count the labels of each partition's rows, by two columns of the rows and two of the labels.

    Labels are only ever added, so that the same count and the same newest delivery are the same labels.

    Parameters
    ----------
    declaration
        The pipeline.

    Returns
    -------
    dict
        By partition of the rows: how many labels its rows ever had, corrections included, and the number of the
        newest delivery among them. Empty where labels come with the rows, and before the first of either.
    """
    spec, lake = declaration.spec, declaration.lake
    handles = [lake.snapshot(table) for table in ("training_data", LABELS)]
    if spec.label.source is None or None in handles:
        return {}
    state = (
        spec.label.source.read_as,
        [handle and (handle.metadata().id, handle.version()) for handle in handles],
    )
    known = _KNOWN.get(lake.uri(LABELS))
    if known is None or known[0] != state:
        known = state, _counted(declaration)
        _KNOWN[lake.uri(LABELS)] = known
    return known[1]


def _counted(declaration: Declaration) -> Marks:
    rows = declaration.lake.scan("training_data").select(
        "partition_key", key=pl.col(str(declaration.spec.source.key))
    )
    labels = kept_labels(declaration).select("key", "delivery")
    counts = labels.join(rows, on="key").group_by("partition_key").agg(pl.len(), pl.col("delivery").max())
    found = counts.collect(engine="streaming")
    return {key: (number, newest) for key, number, newest in found.iter_rows()}
