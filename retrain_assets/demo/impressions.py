"""Simulated ad impressions: sixteen weeks whose events are known, so that what the loop does can be checked.

Every value but the dates is the same each time. Three things happen: the share of phones rises slowly from
week 7 on (the relation of features to clicks stays, so a model needs no retraining), the Wednesday of week 9
is delivered with broken rows, and with week 11 the users change: formats, places and hours that drew clicks
no longer do, and fewer ads are clicked at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

WEEKS = 16
DRIFT_FROM = 6 * 7
"""First day of the drift in devices (week 7), counted from 0."""
DRIFT_DAYS = 35
BROKEN_DAY = 8 * 7 + 2
"""The day whose file holds broken rows: the Wednesday of week 9."""
CHANGE_FROM = 10 * 7
"""First day on which users behave differently: the Monday of week 11."""

_SEED = 20_240_101
_ROWS = (5_900, 6_000, 6_050, 5_950, 5_800, 5_350, 5_250)
_DEVICES = ("mobile", "desktop", "tablet", "tv")
_DEVICE_SHARES = (np.array([0.50, 0.37, 0.12, 0.01]), np.array([0.72, 0.20, 0.07, 0.01]))
_FORMATS = ("banner", "native", "video", "interstitial")
_FORMAT_SHARES = np.array([0.45, 0.25, 0.18, 0.12])
_COUNTRIES = ("US", "DE", "GB", "FR", "BR", "IN", "PL", "NL", "SE", "JP", "MT", "IS")
_COUNTRY_SHARES = np.array([0.28, 0.16, 0.12, 0.10, 0.09, 0.08, 0.06, 0.05, 0.03, 0.02, 0.006, 0.004])
_SITES = 24

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Behaviour:
    """What makes users click: effects in logits.

    Parameters
    ----------
    intercept
        Level; fixes the click rate.
    formats
        Effect of each ad format.
    phone_formats
        The same, on top, for phones.
    position
        Effect of each place further down the page.
    evening
        Effect of the evening over the morning.
    history
        Effect of a doubling of a user's earlier clicks.
    newcomer
        Effect of an account of one day over one of a year.
    bid
        Effect of a bid that is larger by a factor of e.
    site
        Scale of the effects of the sites.
    """

    intercept: float
    formats: tuple[float, float, float, float]
    phone_formats: tuple[float, float, float, float]
    position: float
    evening: float
    history: float
    newcomer: float
    bid: float
    site: float


BEFORE = Behaviour(
    intercept=-4.14,
    formats=(-0.45, 0.30, 0.75, -0.20),
    phone_formats=(0.15, -0.10, -0.60, 0.75),
    position=-0.19,
    evening=0.50,
    history=0.48,
    newcomer=-0.30,
    bid=0.28,
    site=0.45,
)
AFTER = Behaviour(
    intercept=-5.17,
    formats=(0.25, 0.15, -0.30, -0.10),
    phone_formats=(0.10, 0.10, 0.00, -0.40),
    position=0.02,
    evening=-0.30,
    history=0.55,
    newcomer=0.60,
    bid=0.28,
    site=0.45,
)


def write_impressions(folder: Path, last_monday: date) -> None:
    """Write sixteen weeks of impressions, one Parquet file a day.

    Parameters
    ----------
    folder
        Where to write, made if missing; files are named ``YYYY-MM-DD.parquet``, and replaced if there.
    last_monday
        The Monday that follows the last day.

    Raises
    ------
    ValueError
        When the day is no Monday: the events are tied to weeks.
    """
    if last_monday.weekday() != 0:
        raise ValueError(f"{last_monday} is no Monday; give the Monday that follows the last week")
    folder.mkdir(parents=True, exist_ok=True)
    first = last_monday - timedelta(weeks=WEEKS)
    for day in range(WEEKS * 7):
        today = first + timedelta(days=day)
        _impressions(day, today).write_parquet(folder / f"{today:%Y-%m-%d}.parquet")


def _impressions(day: int, today: date) -> pl.DataFrame:
    """One day's delivery, as the ad server would export it."""
    random = np.random.default_rng([_SEED, day])
    rows = _ROWS[day % 7] + int(random.integers(-150, 300))
    draws: dict[str, Floats | Integers] = {
        "hour": np.sort(np.clip(random.beta(2.2, 1.6, rows) * 24, 0, 23.9999)),
        "device": random.choice(4, rows, p=_device_shares(day)),
        "ad_format": random.choice(4, rows, p=_FORMAT_SHARES),
        "site": np.minimum(random.geometric(0.14, rows) - 1, _SITES - 1),
        "position": np.minimum(random.geometric(0.28, rows), 10),
        "bid": np.round(random.lognormal(0.1, 0.6, rows), 3),
        "previous_clicks": random.negative_binomial(0.7, 0.3, rows),
        "user_age_days": np.floor(random.lognormal(4.6, 1.5, rows)).astype(np.int64),
    }
    country = random.choice(len(_COUNTRIES), rows, p=_COUNTRY_SHARES)
    # Days differ a little for reasons that no column tells, such as weather and news.
    logit = _logit(AFTER if day >= CHANGE_FROM else BEFORE, draws) + random.normal(0, 0.04)
    clicked = random.random(rows) < 1 / (1 + np.exp(-logit))
    midnight = datetime(today.year, today.month, today.day)
    since_midnight = pl.duration(milliseconds="milliseconds")
    frame = pl.DataFrame(
        {
            "impression_id": 100_000_000 + day * 10_000 + np.arange(rows),
            "milliseconds": (draws["hour"] * 3_600_000).astype(np.int64),
            "device": np.array(_DEVICES)[draws["device"]],
            "site": np.array([f"site-{number:02d}" for number in range(_SITES)])[draws["site"]],
            "ad_format": np.array(_FORMATS)[draws["ad_format"]],
            "country": np.array(_COUNTRIES)[country],
            "bid": draws["bid"],
            "position": draws["position"],
            "user_age_days": draws["user_age_days"],
            "previous_clicks": draws["previous_clicks"],
            "clicked": clicked.astype(np.int64),
        }
    ).with_columns(milliseconds=pl.lit(midnight) + since_midnight)
    frame = frame.rename({"milliseconds": "shown_at"})
    frame = _untidy(frame, random)
    if day == BROKEN_DAY:
        frame = _broken(frame, random)
    twice = frame.sample(int(random.integers(2, 9)), seed=int(random.integers(1 << 31)))
    return pl.concat([frame, twice])


