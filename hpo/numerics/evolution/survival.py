"""Which of a population survive: better fronts first, and within a front those that keep it spread."""

from __future__ import annotations

import math
from bisect import bisect_right

import numpy as np
from numpy.typing import NDArray

from hpo.numerics.pareto.hypervolume import comparable, greedy_subset
from hpo.numerics.pareto.nondomination import nondomination_ranks

_FEW = 200  # points up to which Python's lists cost less than numpy's passes


def crowding_distances(losses: NDArray[np.float64], ranks: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return how far the neighbours of each point in its front are from each other, ``(n,)``, summed over objectives.

    Distances are in units of the front's own range in each objective. The ends of a front are infinitely far from the next.

    Args:
        losses: Losses, ``(n, m)``, without NaN.
        ranks: The front of each point, ``(n,)``.

    Source: Deb, Pratap, Agarwal and Meyarivan, "A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II", 2002,
    section III B.

    Example:
        >>> losses = np.array([[0.0, 4.0], [1.0, 2.0], [3.0, 1.0], [4.0, 0.0], [9.0, 9.0]])
        >>> crowding_distances(losses, np.array([0, 0, 0, 0, 1])).tolist()
        [inf, 1.5, 1.25, inf, inf]
    """
    n = len(ranks)
    distances = np.zeros(n)
    for column in losses.T:
        order = np.lexsort((column, ranks))
        values, fronts = column[order], ranks[order]
        starts = np.ones(n + 1, dtype=np.bool_)
        np.not_equal(fronts[1:], fronts[:-1], out=starts[1:-1])
        first, last = starts[:-1].nonzero()[0], starts[1:].nonzero()[0]
        gaps = np.empty(n)
        # infinite losses have no distances: those between them count as none
        with np.errstate(invalid="ignore", over="ignore"):
            span = values[last] - values[first]
            gaps[1:-1] = values[2:] - values[:-2]
            gaps /= np.where(span > 0.0, span, 1.0).repeat(last - first + 1)
        gaps[first] = gaps[last] = np.inf
        distances[order] += np.where(np.isnan(gaps), 0.0, gaps)
    return distances


def best_by_crowding(losses: NDArray[np.float64], size: int) -> NDArray[np.intp]:
    """Return the indices of the `size` best points, best first: by front, and within one by crowding distance.

    Equals stay in the order given. O(``n log n``) with two objectives, for sorting.

    Args:
        losses: Losses, ``(n, m)``, minimized; infinities are allowed, and NaN is not.
        size: How many survive; all of them if there are fewer.

    Source: Deb et al. 2002, section III C.

    Example:
        >>> losses = np.array([[9.0, 9.0], [0.0, 4.0], [1.0, 2.0], [3.0, 1.0], [4.0, 0.0]])
        >>> best_by_crowding(losses, 4).tolist()
        [1, 4, 2, 3]
    """
    return _in_order(losses)[0][:size]


def best_by_hypervolume(losses: NDArray[np.float64], size: int) -> NDArray[np.intp]:
    """Return the indices of the `size` best points, best first; the front that is split loses what adds least hypervolume.

    With two objectives, the point whose exclusive contribution is least goes, again and again, but neither end of the
    front; with more, those stay that the greedy choice by hypervolume takes. The order of the rest is that of
    `best_by_crowding`.

    Args:
        losses: As for `best_by_crowding`.
        size: As for `best_by_crowding`.

    Source: Beume, Naujoks and Emmerich, "SMS-EMOA: Multiobjective Selection Based on Dominated Hypervolume", European
    Journal of Operational Research 181, 2007.

    Example:
        >>> losses = np.array([[0.0, 4.0], [1.0, 2.0], [1.1, 1.95], [3.0, 1.0], [4.0, 0.0]])
        >>> sorted(best_by_hypervolume(losses, 4).tolist())
        [0, 1, 3, 4]
    """
    order, ranks = _in_order(losses)
    if size >= len(order) or losses.shape[1] == 1:
        return order[:size]
    split = ranks[order[size]]
    before = int(np.count_nonzero(ranks < split))
    front = order[ranks[order] == split]
    scaled, reference = comparable(losses[front])
    wanted = size - before
    if losses.shape[1] == 2:
        stay = _without_least_contributors(scaled, wanted)
    else:
        stay = np.sort(greedy_subset(scaled, reference, wanted))  # as it was, by crowding
    return np.append(order[:before], front[stay])


def _in_order(losses: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Return the indices of all points, by front and then by crowding distance, and their ranks."""
    if losses.shape[1] == 1:  # fronts are equal losses, and nothing spreads
        return losses[:, 0].argsort(kind="stable"), np.unique(losses[:, 0], return_inverse=True)[1].astype(np.int64)
    if losses.shape[1] == 2 and len(losses) <= _FEW:
        return _in_order_of_two(losses)
    ranks = nondomination_ranks(losses)
    return np.lexsort((-crowding_distances(losses, ranks), ranks)), ranks


def _in_order_of_two(losses: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Return what `_in_order` does for few points with two objectives, at a fifth of its cost.

    From left to right, a point is dominated by a front exactly if the last point of the front is no higher; the last points of the fronts ascend.

    Source: Jensen, "Reducing the Run-Time Complexity of Multiobjective EAs: The NSGA-II and Other Algorithms", 2003.
    """
    points = losses.tolist()
    fronts, lowest, ranks, rank = list[list[int]](), list[float](), [0] * len(points), 0
    before = None
    for index in sorted(range(len(points)), key=points.__getitem__):
        point = points[index]
        if point != before:  # equal points share a front
            rank = bisect_right(lowest, point[1])
        if rank == len(fronts):
            fronts.append([])
            lowest.append(0.0)
        fronts[rank].append(index)
        lowest[rank] = point[1]
        ranks[index] = rank
        before = point
    order: list[int] = []
    for front in fronts:
        xs, ys = zip(*[points[index] for index in front], strict=True)
        width, height = (xs[-1] - xs[0]) or 1.0, (ys[0] - ys[-1]) or 1.0
        gaps = [(right - left) / width for left, right in zip(xs, xs[2:], strict=False)]
        falls = [(upper - lower) / height for upper, lower in zip(ys, ys[2:], strict=False)]
        # an infinite loss makes a distance NaN, which counts as none
        inner = [-total if (total := gap + fall) == total else 0.0 for gap, fall in zip(gaps, falls, strict=True)]
        keyed = [-math.inf, *inner, -math.inf][: len(front)]
        order += [index for _, index in sorted(zip(keyed, front, strict=True))]
    return np.array(order, dtype=np.intp), np.array(ranks, dtype=np.int64)


def _without_least_contributors(losses: NDArray[np.float64], size: int) -> NDArray[np.intp]:
    """Return the indices, ascending, of points of a front with two objectives that stay when others are dropped one by one."""
    left = np.lexsort((losses[:, 1], losses[:, 0]))
    while len(left) > max(size, 2):
        x, y = losses[left].T
        # a rectangle between both neighbours belongs to the point alone
        left = np.delete(left, 1 + int(np.argmin((x[2:] - x[1:-1]) * (y[:-2] - y[1:-1]))))
    return np.sort(left[:size])
