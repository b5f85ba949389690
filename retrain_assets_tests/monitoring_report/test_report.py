"""The report of a partition: what is known as of its end, and which alarms stand since when."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from retrain_assets.candidate_model.profile import build_profile
from retrain_assets.comparison import METRICS
from retrain_assets.monitoring_report.report import monitor
from retrain_assets.monitoring_report.rows import LabelledRows
from retrain_assets.monitoring_report.watched import Batch, Champion
from retrain_assets.retraining_decision.evidence import alarms_of
from retrain_assets.spec import PipelineSpec
from retrain_assets.windows import TimeColumns

DAY = timedelta(days=1)
START = datetime(2026, 1, 5, tzinfo=UTC)
PER_DAY, DAYS, BREAK = 2000, 40, 24


def spec_of(**when):
    """Make a declaration that watches what it is told."""
    return PipelineSpec.model_validate(
        {
            "name": "ads",
            "source": {"path": "x.csv", "timestamp": "at"},
            "label": {"column": "clicked", "delay": "1d"},
            "retrain_when": when,
        }
    )


@cache
def world():
    """Draw rows of a champion promoted at the start, for whom things turn bad on day 24."""
    rng = np.random.default_rng(3)
    rows = PER_DAY * DAYS
    day = np.repeat(np.arange(DAYS), PER_DAY)
    signal = rng.normal(-1.2, 1, rows)
    score = 1 / (1 + np.exp(-signal))
    truth = np.where(day < BREAK, score, 1 / (1 + np.exp(1.9 + 0.2 * signal)))
    y = (rng.uniform(size=rows) < truth).astype(float)
    frame = pl.DataFrame(
        {
            "at": pl.Series(day * 86_400_000_000 + np.tile(np.arange(PER_DAY), DAYS) * 40_000_000),
            "clicked": y,
            "score": score,
            "signal": signal,
        }
    ).with_columns((pl.lit(START) + pl.duration(microseconds="at")).alias("at"))
    profile = build_profile(frame.head(20_000), ["signal"], [], score[:20_000])
    champion = Champion(3, START, profile, {"signal": 1.0}, (METRICS["log_loss"], METRICS["roc_auc"]))
    return frame, LabelledRows.of(frame, y, TimeColumns("at", DAY)), champion


def report(spec, day, previous=None, move=0.0, champion=None):
    """Make the report of one day."""
    frame, rows, own = world()
    batch = frame[day * PER_DAY : (day + 1) * PER_DAY]
    moved = batch.select(pl.col("signal") + move)
    key = f"{START + day * DAY:%Y-%m-%d}"
    return monitor(spec, champion or own, Batch(key, moved, batch["score"].to_numpy()), rows, previous)


PERFORMANCE = {"metric": "log_loss", "drop": 0.02, "over": "7d"}
CLICKS = {"name": "clicks", "sql": "AVG(clicked)", "below": 0.2, "over": "7d"}
WATCHED = spec_of(performance=PERFORMANCE, business=[CLICKS], drift={"psi": 0.2, "importance": 0.3})


def by_reason(payload):
    """Sort findings by reason."""
    return {item["reason"]: item for item in payload["findings"]}


def test_a_quiet_day_is_reported_with_all_its_figures():
    """The report is JSON and holds levels, drift and one finding a trigger, none crossed."""
    payload = report(WATCHED, 20)
    assert json.loads(json.dumps(payload)) == payload
    assert payload["as_of"] == (START + 21 * DAY).isoformat()
    assert payload["rows"] == PER_DAY
    level = payload["realised"]["log_loss"]
    assert (level["blocks"], level["rows"]) == (7, 7 * PER_DAY)
    assert level["lower"] < level["value"] < level["upper"]
    assert payload["drift"]["signal"]["psi"] < 0.02
    assert payload["score_drift"]["psi"] < 0.02
    assert set(by_reason(payload)) == {"performance", "business:clicks", "drift"}
    assert not any(item["crossed"] for item in payload["findings"])
    assert alarms_of(payload) == ()


def test_harm_is_seen_within_days_and_its_onset_found():
    """Both alarms rise within ten days of the break, name an onset next to it, and keep date and onset."""
    payload, first = None, {}
    for day in range(20, DAYS):
        payload = report(WATCHED, day, payload)
        for alarm in alarms_of(payload):
            first.setdefault(alarm.code, (day, alarm))
            assert first[alarm.code][1].identity == alarm.identity
            assert first[alarm.code][1].onset == alarm.onset
    assert set(first) == {"performance", "business:clicks"}
    for day, alarm in first.values():
        assert BREAK < day <= BREAK + 10
        assert abs(alarm.onset - (START + BREAK * DAY)) <= 2 * DAY
        assert alarm.champion == 3


def test_the_sentence_tells_bound_and_threshold():
    """A crossed threshold is told with value, certainty and threshold, in the metric's unit."""
    found = by_reason(report(WATCHED, 36))
    assert found["performance"]["sentence"].startswith("Log loss since 2026-01-2")
    assert "nats per row worse than on the days before" in found["performance"]["sentence"]
    assert "false in one of 20 harmless half-years at most" in found["performance"]["sentence"]
    assert "more than the allowed drop of 0.02." in found["performance"]["sentence"]
    assert "below the threshold of 0.2." in found["business:clicks"]["sentence"]