def _device_shares(day: int) -> Floats:
    """Shares of the devices: from the first mix to the second over five weeks."""
    weight = min(max((day - DRIFT_FROM) / DRIFT_DAYS, 0.0), 1.0)
    start, end = _DEVICE_SHARES
    shares: Floats = (1 - weight) * start + weight * end
    return shares


def _logit(behaviour: Behaviour, draws: Mapping[str, Floats | Integers]) -> Floats:
    """Chance of a click in logits, row by row."""
    ad_format = draws["ad_format"]
    sites = behaviour.site * np.sin(np.arange(_SITES) * 2.4)
    total: Floats = (
        behaviour.intercept
        + np.array(behaviour.formats)[ad_format]
        + np.where(draws["device"] == 0, np.array(behaviour.phone_formats)[ad_format], 0.0)
        + behaviour.position * (draws["position"] - 1)
        + behaviour.evening * np.sin((draws["hour"] - 13) / 24 * 2 * np.pi)
        + behaviour.history * np.log2(1 + draws["previous_clicks"])
        + behaviour.newcomer * (1 - np.minimum(np.log1p(draws["user_age_days"]) / np.log(366), 1.2))
        + behaviour.bid * np.log(draws["bid"] + 0.05)
        + sites[draws["site"]]
    )
    return total


def _untidy(frame: pl.DataFrame, random: np.random.Generator) -> pl.DataFrame:
    """Add what exports are full of: gaps, spellings, outliers, rare values."""
    chance = pl.Series(random.random(frame.height))
    return frame.with_columns(
        user_age_days=pl.when(chance < 0.06).then(None).otherwise("user_age_days"),
        country=pl.when(chance > 0.99)
        .then(None)
        .when(chance > 0.97)
        .then(pl.col("country") + "  ")
        .when(chance > 0.94)
        .then(pl.col("country").str.to_lowercase())
        .otherwise("country"),
        bid=pl.when(chance.is_between(0.5, 0.501))
        .then(pl.col("bid") * 8)
        .otherwise("bid")
        .clip(upper_bound=45),
        site=pl.when(chance.is_between(0.6, 0.6006)).then(pl.lit("site-test")).otherwise("site"),
    )


def _broken(frame: pl.DataFrame, random: np.random.Generator) -> pl.DataFrame:
    """Break some 4 % of a day's rows: impossible bids, and impressions without a time."""
    chance = pl.Series(random.random(frame.height))
    return frame.with_columns(
        bid=pl.when(chance < 0.015).then(-pl.col("bid")).when(chance < 0.03).then(99_999.0).otherwise("bid"),
        shown_at=pl.when(chance > 0.99).then(None).otherwise("shown_at"),
    )
