"""Which partitions' realised quality is news."""

from __future__ import annotations

from retrain_assets.lake import Lake
from retrain_assets.monitoring_report.realised import newly_realised, realised_of, record_told, told_before


def test_what_is_known_first_or_has_changed_is_news():
    """A partition that was told, and has the same quality, is none; a change in the last digits is no other quality."""
    told = {"same": 0.3, "rounded": 0.1 + 0.2, "nothing": 0.0, "moved": 0.5}
    known = {"same": 0.3, "rounded": 0.3, "nothing": 1e-16, "moved": 0.5 + 1e-7, "first": 0.7}
    assert told["rounded"] != known["rounded"]
    assert newly_realised(told, known) == {"moved": 0.5 + 1e-7, "first": 0.7}
    assert newly_realised({}, known) == known


def test_partitions_without_labels_have_no_quality():
    """Of a life those partitions count whose rows were scored and labelled; zero is a quality."""
    parts = [{"key": "a", "realised": 0.0}, {"key": "b", "realised": None}, {"key": "c"}]
    assert realised_of({"partitions": parts}) == {"a": 0.0}


def test_what_was_told_is_kept_by_partition(tmp_path):
    """Before the first time nothing was told; then of each partition what was told last."""
    lake = Lake("loans", str(tmp_path))
    assert told_before(lake) == {}
    record_told(lake, {"a": 0.5, "b": 0.25})
    record_told(lake, {})
    record_told(lake, {"b": 0.75, "c": 1.0})
    assert told_before(lake) == {"a": 0.5, "b": 0.75, "c": 1.0}