def test_the_sentence_tells_days_by_the_calendar_of_the_periods():
    """A day that begins at a midnight of Berlin is told by its own date, and not by that of UTC."""
    found = by_reason(report(WATCHED.model_copy(update={"timezone": "Europe/Berlin"}), 36))["performance"]
    onset = datetime.fromisoformat(found["onset"]).astimezone(ZoneInfo("Europe/Berlin"))
    assert (onset.hour, f"since {onset:%Y-%m-%d} is" in found["sentence"]) == (0, True)


def test_an_absolute_level_needs_no_reference():
    """The level that the metric must keep is judged a few days after the promotion already."""
    spec = spec_of(performance={"metric": "roc_auc", "at_least": 0.9, "over": "7d"})
    assert "cannot be judged yet" in report(spec, 2)["findings"][0]["sentence"]
    finding = report(spec, 6)["findings"][0]
    assert finding["crossed"]
    assert finding["onset"] == START.isoformat()


def test_a_drop_waits_for_the_reference_and_rows_after_it():
    """Right after a promotion there is no reference, and its own rows are no evidence of a fall."""
    assert report(WATCHED, 6)["reference"]["log_loss"] is None
    settled = report(WATCHED, 8)
    assert settled["reference"]["log_loss"]["blocks"] == 7
    assert "cannot be judged yet" in by_reason(settled)["performance"]["sentence"]


def test_later_rows_change_no_report():
    """A report is the same whether the frame ends with what was known then, or holds the future too."""
    frame, rows, champion = world()
    known = LabelledRows.of(frame[: 26 * PER_DAY], rows.y[: 26 * PER_DAY], rows.columns)
    batch = frame[25 * PER_DAY : 26 * PER_DAY]
    key = f"{START + 25 * DAY:%Y-%m-%d}"
    then = monitor(WATCHED, champion, Batch(key, batch, batch["score"].to_numpy()), known)
    assert then == report(WATCHED, 25)


def test_drift_alarms_at_once_and_a_new_champion_starts_afresh():
    """A moved feature alarms on its day; another promotion drops since and onset of the report before."""
    payload = report(WATCHED, 10, move=2.0)
    alarm = alarms_of(payload)[0]
    assert (alarm.code, alarm.onset) == ("drift", START + 10 * DAY)
    assert "(signal)" in alarm.sentence
    again = report(WATCHED, 11, payload, move=2.0)
    assert alarms_of(again)[0].identity == alarm.identity
    frame_champion = world()[2]
    other = Champion(4, START + DAY, frame_champion.profile, {}, frame_champion.metrics)
    assert alarms_of(report(WATCHED, 11, payload, 2.0, other))[0].since == START + 12 * DAY


