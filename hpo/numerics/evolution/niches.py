"""Survival by reference points: a population that is spread over directions of the space of losses."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from hpo.numerics.pareto.hypervolume import comparable
from hpo.numerics.pareto.nondomination import nondomination_ranks

_OTHER_AXES = 1e-6  # the weight of the other objectives when the extreme point of one is looked for
_LEAST = 1e-12


def reference_points_on_simplex(n_objectives: int, divisions: int) -> NDArray[np.float64]:
    """Return all points of the unit simplex whose coordinates are multiples of ``1 / divisions``, ``(r, m)``.

    There are ``(m + divisions - 1) over divisions`` of them.

    Source: Das and Dennis, "Normal-Boundary Intersection", SIAM Journal on Optimization 8, 1998.

    Example:
        >>> reference_points_on_simplex(2, 2).tolist()
        [[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]]
    """
    # where bars stand among stars: the stars between two bars are one coordinate
    total = divisions + n_objectives - 1
    found = [*combinations(range(total), n_objectives - 1)]
    bars = np.array(found, dtype=np.int64).reshape(len(found), n_objectives - 1)
    edges = np.concatenate((np.full((len(bars), 1), -1), bars, np.full((len(bars), 1), total)), axis=1)
    return (np.diff(edges, axis=1) - 1) / divisions


def best_by_reference_points(
    losses: NDArray[np.float64], size: int, reference_points: NDArray[np.float64]
) -> NDArray[np.intp]:
    """Return the indices of the `size` best points, best first: by front, and within one by how empty their direction is.

    Losses are normalized by the ideal point and the intercepts of the plane through the extreme points, or by the worst losses
    if there is no such plane. Each point belongs to the reference point whose line through the origin is nearest. Of the front that is split, the one with the
    fewest survivors gets the next one, the nearest to its line; where the paper draws lots, the first one counts.

    Args:
        losses: Losses, ``(n, m)``, minimized; infinities are allowed, and NaN is not.
        size: How many survive; all of them if there are fewer.
        reference_points: Directions, ``(r, m)``, not negative and none of them 0.

    Source: Deb and Jain, "An Evolutionary Many-Objective Optimization Algorithm Using Reference-Point-Based Nondominated
    Sorting Approach, Part I", IEEE Transactions on Evolutionary Computation 18, 2014, algorithms 1 to 4.

    Example:
        >>> losses = np.array([[0.0, 1.0], [0.01, 0.99], [0.5, 0.5], [1.0, 0.0]])
        >>> best_by_reference_points(losses, 3, reference_points_on_simplex(2, 2)).tolist()
        [0, 2, 3]
    """
    if min(size, len(losses)) < 1:
        return np.empty(0, dtype=np.intp)
    ranks = nondomination_ranks(losses)
    order = ranks.argsort(kind="stable")
    worst = ranks[order[min(size, len(order)) - 1]]
    considered = order[ranks[order] <= worst]
    niche, distance = _niches(_normalized(losses[considered], ranks[considered]), reference_points)
    counts = np.zeros(len(reference_points), dtype=np.int64)
    result: list[int] = []
    for rank in range(int(worst) + 1):
        front = np.flatnonzero(ranks[considered] == rank)
        front = front[np.argsort(distance[front], kind="stable")]
        # the how-manieth survivor of its niche each point would be: they are taken in this order
        place = np.empty(len(front), dtype=np.int64)
        for position, own in enumerate(niche[front].tolist()):
            place[position] = counts[own]
            counts[own] += 1
        chosen = front[np.lexsort((distance[front], niche[front], place))]
        result += considered[chosen[: size - len(result)]].tolist()
    return np.array(result, dtype=np.intp)


def _normalized(losses: NDArray[np.float64], ranks: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return losses so that the ideal point is the origin and the front ends at about 1 on each axis; finite."""
    moved, _ = comparable(losses)  # finite, and so that nothing overflows
    moved = moved - moved.min(axis=0, initial=np.inf)
    first = moved[ranks == 0]
    m = losses.shape[1]
    weights = np.where(np.eye(m, dtype=np.bool_), 1.0, _OTHER_AXES)
    # the extreme point of an axis is best by the achievement scalarizing function of that axis
    extreme = first[(first[:, None, :] / weights).max(axis=2).argmin(axis=0)]
    intercepts = first.max(axis=0)
    try:
        plane = np.linalg.solve(extreme, np.ones(m))
    except np.linalg.LinAlgError:
        plane = np.zeros(m)
    if (plane > _LEAST).all() and (1.0 / plane <= moved.max(axis=0) * (1.0 + 1e-9)).all():
        intercepts = 1.0 / plane
    normalized: NDArray[np.float64] = moved / np.where(intercepts > _LEAST, intercepts, 1.0)
    return normalized


def _niches(
    losses: NDArray[np.float64], reference_points: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the nearest reference line of each point, ``(n,)``, and the distance to it, ``(n,)``."""
    directions = reference_points / np.linalg.norm(reference_points, axis=1, keepdims=True)
    along = losses @ directions.T
    squared = np.maximum((losses**2).sum(axis=1)[:, None] - along**2, 0.0)
    nearest = squared.argmin(axis=1)
    return nearest, np.sqrt(squared[np.arange(len(losses)), nearest])
