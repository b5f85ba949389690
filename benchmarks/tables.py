"""The three real tables of the examples as arrays: features as numbers, labels, and the day of every row."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retrain_assets.arrays import FloatArray

PLACE = Path(os.environ.get("RETRAIN_EXAMPLES_DATA", Path(__file__).parents[2] / "shared" / "data"))
BOOKINGS = (
    "LeadTime",
    "ArrivalDateWeekNumber",
    "StaysInWeekendNights",
    "StaysInWeekNights",
    "Adults",
    "Children",
    "Babies",
    "IsRepeatedGuest",
    "PreviousCancellations",
    "PreviousBookingsNotCanceled",
    "DaysInWaitingList",
    "TotalOfSpecialRequests",
    "Meal",
    "MarketSegment",
    "DistributionChannel",
    "ReservedRoomType",
    "DepositType",
    "CustomerType",
    "HotelNumber",
)
ELECTRICITY = (
    "day",
    "period",
    "nswdemand",
    "vicprice",
    "vicdemand",
    "transfer",
)
BIKES = (
    "season",
    "mnth",
    "hr",
    "holiday",
    "weekday",
    "workingday",
    "weathersit",
    "temp",
    "atemp",
    "hum",
    "windspeed",
)


@dataclass(frozen=True)
class Table:
    """A table in the order of time.

    Parameters
    ----------
    name
        Its name.
    classifies
        Whether its label is 0 or 1.
    inputs
        Features, shape (n, p); a category is the rank of its name.
    y
        Labels, shape (n,).
    days
        Day of every row, counted from the first one, shape (n,).
    """

    name: str
    classifies: bool
    inputs: FloatArray
    y: FloatArray
    days: NDArray[np.int64]

    def between(self, first: int, last: int) -> NDArray[np.int64]:
        """Positions of the rows of the days from ``first`` on and before ``last``."""
        return np.arange(np.searchsorted(self.days, first), np.searchsorted(self.days, last))


def tables() -> list[Table]:
    """Read the tables; RETRAIN_EXAMPLES_DATA says where they are."""
    bookings = pl.read_parquet(PLACE / "hotel_bookings.parquet").sort("arrival_date", maintain_order=True)
    prices = pl.read_parquet(PLACE / "elec2.parquet").sort("ts").with_columns(up=(pl.col("class") == "UP"))
    bikes = pl.read_parquet(PLACE / "bike_sharing.parquet").sort("ts")
    return [
        _table("bookings", bookings, BOOKINGS, "IsCanceled", "arrival_date", classifies=True),
        _table("electricity", prices, ELECTRICITY, "up", "ts", classifies=True),
        _table("bikes", bikes, BIKES, "cnt", "ts", classifies=False),
    ]


def _table(
    name: str, frame: pl.DataFrame, features: tuple[str, ...], label: str, time: str, *, classifies: bool
) -> Table:
    numbers = frame.select(
        pl.col(column).str.strip_chars().rank("dense") if frame[column].dtype == pl.String else pl.col(column)
        for column in features
    )
    day = frame[time].cast(pl.Date).to_physical().to_numpy().astype(np.int64)
    inputs = numbers.cast(pl.Float64).to_numpy()
    return Table(name, classifies, inputs, frame[label].cast(pl.Float64).to_numpy(), day - day[0])