def test_the_loss_of_quality_is_told_in_the_first_metrics_unit():
    """Before there is a reference there is none; after the break it is the rise of the log loss since the promotion."""
    assert report(WATCHED, 5)["lost"] is None
    assert report(WATCHED, 20)["lost"] == pytest.approx(0, abs=0.02)
    bad = report(WATCHED, 36)
    assert bad["lost"] == bad["realised"]["log_loss"]["value"] - bad["reference"]["log_loss"]["value"] > 0.02


def test_an_alarm_that_flickers_is_one_alarm():
    """What comes back within its span keeps since and onset; what comes back later is new evidence."""
    payload, found = None, {}
    for day in (10, 11, 12, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26):
        payload = report(WATCHED, day, payload, move=2.0 if day in {10, 12, 17, 25} else 0.0)
        for alarm in alarms_of(payload):
            found[day] = alarm
    assert set(found) == {10, 12, 17, 25}
    assert found[10].identity == found[12].identity == found[17].identity
    assert found[17].onset == START + 10 * DAY
    assert (found[25].since, found[25].onset) == (START + 26 * DAY, START + 25 * DAY)


def test_a_partition_without_scores_or_labels_is_reported():
    """Before any label is mature there are no levels, and without scores no drift of them."""
    frame, rows, champion = world()
    payload = monitor(WATCHED, champion, Batch("2026-01-05", frame.head(PER_DAY), None), rows)
    assert payload["score_drift"] is None
    assert payload["business"]["clicks"] is None or payload["business"]["clicks"]["lower"] is None


def test_k_of_n_windows_must_be_crossed_the_latest_among_them():
    """Three of the last five partitions' windows, and the latest, must lie beyond the threshold."""

    def crossed(day, **more):
        spec = spec_of(business=[CLICKS | {"over": "3d", "below": 0.2} | more])
        return report(spec, day)["findings"][0]

    days = range(20, 36)
    each = {day: crossed(day)["crossed"] for day in days}
    assert 0 < sum(each.values()) < len(each)
    for day in days[4:]:
        found = crossed(day, windows=5, violations=3)
        assert found["crossed"] == (each[day] and sum(each[day - back] for back in range(5)) >= 3)
        if each[day]:
            assert "of the last 5 partitions' windows; an alarm asks for 3." in found["sentence"]


def test_windows_of_another_champion_do_not_count():
    """Of five windows those count that begin after the promotion, though parts of the others lie after it too."""
    champion = replace(world()[2], promoted_at=START + 25 * DAY)
    clicks = CLICKS | {"over": "5d", "windows": 5}
    found = report(spec_of(business=[clicks | {"violations": 3}]), 31, champion=champion)["findings"][0]
    assert "So are 2 of the last 5 partitions' windows" in found["sentence"]
    assert not found["crossed"]
    assert report(spec_of(business=[clicks | {"violations": 2}]), 31, champion=champion)["findings"][0][
        "crossed"
    ]


def test_more_violations_than_windows_are_refused():
    """Three of two windows cannot be, and the sentence says so."""
    with pytest.raises(ValueError, match="violations: 3 of 2 windows cannot be"):
        spec_of(business=[CLICKS | {"windows": 2, "violations": 3}])


def test_joint_drift_alarms_where_it_is_asked_for():
    """Rows that all features together tell from training rows are a drift only with a declared area."""
    frame, rows, own = world()
    champion = replace(own, reference=frame.head(2000).select("signal").to_numpy())
    batch = frame[10 * PER_DAY : 11 * PER_DAY]
    moved = Batch("2026-01-15", batch.select(pl.col("signal") + 0.6), batch["score"].to_numpy())
    quiet = monitor(spec_of(drift={"psi": 2.0}), champion, moved, rows)
    asked = monitor(spec_of(drift={"psi": 2.0, "joint": 0.6}), champion, moved, rows)
    assert quiet["joint_drift"]["auc"] == asked["joint_drift"]["auc"] > 0.6
    assert not quiet["findings"][0]["crossed"]
    assert asked["findings"][0]["crossed"]
    assert "more than the declared 0.6." in asked["findings"][0]["sentence"]
