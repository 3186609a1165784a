"""Order points with several objectives by fronts: the points that no other dominates, then those of the rest, and so on."""

from __future__ import annotations

from bisect import bisect_right

import numpy as np
from numpy.typing import NDArray

from hpo.numerics.pareto.hypervolume import comparable, greedy_subset

_AT_ONCE = 64  # points that are compared with all others together
_PASSES = 4  # at most, over many points of two objectives, before the rest is ranked one by one
_MANY = 256


def nondomination_ranks(losses: NDArray[np.float64], enough: int | None = None) -> NDArray[np.int64]:
    """Return the front of each point, ``(n,)``: 0 if no other point dominates it, 1 once those are removed, and so on.

    One point dominates another if it is better in one objective and worse in none; equal points share a front.
    O(``n log n``) with two objectives; otherwise, after sorting, O(``n m``) at most for each different point that is ranked.

    Args:
        losses: Losses, ``(n, m)``, minimized; infinities are allowed, and NaN is worse than infinity.
        enough: Stop after the front with which this many points are ranked; the rest share the next rank. None means to
            rank them all.

    Source: Goldberg, "Genetic Algorithms in Search, Optimization and Machine Learning", 1989 (non-dominated sorting).

    Example:
        >>> nondomination_ranks(np.array([[1.0, 2.0], [2.0, 1.0], [2.0, 2.0]])).tolist()
        [0, 0, 1]
    """
    wanted = len(losses) if enough is None else min(enough, len(losses))
    if losses.shape[1] == 2:
        return _ranks_of_two(losses if not np.isnan(losses).any() else _places(losses).T, wanted)
    places = _places(losses)
    total = places.sum(axis=0, dtype=np.int64)
    left = np.argsort(total, kind="stable")  # no point may dominate an earlier one, and the first should dominate many
    ranks = np.zeros(len(losses), dtype=np.int64)
    rank = 0
    while len(losses) - len(left) < wanted:
        dominated = _dominated(places[:, left], total[left])
        ranks[left[~dominated]] = rank
        left = left[dominated]
        rank += 1
    ranks[left] = rank
    return ranks


def best_first(losses: NDArray[np.float64], enough: int) -> NDArray[np.intp]:
    """Return the indices of points from best to worst, as far as it decides which are the best `enough`, ``(n,)``.

    Fronts come in the order of their ranks. If only a part of a front is among the best, its points come first that the
    greedy choice by hypervolume takes, in that order: they spread over the front. All other points stay in the order
    given, and so do those beyond that front. The hypervolume is measured in units of the front's own range in each
    objective, so neither units nor zeros matter.

    Costs `nondomination_ranks`, and `hypervolume.greedy_subset` of that one front.

    Args:
        losses: Losses, ``(n, m)``, minimized, `m` at least 1; infinities are allowed, and NaN is worse than infinity.
        enough: How many of the best are asked for, at least 0.

    Source: Ozaki, Tanigaki, Watanabe, Nomura and Onishi, "Multiobjective Tree-Structured Parzen Estimator", JAIR 2022
    (the split by rank, then by hypervolume).

    Example:
        >>> losses = np.array([[2.0, 2.0], [0.0, 1.0], [0.1, 0.9], [1.0, 0.0], [0.2, 0.2]])
        >>> best_first(losses, 3).tolist()
        [4, 1, 3, 2, 0]
    """
    ranks = nondomination_ranks(losses, enough)
    order = np.argsort(ranks, kind="stable")
    if not 0 < enough < len(order):
        return order
    last = ranks[order[enough - 1]]
    before, until = np.searchsorted(ranks[order], [last, last + 1]).tolist()
    if until > enough:  # the front that is split
        front = order[before:until]
        chosen = greedy_subset(*comparable(losses[front]), enough - before)
        order[before:until] = np.append(front[chosen], np.delete(front, chosen))
    return order


def _places(losses: NDArray[np.float64]) -> NDArray[np.int32]:
    """Return how many different losses are better, for each objective and point, ``(m, n)``.

    Places compare as losses do, and unlike losses they can always be added up.
    """
    places = np.empty(losses.shape[::-1], dtype=np.int32)
    for objective, column in enumerate(losses.T):
        places[objective] = np.unique(column, return_inverse=True)[1]
    return places


def _dominated(places: NDArray[np.int32], total: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which points another one dominates, ``(n,)``, in an order in which no point dominates an earlier one.

    Args:
        places: Places, ``(m, n)``.
        total: The sums of the places of each point, ``(n,)``, in ascending order. A point that is equal to or dominated
            by another one is equal to it exactly if their sums are.
    """
    dominated = np.zeros(len(total), dtype=np.bool_)
    left = np.arange(len(total))
    while len(left):
        some = slice(_AT_ONCE)
        covers = np.ones((len(left[some]), len(left)), dtype=np.bool_)  # equals or dominates
        for column in places:
            covers &= column[some, None] <= column
        decided = covers.any(axis=0)  # equal points share their fate, and the first ones cover themselves
        beaten = (covers[:, decided] & (total[some, None] < total[decided])).any(axis=0)
        dominated[left[decided][beaten]] = True
        left, places, total = left[~decided], places[:, ~decided], total[~decided]
    return dominated


def _ranks_of_two(losses: NDArray[np.float64] | NDArray[np.int32], wanted: int) -> NDArray[np.int64]:
    """Return the ranks of points with two losses, ``(n, 2)``, of which none is NaN; see `nondomination_ranks`."""
    n = len(losses)
    ranks = np.zeros(n, dtype=np.int64)
    if not n or not wanted:
        return ranks
    order = np.lexsort((losses[:, 1], losses[:, 0]))
    first, second = losses[order].T
    new = np.ones(n, dtype=np.bool_)
    new[1:] = (first[1:] != first[:-1]) | (second[1:] != second[:-1])
    groups = np.cumsum(new) - 1  # equal points
    left, different = np.arange(groups[-1] + 1), second[new]
    found = np.zeros(len(left), dtype=np.int64)
    rank = ranked = 0
    if n >= _MANY and wanted < n:
        # a pass over many points in numpy finds a whole front: worth it as long as few of them may be enough
        while rank < _PASSES and ranked < wanted and ranked * _PASSES >= wanted * rank:
            on_front = np.ones(len(left), dtype=np.bool_)
            on_front[1:] = different[1:] < np.minimum.accumulate(different)[:-1]
            left, different = left[~on_front], different[~on_front]
            rank += 1
            found[left] = rank
            ranked = int(np.count_nonzero(found[groups] < rank))
    if ranked < wanted:
        found[left] = rank + _ranks_in_order(different.tolist())
    ranks[order] = found[groups]
    if wanted < n:
        last = int(np.searchsorted(np.cumsum(np.bincount(ranks)), wanted))
        np.minimum(ranks, last + 1, out=ranks)
    return ranks


def _ranks_in_order(second: list[float]) -> NDArray[np.int64]:
    """Return the ranks of different points in the order of their first losses, by their second losses.

    A front dominates a point if the least second loss on it so far is at most the point's. These are in ascending order, and
    a point joins the first front that does not dominate it, whose least second loss is the point's then.

    Source: Jensen, "Reducing the Run-Time Complexity of Multiobjective EAs: The NSGA-II and Other Algorithms", 2003.
    """
    least: list[float] = []
    ranks = []
    for loss in second:
        rank = bisect_right(least, loss)
        if rank == len(least):
            least.append(loss)
        else:
            least[rank] = loss
        ranks.append(rank)
    return np.array(ranks, dtype=np.int64)
