from __future__ import annotations

import math

import pytest

from retrain_assets.evaluation_report.amounts import amount


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.0, "0"),
        (0.00866, "0.00866"),
        (-5.4821e-05, "-0.0000548"),
        (1.89e-08, "0.0000000189"),
        (3.2e-13, "3.2e-13"),
        (12.345, "12.3"),
        (999.6, "1000"),
        (-1234567.8, "-1,234,568"),
        (-math.inf, "no bound"),
    ],
)
def test_amounts_are_written_as_people_write_them(value: float, written: str) -> None:
    """Three significant digits, no exponent where zeros can still be counted, and no infinity."""
    assert amount(value) == written
