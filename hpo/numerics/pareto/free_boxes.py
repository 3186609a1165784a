"""The region that no point of a front dominates, cut into boxes.

Notation: `n` points, `k` losses, `b` boxes; losses are minimized.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def free_boxes(
    front: NDArray[np.float64], reference: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return disjoint boxes that are, together, all that is below the reference point and that no point dominates.

    There are at most ``n + 1`` boxes with two losses, ``2 n + 1`` with three, and O(`n`^2) with four. O(`n` `b`).

    Source: Lacour, Klamroth and Fonseca, "A Box Decomposition Algorithm to Compute the Hypervolume Indicator", Computers &
    Operations Research 79, 2017, algorithm 2 (local upper bounds) and proposition 4 (their boxes; here with the first loss
    unbounded from below, where they take the dominated side of it).

    Args:
        front: The points, ``(n, k)``, finite. Those that others dominate, or that are not below the reference point, change
            nothing.
        reference: The reference point, ``(k,)``, finite.

    Returns:
        The lower ends, ``(b, k)``, -inf where a box is unbounded, and the upper ends, ``(b, k)``.

    Example:
        >>> lows, highs = free_boxes(np.array([[1.0, 2.0]]), np.array([3.0, 3.0]))
        >>> lows.tolist(), highs.tolist()
        ([[-inf, 2.0], [-inf, -inf]], [[1.0, 3.0], [3.0, 2.0]])
    """
    k = len(reference)
    bounds = reference[None].copy()  # local upper bounds, (b, k)
    # defining[u, j] is the point that gives local upper bound u its coordinate j, (b, k, k)
    defining = np.full((1, k, k), -np.inf)
    defining[0, np.arange(k), np.arange(k)] = reference
    for point in front[np.lexsort(front.T[::-1])]:
        above = (point < bounds).all(axis=1)
        if not above.any():
            continue
        split, split_points = bounds[above], defining[above]
        kept, kept_points = [bounds[~above]], [defining[~above]]
        for j in range(k):
            others = np.delete(split_points[:, :, j], j, axis=1).max(axis=1, initial=-np.inf)
            valid = point[j] >= others
            lower, lower_points = split[valid], split_points[valid]
            lower[:, j] = point[j]
            lower_points[:, j, :] = point
            kept.append(lower)
            kept_points.append(lower_points)
        bounds, defining = np.concatenate(kept), np.concatenate(kept_points)
    lows = np.full(bounds.shape, -np.inf)
    for j in range(1, k):
        lows[:, j] = defining[:, :j, j].max(axis=1)
    real = (lows < bounds).all(axis=1)
    return lows[real], bounds[real]
