"""What the first rows of a source say against a declaration."""

from __future__ import annotations

import polars as pl

from retrain_assets.errors import PartitionError, TrainingError
from retrain_assets.labels import YAML_WORDS, labelled, target, unlisted
from retrain_assets.spec import PipelineSpec
from retrain_assets.spec.number_texts import NUMBER
from retrain_assets.spec.value import OUTCOMES
from retrain_assets.training_data.columns import text_label
from retrain_assets.training_data.sources.timestamps import to_utc, unreadable

_MOST_CLASSES = 20
_NAMED = 5
_UNIQUE = 0.9
_NUMBERS = "What stands in quotes is a text: write numbers without."


def check_times(spec: PipelineSpec, rows: pl.DataFrame, address: str) -> list[str]:
    """Find out whether the timestamps can be read.

    Parameters
    ----------
    spec
        The declaration.
    rows
        Some rows, with the timestamp's column.
    address
        Where they lie, for messages.

    Returns
    -------
    list of str
        A sentence where not one of them can be, which begins with the field; empty else.
    """
    values = rows.get_column(spec.source.timestamp)
    form = spec.source.read.timestamp_format
    try:
        moments = to_utc(values, spec.timezone, address, text_format=form, strict=False)
    except PartitionError as error:
        return [str(error)]
    if moments.count() or not values.count():
        return []
    told = (
        f"no value of the column {values.name!r} can be read as a time; {unreadable(values)}. "
        "Another column can be named in source.timestamp."
    )
    if form is None:
        return [f"source.read.timestamp_format: it is not declared, and {told}"]
    return [f"source.read.timestamp_format: by {form!r} {told}"]


def check_label(spec: PipelineSpec, rows: pl.DataFrame, task: str | None) -> tuple[list[str], list[str]]:
    """Find out whether the label is one that the estimator can learn.

    Parameters
    ----------
    spec
        The declaration.
    rows
        Some rows, with the columns of the label and of the weight, where one is declared.
    task
        What the estimator does, as far as that is known: ``classification``, ``multiclass`` or ``regression``.

    Returns
    -------
    tuple of lists of str
        What must be mended, and what may be right.
    """
    if spec.label.classes is not None:
        return _check_classes(spec, rows)
    if task == "regression":
        text = text_label(spec, rows.get_column(spec.label.column))
        return _check_number(spec, rows) if text is None else ([text], [])
    rows = rows.filter(labelled(spec, rows.schema))
    found = rows.get_column(spec.label.column).unique().sort()
    declared = "positive" in spec.label.model_fields_set
    if task == "classification" and not declared and len(found) > 2:
        return _undeclared(spec, rows, found)
    if not 2 <= len(found) <= _MOST_CLASSES or target(rows, spec, "classification").any():
        return [], []
    return _check_positive(spec, rows, found)


def _check_number(spec: PipelineSpec, rows: pl.DataFrame) -> tuple[list[str], list[str]]:
    try:
        target(rows, spec, "regression")
    except TrainingError as error:
        return [str(error)], []
    return [], []


def _undeclared(spec: PipelineSpec, rows: pl.DataFrame, found: pl.Series) -> tuple[list[str], list[str]]:
    """Say that a classifier takes one value for the positive class, of three or more that there are."""
    named = ", ".join(_plain(value) for value in found.head(_NAMED))
    many = f"{len(found):,} different values, such as {named}" if len(found) > _NAMED else named
    held = f"the column {spec.label.column!r} holds {many}"
    hint = "Declare the one that is to be predicted, or list all of them in label.classes"
    if found.dtype.is_numeric():
        hint += "; to predict the number itself, choose a regressor under training.estimator"
    if target(rows, spec, "classification").any():
        told = (
            f"it is not declared, so that {spec.label.positive!r} is told from all other values, and {held}"
        )
        return [], [f"label.positive: {told}. {hint}."]
    return [f"label.positive: it is not declared, and {held}. {hint}."], []


