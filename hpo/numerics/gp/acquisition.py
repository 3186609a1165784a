"""Acquisition functions, as logarithms that stay exact where the functions underflow, with their derivatives.

Notation: `m` points, `w` worlds (see `hpo.numerics.gp.posterior`).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfcx, log_ndtr

_LOG_ROOT_2PI = 0.5 * math.log(2.0 * math.pi)
_DIRECT, _FAR = -1.0, -30.0
_TERMS = 8  # of the series beyond `_FAR`: the last one is below 1e-16 of the first


def log_expected_excess(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``log(phi(z) + z Phi(z))``, the logarithm of the mean of ``max(z + normal, 0)``; the shape stays.

    Relative to the largest of 1 and the result, it is exact to 1e-12 for every finite `z`, and its exponential is for
    ``z > -30``.

    Source: Ament, Daulton, Eriksson, Balandat and Bakshy, "Unexpected Improvements to Expected Improvement for Bayesian
    Optimization", NeurIPS 2023, equation 9; beyond -30 the asymptotic series instead of their first term.

    Example:
        >>> log_expected_excess(np.array([0.0, -40.0])).round(6).tolist()
        [-0.918939, -808.298568]
    """
    result = np.empty_like(z)
    near, far = z > _DIRECT, z <= _FAR
    middle = ~(near | far)
    if near.any():
        x = z[near]
        result[near] = np.log(np.exp(-0.5 * x * x - _LOG_ROOT_2PI) + x * np.exp(log_ndtr(x)))
    if middle.any():
        x = -z[middle]
        # eq. 9: phi(z) is taken out, and what is left is the scaled complementary error function
        rest = np.log1p(-x * math.sqrt(math.pi / 2.0) * erfcx(x / math.sqrt(2.0)))
        result[middle] = -0.5 * x * x - _LOG_ROOT_2PI + rest
    if far.any():
        x = z[far]
        inverse = 1.0 / (x * x)
        # phi(z) / z^2 (1 - 3 / z^2 + 15 / z^4 - ...), by Horner's rule
        series = np.ones_like(x)
        for k in range(_TERMS, 0, -1):
            series = 1.0 - (2 * k + 1) * inverse * series
        result[far] = -0.5 * x * x - _LOG_ROOT_2PI - 2.0 * np.log(-x) + np.log(series)
    return result


def log_expected_improvement(
    means: NDArray[np.float64], variances: NDArray[np.float64], best: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the logarithm of the expected improvement on `best`, and its derivatives.

    With several worlds, it is the expected improvement of the average world.

    Args:
        means: The predicted means in each world, ``(m, w)``.
        variances: The predicted variances, ``(m,)``.
        best: The value to improve on, by being less, in each world, ``(w,)``.

    Returns:
        The logarithms, ``(m,)``, their derivatives by the means, ``(m, w)``, and by the variances, ``(m,)``.
    """
    deviations = np.sqrt(variances)
    z = (best - means) / deviations[:, None]
    excess = log_expected_excess(z)
    by_z = np.exp(log_ndtr(z) - excess)  # the derivative of phi(z) + z Phi(z) is Phi(z)
    highest = excess.max(axis=1)
    shares = np.exp(excess - highest[:, None])
    total = shares.sum(axis=1)
    shares /= total[:, None]
    values = np.log(deviations) + highest + np.log(total / len(best))
    by_mean = -shares * by_z / deviations[:, None]
    by_variance = (1.0 - (shares * by_z * z).sum(axis=1)) / (2.0 * variances)
    return values, by_mean, by_variance


def log_probability_below(
    means: NDArray[np.float64], variances: NDArray[np.float64], limit: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the logarithm of the probability of at most `limit`, and its derivatives.

    Args:
        means: The predicted means, ``(m, 1)``.
        variances: The predicted variances, ``(m,)``.
        limit: The limit.

    Returns:
        The logarithms, ``(m,)``, their derivatives by the means, ``(m, 1)``, and by the variances, ``(m,)``.
    """
    deviations = np.sqrt(variances)
    z = (limit - means[:, 0]) / deviations
    values = log_ndtr(z)
    by_z = np.exp(-0.5 * z * z - _LOG_ROOT_2PI - values)
    return values, (-by_z / deviations)[:, None], -by_z * z / (2.0 * variances)
