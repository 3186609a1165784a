"""An estimate of the hypervolume for many objectives, where an exact one would take too long."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hpo.numerics.pareto.boxes import boxes_of, in_units, outermost

_MOST_COMPARED = 2**22  # sides compared at once: bounds the memory
_95_PERCENT = 1.959964  # two-sided, of the normal distribution


def estimated_hypervolume(
    losses: NDArray[np.float64], reference: NDArray[np.float64], uniform: NDArray[np.float64]
) -> tuple[float, float, float]:
    """Return an estimate of the hypervolume, and the ends of its 95 % interval.

    Each draw takes a box with a chance in proportion to its volume, and a point in it; a point that `k` boxes contain counts as one
    `k`-th. The mean, times the volume of all boxes together, is the volume of their union: unbiased, and with an error that
    is relative to it, in any number of dimensions.

    Args:
        losses: As for `hypervolume`.
        reference: As for `hypervolume`.
        uniform: Independent random numbers from 0 up to 1, ``(draws, 1 + m)``, at least 2 draws.

    Source: Karp, Luby and Madras, "Monte-Carlo Approximation Algorithms for Enumeration Problems", 1989 (a union of
    sets); Bringmann and Friedrich, "Approximating the Volume of Unions and Intersections of High-Dimensional Geometric
    Objects", 2010 (of boxes).

    Example:
        >>> drawn = np.random.default_rng(1).random((10_000, 3))
        >>> value, low, high = estimated_hypervolume(np.array([[1.0, 2.0], [2.0, 1.0]]), np.array([3.0, 3.0]), drawn)
        >>> low < 3.0 < high, high - low < 0.1
        (True, True)
    """
    boxes, exponents = boxes_of(losses, reference)
    if np.isinf(boxes).any():
        return math.inf, math.inf, math.inf
    boxes = outermost(boxes[boxes.all(axis=1)])
    if len(boxes) < 2:
        exact = in_units(float(boxes.prod(axis=1).sum()), exponents)
        return exact, exact, exact
    volumes = boxes.prod(axis=1)
    until = np.cumsum(volumes)
    chosen = np.minimum(np.searchsorted(until, uniform[:, 0] * until[-1], side="right"), len(boxes) - 1)
    points = uniform[:, 1:] * boxes[chosen]
    shares = np.empty(len(points))
    at_once = max(_MOST_COMPARED // boxes.size, 1)
    for start in range(0, len(points), at_once):
        some = slice(start, start + at_once)
        contained = np.ones((len(points[some]), len(boxes)), dtype=np.bool_)
        for side, place in zip(boxes.T, points[some].T, strict=True):
            contained &= place[:, None] < side
        # rounding may put a point on the side of its own box
        shares[some] = 1.0 / np.maximum(contained.sum(axis=1), 1)
    total = float(until[-1])
    mean, error = float(shares.mean()), float(shares.std(ddof=1)) / math.sqrt(len(shares)) * _95_PERCENT
    # at least the largest box, at most all of them side by side
    low, high = max((mean - error) * total, float(volumes.max())), min((mean + error) * total, total)
    return in_units(mean * total, exponents), in_units(low, exponents), in_units(high, exponents)
