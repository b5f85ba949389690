"""Several tests at once: p-values that allow for their number."""

from __future__ import annotations

import numpy as np

from retrain_assets.arrays import FloatArray


def holm(p_values: FloatArray) -> FloatArray:
    """Correct the p-values of several tests, so that all together err as one test does.

    Rejecting where the corrected value is at most ``alpha`` rejects any true hypothesis with probability
    ``alpha`` at the most, however the tests depend on each other. The smallest p-value is multiplied by the
    number of tests, the next one by one less, and so on; none falls below its predecessor.

    Parameters
    ----------
    p_values
        Shape (tests,).

    Returns
    -------
    ndarray of shape (tests,)
        In the order of ``p_values``.

    References
    ----------
    Holm (1979), "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
    Statistics 6, 65-70.
    """
    order = np.argsort(p_values, kind="stable")
    multiplied = np.arange(p_values.size, 0, -1) * p_values[order]
    corrected = np.empty(p_values.size)
    corrected[order] = np.minimum(np.maximum.accumulate(multiplied), 1.0)
    return corrected
