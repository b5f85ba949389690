"""Which partitions' realised quality is news, and why."""

from __future__ import annotations

import polars as pl
import pytest

from retrain_assets.lake import Lake
from retrain_assets.monitoring_report.realised import (
    Quality,
    Realised,
    newly_realised,
    realised_of,
    record_told,
    told_before,
    why_told,
)


def losses(**values: float) -> Realised:
    """Log losses of partitions."""
    return {key: Quality("log_loss", value) for key, value in values.items()}


def test_what_is_known_first_or_has_changed_is_news():
    """A partition that was told, and has the same quality, is none; a change in the last digits is no other quality."""
    told = losses(same=0.3, rounded=0.1 + 0.2, nothing=0.0, moved=0.5)
    known = losses(same=0.3, rounded=0.3, nothing=1e-16, moved=0.5 + 1e-7, first=0.7)
    assert told["rounded"] != known["rounded"]
    assert newly_realised(told, known) == losses(moved=0.5 + 1e-7, first=0.7)
    assert newly_realised({}, known) == known


def test_the_same_number_of_another_metric_is_news():
    """A figure is told again when it is of another metric; one that was recorded without its metric is taken for it."""
    known = losses(another=0.3, unnamed=0.3)
    told = {"another": Quality("brier_score", 0.3), "unnamed": Quality(None, 0.3)}
    assert newly_realised(told, known) == losses(another=0.3)


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (None, "Labels of this partition's own rows have come in since its report."),
        (
            Quality("log_loss", 0.4),
            "This figure has changed since it was told: labels were corrected or came later.",
        ),
        (
            Quality("brier_score", 0.4),
            "The first declared metric is log_loss, and this partition was told in brier_score: that the figure is "
            "another one does not say that labels have changed.",
        ),
        (
            Quality(None, 0.4),
            "This figure is another one than was told, which was recorded without its metric: either that has "
            "changed, or labels were corrected or came later.",
        ),
    ],
    ids=["first told", "changed", "another metric", "recorded without its metric"],
)
def test_news_say_why_they_are_told(before, said):
    """Another metric's figure is not called a change of labels, nor a changed figure the first."""
    assert why_told(before, Quality("log_loss", 0.3)) == said


def test_partitions_without_labels_have_no_quality():
    """Of a life those partitions count whose rows were scored and labelled; zero is a quality."""
    parts = [{"key": "a", "realised": 0.0}, {"key": "b", "realised": None}, {"key": "c"}]
    assert realised_of({"metric": "log_loss", "partitions": parts}) == losses(a=0.0)


def test_what_was_told_is_kept_by_partition(tmp_path):
    """Before the first time nothing was told; then of each partition what was told last."""
    lake = Lake("loans", str(tmp_path))
    assert told_before(lake) == {}
    record_told(lake, losses(a=0.5, b=0.25))
    record_told(lake, {})
    record_told(lake, losses(c=1.0) | {"b": Quality("brier_score", 0.75)})
    assert told_before(lake) == losses(a=0.5, c=1.0) | {"b": Quality("brier_score", 0.75)}


def test_what_was_recorded_without_metrics_is_still_known(tmp_path):
    """A table without the column of metrics is read, and gets it with the next figure that is told."""
    lake = Lake("loans", str(tmp_path))
    lake.append("told_quality", pl.DataFrame({"partition_key": ["a", "b"], "quality": [0.5, 0.25]}))
    assert told_before(lake) == {"a": Quality(None, 0.5), "b": Quality(None, 0.25)}
    record_told(lake, losses(b=0.75))
    assert told_before(lake) == losses(b=0.75) | {"a": Quality(None, 0.5)}
