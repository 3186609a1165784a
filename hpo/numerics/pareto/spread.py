"""How points with several losses spread over a front, and an order that spreads them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hpo.numerics.pareto.nondomination import nondomination_ranks


def n_before(losses: NDArray[np.float64], place: int, enough: int) -> tuple[int, int]:
    """Return how many points come before one of them: those of better fronts, and those of its own front.

    Within a front, points are taken one after another: first the one with the least first loss, then again and again the one that is
    farthest from all that were taken, so that the first few spread over the front. Distances are measured between the ranks that points
    have in the front, by objective: neither units nor any strictly monotone transformation of an objective matter. Equal points are
    taken together, and none of them comes before another.

    So a point comes before every one that it dominates. O(n log n), and O(front) for each point of the front that is taken.

    Args:
        losses: Losses, ``(n, m)``, minimized; infinities are allowed, and NaN is not.
        place: The index of the point.
        enough: Stop once so many come before it; the second number is a lower bound then.

    Source: Schmucker, Donini, Zafar, Salinas and Archambeau, "Multi-Objective Asynchronous Successive Halving", 2021
    (arXiv 2106.12639), section 3.3 (the order by an epsilon-net; theirs measures distances of losses).

    Example:
        >>> losses = np.array([[0.0, 4.0], [1.0, 3.0], [2.0, 2.0], [3.0, 1.0], [4.0, 0.0], [9.0, 9.0]])
        >>> [sum(n_before(losses, place, 6)) for place in range(6)]
        [0, 3, 2, 4, 1, 5]
    """
    ranks = nondomination_ranks(losses)
    better = int(np.count_nonzero(ranks < ranks[place]))
    if better >= enough:
        return better, 0
    front = losses[ranks == ranks[place]]
    # ranks within the front: equal losses have equal ranks
    at = np.stack([np.unique(column, return_inverse=True)[1] for column in front.T], axis=1).astype(np.float64)
    different, counts = np.unique(at, axis=0, return_counts=True)
    scale = np.maximum(different.max(axis=0), 1.0)
    mine = np.array(
        [np.searchsorted(np.unique(column), value) for column, value in zip(front.T, losses[place], strict=True)]
    )
    points, target = different / scale, int(np.flatnonzero((different == mine).all(axis=1))[0])
    taken, before = 0, 0  # unique points are in lexicographic order, so that the first has the least first loss
    nearest = np.full(len(points), np.inf)
    while taken != target and better + before < enough:
        before += int(counts[taken])
        nearest = np.minimum(nearest, ((points - points[taken]) ** 2).sum(axis=1))
        nearest[taken] = -1.0
        taken = int(np.argmax(nearest))
    return better, before


def crowding_distances(losses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far the neighbours of each point of a front are from each other, ``(n,)``, summed over objectives.

    Distances are in units of the front's range in each objective. The ends of a front are infinitely far from the next point, and
    so are infinite losses from finite ones. Points with the same loss share the distance between their neighbours, so that the order
    of the points does not matter.

    Args:
        losses: Losses of points of which none dominates another, ``(n, m)``; infinities are allowed, and NaN is not.

    Source: Deb, Pratap, Agarwal and Meyarivan, "A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II", 2002,
    section III B (there, points with the same loss have distances by chance).

    Example:
        >>> crowding_distances(np.array([[0.0, 4.0], [1.0, 2.0], [3.0, 1.0], [4.0, 0.0]])).tolist()
        [inf, 1.5, 1.25, inf]
    """
    distances = np.zeros(len(losses))
    for column in losses.T:
        different, places, counts = np.unique(column, return_inverse=True, return_counts=True)
        finite = different[np.isfinite(different)] / 2.0  # halves, as the range of huge losses overflows
        span = float(np.ptp(finite)) if len(finite) > 1 else 1.0
        gaps = np.full(len(different), np.inf)
        gaps[1:-1] = (different[2:] / 2.0 - different[:-2] / 2.0) / span
        distances += (gaps / counts)[places]
    return distances
