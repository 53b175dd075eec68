"""Distributions that the estimators stand on: Student's t, chi square, the binomial, and medians of few values."""

from collections.abc import Sequence
from functools import lru_cache
from statistics import median

PERCENTILE_CONFIDENCE = 0.99
"""With which an order statistic bounds a percentile (MLPerf LoadGen)."""

_SD_OF_MAD = 1.4826  # of normal values: sd = 1.4826 x median absolute deviation
# Croux and Rousseeuw 1992, Time-efficient algorithms for two highly robust estimators of scale; above: n / (n - 0.8).
_FEW_DEVIATIONS = {2: 1.196, 3: 1.495, 4: 1.363, 5: 1.206, 6: 1.200, 7: 1.140, 8: 1.129, 9: 1.107}
_SD_OF_MEDIAN = 1.2533  # of many normal values: sqrt(pi / 2), in units of the standard error of their mean


@lru_cache
def student(confidence: float, freedom: int) -> float:
    """Return by how many standard errors a two-sided t interval reaches to each side.

    >>> round(student(0.95, 4), 4)
    2.7764
    """
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + confidence) / 2))


@lru_cache
def chi_square(share: float, freedom: int) -> float:
    """Return the value below which a chi square of so many degrees of freedom stays in this share of cases.

    >>> round(chi_square(0.95, 4), 4)
    9.4877
    """
    from scipy.special import chdtri

    return float(chdtri(freedom, 1 - share))


def left_out(n: int, share: float) -> int:
    """Return the largest t with P(Bin(n, 1 - share) <= t) <= 0.01, below 1 where there is none.

    >>> left_out(63, 0.9), left_out(64, 0.9)
    (0, 1)
    """
    from scipy.stats import binom

    beyond = int(binom.ppf(1 - PERCENTILE_CONFIDENCE, n, 1 - share)) if n else 0
    if n and binom.cdf(beyond, n, 1 - share) > 1 - PERCENTILE_CONFIDENCE:
        beyond -= 1
    return beyond


def robust_sd(values: Sequence[float]) -> float:
    """Return 1.4826 x the median absolute deviation of two values or more, freed of its bias in small samples.

    >>> robust_sd([1.0, 1.0, 1.0, 9.0])
    0.0
    """
    n, centre = len(values), median(values)
    unbiased = _FEW_DEVIATIONS.get(n, n / (n - 0.8))
    return unbiased * _SD_OF_MAD * median(abs(value - centre) for value in values)


def median_variance(values: int) -> float:
    """Return the variance of the median of so many normal values of variance 1.

    1.2533 squared over n for many; within 2 % of the integral over order statistics from three values on.

    >>> round(median_variance(10), 3)
    0.138
    """
    return _SD_OF_MEDIAN**2 / (values + (0.48 if values % 2 else 1.36))
