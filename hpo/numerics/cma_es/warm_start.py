"""A normal distribution around the best points of a related problem, for a CMA-ES to begin with.

Source: Nomura, Watanabe, Akimoto, Ozaki and Onishi, "Warm Starting CMA-ES for Hyperparameter Optimization", AAAI 2021,
arXiv:2012.06932, with the constants recommended there.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

_BEST_SHARE = 0.1  # gamma of the paper
_BLUR = 0.1  # alpha of the paper: the standard deviation around each point, of the unit cube


def promising_distribution(
    points: NDArray[np.float64],
) -> tuple[NDArray[np.float64], float, NDArray[np.float64]]:
    """Return the normal distribution nearest to a mixture around the best tenth of the points.

    The mixture has a normal distribution with standard deviation 0.1 around each point of the best tenth, rounded up. A
    normal distribution with the mean and the covariance of the mixture has the least Kullback-Leibler divergence from
    it.

    Args:
        points: Points of the unit cube, best first, ``(m, n)``, at least one.

    Returns:
        The mean ``(n,)``, the step size, and the covariance of the steps ``(n, n)``, whose determinant is 1.

    Example:
        >>> mean, sigma, covariance = promising_distribution(np.array([[0.2, 0.4], [0.9, 0.9]]))
        >>> mean.tolist(), round(sigma, 6), covariance.round(6).tolist()
        ([0.2, 0.4], 0.1, [[1.0, 0.0], [0.0, 1.0]])
    """
    best = points[: math.ceil(_BEST_SHARE * len(points))]
    mean = best.mean(axis=0)
    away = best - mean
    spread = away.T @ away / len(best) + _BLUR**2 * np.eye(points.shape[1])
    _, log_volume = np.linalg.slogdet(spread)
    sigma = math.exp(0.5 * float(log_volume) / points.shape[1])
    return mean, sigma, spread / sigma**2
