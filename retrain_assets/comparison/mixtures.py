"""Bounds that hold at every look at once: the normal mixture for means, and the mixture of t-tests.

Both are method-of-mixtures martingales. Evidence e against "the mean is 0" starts at 1 and is 1 on average
at every look while that is true, so by Ville's inequality it ever reaches 1 / alpha with probability alpha at
most. A critical value is the number of standard errors at which it does.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Literal

Sides = Literal[1, 2]

NARROWEST_AT = 28
"""The confidence sequence is tuned to be narrowest at four weeks of days."""
PRIOR_PRECISION = 1.0
"""The t-mixture expects effects of about one standard deviation of a block. So bounds at 10 to 30 blocks lie within
3 % of the narrowest that any precision gives at an alpha of .025."""


def mixture_variance(alpha: float, sides: Sides) -> float:
    """Variance of the normal mixture whose confidence sequence is narrowest at four weeks of days.

    The exact optimum of the two-sided form; the one-sided form at alpha takes it at twice alpha.

    References
    ----------
    Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas (2024), Annals of Statistics 52, 2613-2640: the appendix on
    optimizing a confidence sequence for a time.
    """
    from scipy.special import lambertw

    total = alpha * 2 / sides
    return (-float(lambertw(-(total**2) / math.e, -1).real) - 1) / NARROWEST_AT


@cache
def sequence_critical(blocks: int, alpha: float, sides: Sides = 1) -> float:
    """Half-width of an asymptotic confidence sequence, in standard errors of the mean.

    With r2 the mixture's variance it is ``sqrt(2 (n r2 + 1) / (n r2) * log(sqrt(n r2 + 1) / alpha))`` for two
    sides. For one side the mixture is over positive effects, and with P(Z <= x) >= 1 - exp(-x^2 / 2) / 2 the
    quantity in the logarithm becomes ``1 + sqrt(n r2 + 1) / (2 alpha)``.

    Parameters
    ----------
    blocks
        Number of blocks, n.
    alpha
        Probability that the mean ever lies outside: beyond the one bound, or beyond either of two.
    sides
        One bound, or two.

    References
    ----------
    Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas (2024), "Time-uniform central limit theory and asymptotic
    confidence sequences", Annals of Statistics 52, 2613-2640.
    Robbins (1970), "Statistical methods related to the law of the iterated logarithm", Annals of Mathematical
    Statistics 41, 1397-1409: the mixture.
    """
    seen = blocks * mixture_variance(alpha, sides)
    root = math.sqrt(seen + 1)
    evidence = root / alpha if sides == 2 else 1 + root / (2 * alpha)
    return math.sqrt(2 * (seen + 1) / seen * math.log(evidence))


def sequence_log_evidence(statistic: float, blocks: int, alpha: float, sides: Sides = 1) -> float:
    """Natural logarithm of the evidence that goes with `sequence_critical`; -inf where there is none.

    Parameters
    ----------
    statistic
        The mean in standard errors; for two sides its size.
    blocks, alpha, sides
        As in `sequence_critical`; alpha sets the mixture.
    """
    seen = blocks * mixture_variance(alpha, sides)
    exponent = seen / (seen + 1) * statistic**2 / 2
    if sides == 2:
        return exponent - math.log(seen + 1) / 2
    if statistic <= 0:
        return -math.inf
    return math.log(2) + exponent + math.log(-math.expm1(-exponent)) - math.log(seen + 1) / 2


@cache
def t_critical(blocks: int, alpha: float, sides: Sides = 1) -> float:
    """Value of Student's t statistic at which the t-mixture's evidence reaches 1 / alpha.

    Infinite where so few blocks cannot give as much evidence, however alike they are.

    Parameters
    ----------
    blocks
        Number of blocks, n.
    alpha
        Probability that it is ever reached while the mean is 0 (one side: 0 or below).
    sides
        One or two.
    """
    from scipy.optimize import brentq

    wanted = -math.log(alpha)

    def missing(scaled: float) -> float:
        return _t_log_evidence(scaled, blocks, sides) - wanted

    most = math.sqrt(blocks) * (1 - 1e-15)
    if missing(most) < 0:
        return math.inf
    scaled = float(brentq(missing, 0.0, most))
    return scaled * math.sqrt((blocks - 1) / (blocks - scaled**2))


def t_log_evidence(statistic: float, blocks: int, sides: Sides = 1) -> float:
    """Natural logarithm of the t-mixture's evidence against a mean of 0 (one side: of 0 or below).

    The likelihood ratio of Student's t statistic for an effect of theta standard deviations, averaged over
    theta from a normal distribution around 0 (two sides), or its positive half (one side). It does not depend
    on the unknown variance. With S the sum, V the sum of squares of n values, c2 the precision and k = n + c2,
    the two-sided form is ``sqrt(c2 / k) * (k V / (k V - S^2))^(n / 2)`` (theorem 4.9); averaging over the
    positive half multiplies it by ``2 P(T_n <= S / sqrt(V) * sqrt(n / (k - S^2 / V)))``. The likelihood ratio
    grows with t for every positive theta, and t with the mean, so the one-sided form holds for every mean
    below 0 as well. The guarantee is exact for independent normal values.

    Parameters
    ----------
    statistic
        Student's t of the mean; for two sides its sign does not matter.
    blocks, sides
        As in `t_critical`.

    References
    ----------
    Wang, Ramdas (2025), "Anytime-valid t-tests and confidence sequences for Gaussian means with unknown
    variance", Sequential Analysis 44, 56-110.
    Lai (1976), "On confidence sequences", Annals of Statistics 4, 265-280.
    """
    if math.isinf(statistic):
        return _t_log_evidence(math.copysign(math.sqrt(blocks), statistic), blocks, sides)
    return _t_log_evidence(statistic * math.sqrt(blocks / (blocks - 1 + statistic**2)), blocks, sides)


def _t_log_evidence(scaled: float, blocks: int, sides: Sides) -> float:
    """The evidence in terms of S / sqrt(V), which lies between -sqrt(n) and sqrt(n)."""
    from scipy.special import stdtr

    total = blocks + PRIOR_PRECISION
    rest = 1 - scaled**2 / total
    log_evidence = math.log(PRIOR_PRECISION / total) / 2 - blocks / 2 * math.log(rest)
    if sides == 2:
        return log_evidence
    return log_evidence + math.log(2 * float(stdtr(blocks, scaled * math.sqrt(blocks / (total * rest)))))