def _check_positive(spec: PipelineSpec, rows: pl.DataFrame, found: pl.Series) -> tuple[list[str], list[str]]:
    """Say that the positive class does not occur among a few values."""
    column, positive = spec.label.column, spec.label.positive
    holds = f"the column {column!r} holds {', '.join(_plain(value) for value in found)}"
    if "positive" not in spec.label.model_fields_set:
        # Numbers may be those of a regression, and three texts the classes of a label that is not binary.
        if found.dtype != pl.String or len(found) > 2:
            return [], []
        return [
            f"label.positive: it is not declared, and {holds}. Declare which of them is to be predicted."
        ], []
    told = f"label.positive: none of the first {rows.height:,} labels equals {positive!r}; {holds}."
    if isinstance(positive, bool) and found.dtype == pl.String:
        return [f"{told} {YAML_WORDS}"], []
    if _is_number_text(positive) and found.dtype.is_numeric():
        return [f"{told} {_NUMBERS}"], []
    alike = [value for value in found if _folded(value) == _folded(positive)]
    if alike:
        return [f"{told} Did you mean {alike[0]!r}?"], []
    return [], [f"{told} Mend it, unless that class is too rare to be among them."]


def _is_number_text(value: object) -> bool:
    return isinstance(value, str) and NUMBER.match(value) is not None


def _check_classes(spec: PipelineSpec, rows: pl.DataFrame) -> tuple[list[str], list[str]]:
    """Say which labels are not among the declared classes."""
    others = unlisted(rows, spec)
    if others.is_empty():
        return [], []
    names, listed = others["label"].to_list(), spec.label.class_names or []
    named = ", ".join(map(repr, names[:_NAMED]))
    held = f"the column {spec.label.column!r} holds {named}"
    if rows.filter(labelled(spec, rows.schema)).is_empty():
        words = any(isinstance(name, bool) for name in spec.label.classes or ())
        hint = f" {YAML_WORDS}" if words else ""
        if rows.schema[spec.label.column].is_numeric() and any(
            map(_is_number_text, spec.label.classes or ())
        ):
            hint = f" {_NUMBERS}"
        return [f"label.classes: none of the first {rows.height:,} labels is listed; {held}.{hint}"], []
    told = (
        f"label.classes: {others['rows'].sum():,} of the first {rows.height:,} labels are not listed; {held}."
    )
    alike = [(name, known) for name in names for known in listed if _folded(name) == _folded(known)]
    if alike:
        return [f"{told} {alike[0][1]!r} is listed: did you mean {alike[0][0]!r}?"], []
    return [], [f"{told} Rows with such a label count as rows without one."]


def check_amounts(spec: PipelineSpec, rows: pl.DataFrame) -> list[str]:
    """Find out whether every labelled row has the amounts of money by which ``promotion.value`` counts.

    Parameters
    ----------
    spec
        The declaration.
    rows
        Some rows, with the columns of the amounts and, where it is the rows' own, that of the label.

    Returns
    -------
    list of str
        A sentence for each column that lacks some; gaps may be filled where the rows are judged.
    """
    if spec.promotion.value is None:
        return []
    if spec.label.source is None:
        rows = rows.filter(labelled(spec, rows.schema))
    decided = spec.evaluation.sensitive and spec.promotion.value.threshold is None
    lost = "the gain in money and fairness by decisions" if decided else "the gain in money"
    found = []
    for name in spec.promotion.value.columns:
        field = next(outcome for outcome in OUTCOMES if getattr(spec.promotion.value, outcome) == name)
        known = rows[name].cast(pl.Float64, strict=False).is_finite().fill_null(value=False)
        if not known.all():
            found.append(
                f"promotion.value.{field}: the column {name!r} holds no number in {int((~known).sum()):,} of the "
                f"first {rows.height:,} labelled rows. A report whose rows have such gaps lacks {lost}. "
                "Deliver an amount for every row, or name another column."
            )
    return found


def _plain(value: object) -> str:
    """A value as one would declare it: numbers of CSV files are read as floats."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else repr(value)


def check_key(spec: PipelineSpec, rows: pl.DataFrame) -> list[str]:
    """Find out whether the key names a row, where no versions of a row are declared.

    Parameters
    ----------
    spec
        The declaration.
    rows
        Some rows, with the key's column, where one is declared.

    Returns
    -------
    list of str
        A sentence where a tenth of the rows or more have a key that another one has; a few may be copies.
    """
    key = spec.source.key
    if key is None or spec.source.has_versions:
        return []
    known = rows.get_column(key).drop_nulls()
    different = known.n_unique()
    if not len(known) or different > _UNIQUE * len(known):
        return []
    return [
        f"source.key: the first {len(known):,} rows have only {different:,} different values of {key!r}, and of rows "
        "with one key all but one are put aside. Name the column that identifies a row, or remove the key; if they are "
        "corrections of a row, declare source.known_at."
    ]


def _folded(value: object) -> str:
    return str(value).strip().casefold()
