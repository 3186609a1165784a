"""The covariance of the Gaussian process: Matern-5/2 with a length scale per dimension, and its derivatives.

Points are *features*: a numeric dimension is one feature, a dimension of choices one feature per choice, which is 0 or
``1 / sqrt(2)``, so that two different choices are at the distance 1. Features divided by the length scales of their
dimensions are *scaled*; everything below is of scaled features, and in units of the process's variance:

    k(u, v) = MEAN_VARIANCE + (1 + sqrt(5) r + 5/3 r^2) exp(-sqrt(5) r),    r = |u - v|.

The constant stands for an unknown mean with a normal prior, which is integrated out.

Source: Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006, equations 4.17 (kernel) and 2.38 to 2.42
(a mean that is integrated out).

Notation: `n` data, `m` points, `f` features.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

MEAN_VARIANCE = 1.0
"""The variance of the mean, in units of the process's."""
_ROOT_5 = math.sqrt(5.0)


def squared_distances(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the squared distances between scaled features ``(m, f)`` and ``(n, f)``: at least 0, ``(m, n)``."""
    # by one product of matrices: a tenth of the cost of differences; what cancels is far below the least noise
    squares = np.einsum("ij,ij->i", one, one)[:, None] + np.einsum("ij,ij->i", other, other)
    squares -= 2.0 * (one @ other.T)
    result: NDArray[np.float64] = np.maximum(squares, 0.0, out=squares)
    return result


def covariance(squares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the covariances at squared distances; the shape stays.

    Example:
        >>> covariance(np.array([0.0, 1.0])).round(6).tolist()
        [2.0, 1.523994]
    """
    r = np.sqrt(5.0 * squares)
    values: NDArray[np.float64] = (1.0 + r + r * r / 3.0) * np.exp(-r)
    values += MEAN_VARIANCE
    return values


def covariance_and_slope(squares: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the covariances at squared distances, and minus twice their derivatives by the squared distances.

    With this slope `s`, the derivative of the covariance by a scaled feature of the first point is
    ``-s (u - v)``, and by the logarithm of a length scale it is ``s (u - v)^2``, for the features of its dimension.
    """
    r = np.sqrt(5.0 * squares)
    decay = np.exp(-r)
    slope: NDArray[np.float64] = (1.0 + r) * decay
    values = slope + (r * r / 3.0) * decay
    values += MEAN_VARIANCE
    slope *= 5.0 / 3.0
    return values, slope


def covariance_of(scaled: NDArray[np.float64], noise: float | NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the covariance matrix of data at scaled features, ``(n, f)``, with the variances `noise` on its diagonal."""
    squares = squared_distances(scaled, scaled)
    np.fill_diagonal(squares, 0.0)  # what rounding leaves there would be taken for a distance
    matrix = covariance(squares)
    matrix.flat[:: len(matrix) + 1] += noise
    return matrix
