"""The interval of a paired comparison that is one of several looks, or one of a budgeted year's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from retrain_assets.comparison.block_series import BlockSeries, spread_of
from retrain_assets.comparison.comparison import Comparison
from retrain_assets.comparison.paired import POWER
from retrain_assets.comparison.sequential import always_valid
from retrain_assets.comparison.standard_errors import StudentError


def widened(found: Comparison, series: BlockSeries) -> Comparison:
    """Allow for the correlation of neighbouring blocks that the blocks themselves show, where no past tells it.

    The interval is that of Student's t with the error widened as for later looks
    (:func:`~retrain_assets.comparison.block_series.variance_inflation`), and never narrower than before.
    Where past days tell their correlation the comparison has allowed for it already, and seven days of their own
    would only tell it worse (``benchmarks/yearly_budget.py``).

    Parameters
    ----------
    found
        A comparison by one look.
    series
        The same rows as blocks of time.
    """
    from scipy.special import stdtr, stdtrit

    if found.degrees is None or found.correlation is not None:
        return found
    spread = spread_of(series)
    below, above = spread.bounds(float(stdtrit(found.degrees, 1 - found.alpha / 2)))
    error = max(found.standard_error, spread.error())
    lower = min(found.lower, found.improvement + below)
    statistic = abs(found.improvement) / error if error > 0 else np.inf
    return replace(
        found,
        lower=lower,
        upper=max(found.upper, found.improvement + above),
        p_value=max(found.p_value, float(2 * stdtr(found.degrees, -statistic))),
        standard_error=error,
        smallest_detectable=found.improvement - lower + float(stdtrit(found.degrees, POWER)) * error,
        inflation=spread.inflation,
        errors=(StudentError(error, found.degrees),),
    )


def looked_at_again(
    found: Comparison, series: BlockSeries, first_look: int | None, *, in_time: bool = True
) -> Comparison:
    """Replace a comparison's interval by one that holds over all looks at the same pair together.

    Each bound by itself is ever wrong, at this or any later look, with probability ``alpha / 2``.

    Parameters
    ----------
    found
        The comparison on all rows so far.
    series
        The same rows as blocks of time.
    first_look
        Number of blocks at the first look of the sequence; None where this is the first one.
    in_time
        Whether the comparison's own blocks are these. Entities come again every day, so that what is peculiar to
        them shifts all days alike: then the error is that of their comparison, where it is the greater one.
    """
    from scipy.special import ndtri

    least = 0.0 if in_time else found.standard_error
    upward, downward = (
        always_valid(
            BlockSeries(sign * series.values, series.weights),
            alpha=found.alpha / 2,
            first_look=first_look,
            least_error=least,
        )
        for sign in (1, -1)
    )
    error = spread_of(series).at_least(least).error()
    return replace(
        found,
        lower=upward.lower,
        upper=upward.upper,
        p_value=min(1.0, 2 * min(upward.p_value, downward.p_value)),
        standard_error=error,
        smallest_detectable=found.improvement - upward.lower + float(ndtri(POWER)) * error,
        estimator=upward.test,
        degrees=None,
        effective_blocks=min(found.effective_blocks or upward.effective_blocks, upward.effective_blocks),
        inflation=upward.inflation,
        errors=(),
    )
