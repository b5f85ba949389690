"""The text of a declaration that ``dg scaffold`` writes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from retrain_assets.spec.base import format_duration, parse_duration
from retrain_assets.spec.profile import ColumnProfile, SourceProfile, typed
from retrain_assets.spec.training import TrainingSpec

_MINIMUM_ROWS: int = TrainingSpec.model_fields["minimum_rows"].default
_HOLDOUT = "the newest rows, kept to judge by: an eighth of the sample's time, a few periods at least, 90 days at most"
_WINDOW = "{type: expanding}  # all history; for the newest alone such as {type: rolling, length: 180d}"
_SCHEDULES = {
    "daily": '"0 2 * * 1"  # looks every Monday at 2 a.m.',
    "weekly": '"0 2 * * 1"  # looks every Monday at 2 a.m.',
    "monthly": '"0 2 1 * *"  # looks on the first of every month at 2 a.m.',
}
_WAITS = (
    "# A tick retrains only if training rows reach further than the last time by a period, or by 10 % of the",
    "# window (a holdout at most) where that is longer.",
)
_WORTH_TELLING = 0.05
"""Share of what a constant loses that a fall of quality must have to be suggested as a trigger."""
_CONSTANTS_LOSS = {
    "regression": "mean_absolute_error",
    "classification": "log_loss",
    "multiclass": "log_loss",
}


def declaration_text(
    type_name: str,
    name: str,
    source: Mapping[str, str],
    read: Mapping[str, Any],
    missing: Sequence[str],
    label: Mapping[str, str],
    profile: SourceProfile,
    trainable: int,
) -> str:
    """Write a ``defs.yaml`` for a profiled source.

    Parameters
    ----------
    type_name
        The component's type.
    name
        The pipeline.
    source, read, label
        Declared fields of these blocks; an empty ``delay`` is asked for in a comment.
    profile
        What the sample says.
    missing
        Columns of numbers in which ``null_values`` stand for no value.
    trainable
        Rows of the sample that a first candidate could be trained on.
    """
    notes = {"encoding": "  # the file is no UTF-8 text; see in the first rows whether letters are right"}
    if missing:
        notes["null_values"] = f"  # no number in: {', '.join(missing)}"
    lines = [
        f"# From a sample of {profile.rows:,} rows. Every column is listed; what looks unfit is commented out.",
        f"type: {type_name}",
        "attributes:",
        f"  name: {name}",
        "  source:",
        *(f"    {field}: {_yaml(value)}" for field, value in source.items()),
    ]
    if read:
        lines += [
            "    read:",
            *(f"      {field}: {_yaml(value)}{notes.get(field, '')}" for field, value in read.items()),
        ]
    if profile.key is not None:
        lines += [f"    key: {_yaml(profile.key)}  # unique in every row of the sample"]
    lines += ["  label:", f"    column: {_yaml(label['column'])}", f"    delay: {_delay(label['delay'])}"]
    if profile.task == "classification":
        lines += [f"    positive: {_yaml(profile.positive)}"]
    elif profile.classes:
        lines += [_classes(profile)]
    lines += [
        "  features:",
        *_columns("numeric", typed(profile.columns, "numeric")),
        *_columns("categorical", typed(profile.columns, "categorical")),
        *(f"    # {_yaml(column.name)}: {column.suspect}" for column in typed(profile.columns, "time")),
        *_training(profile, trainable),
        "  evaluation:",
        f"    # {_lag(profile, label['delay'])}",
        f"    holdout: {format_duration(profile.holdout)}  # {_HOLDOUT}",
        f"    block: {profile.block}  # rows of one block may depend on each other: a duration, a column, or row",
        "  retrain_when:",
        *(f"    {line}" for line in _WAITS),
        f"    schedule: {_SCHEDULES[source['partition']]}",
        _performance(profile),
    ]
    return "\n".join(lines) + "\n"


def _delay(declared: str) -> str:
    if declared:
        return format_duration(parse_duration(declared))
    return "0d  # SET THIS: how long after its timestamp is a row's label known? All judging rests on it"


def _lag(profile: SourceProfile, delay: str) -> str:
    lag = profile.holdout + 2 * parse_duration(delay or 0)
    days = f"{lag / timedelta(days=1):.4g} days"
    told = (
        "the holdout and two label delays" if delay else "the holdout, and two label delays once they are set"
    )
    return f"Training ends {days} before the newest period taken in does: {told}."


def _performance(profile: SourceProfile) -> str:
    drop = format(Decimal(f"{_WORTH_TELLING * profile.constant_loss:.2g}"), "f")
    metric, over = _CONSTANTS_LOSS[profile.task], format_duration(profile.holdout)
    told = f"worse by {100 * _WORTH_TELLING:.0f} % of what a constant loses"
    return f"    # performance: {{metric: {metric}, drop: {drop}, over: {over}}}  # {told}"


def _classes(profile: SourceProfile) -> str:
    listed = f"classes: [{', '.join(map(_yaml, profile.classes))}]"
    if profile.task == "multiclass":
        return f"    {listed}  # in the order of the probabilities; add any that the sample lacks"
    return f"    # {listed}  # if these numbers name classes; then choose a classifier below"


def _training(profile: SourceProfile, trainable: int) -> list[str]:
    estimator = "Regressor" if profile.task == "regression" else "Classifier"
    lines = [
        "  training:",
        f"    estimator: sklearn.ensemble.HistGradientBoosting{estimator}",
        f"    window: {_WINDOW}",
    ]
    if trainable < _MINIMUM_ROWS:
        few = f"  # the sample has only {trainable:,} rows from before the holdout"
        lines += [f"    minimum_rows: {max(trainable // 2, 50)}{few}"]
    return lines


def _columns(kind: str, columns: Sequence[ColumnProfile]) -> list[str]:
    good = [column for column in columns if column.suspect is None]
    lines = [f"    {kind}:" if good else f"    {kind}: []"]
    for column in columns:
        if column.suspect is None:
            lines.append(f"      - {_yaml(column.name)}")
        else:
            lines.append(f"      # - {_yaml(column.name)}  # {column.suspect}")
    return lines


def _yaml(value: Any) -> str:
    """A scalar as YAML: plain where it is a plain word, else in JSON's quotes, which are YAML's."""
    words = {"yes", "no", "on", "off", "true", "false", "null", "y", "n"}
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z_]\w*", value) and value.lower() not in words:
        return value
    return json.dumps(value, ensure_ascii=False)
