"""Ranks of points by repeated removal of the front that no other point dominates."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def nondomination_ranks(losses: NDArray[np.float64], enough: int | None = None) -> NDArray[np.int64]:
    """The front that each point is in: 0 for the points that no other dominates, 1 once those are gone, and so on.

    One point dominates another if it is better in one objective and worse in none; equal points share a front.
    O(``n`` x ranked points x ``m``), with one pass over arrays for each ranked point.

    Args:
        losses: Shape ``(n, m)``, minimized; infinities are allowed.
        enough: Stop after the front with which this many points are ranked; the rest share the next rank. None
            ranks them all.

    Returns:
        Ranks, shape ``(n,)``.

    Source: Goldberg, "Genetic Algorithms in Search, Optimization and Machine Learning", 1989 (non-dominated sorting).

    Example:
        >>> nondomination_ranks(np.array([[1.0, 2.0], [2.0, 1.0], [2.0, 2.0]])).tolist()
        [0, 0, 1]
    """
    ranks = np.zeros(len(losses), dtype=np.int64)
    # in lexicographic order no point dominates an earlier one
    left = np.lexsort(losses.T[::-1]) if losses.shape[1] else np.arange(0)
    wanted = len(left) if enough is None else min(enough, len(left))
    rank = 0
    while len(losses) - len(left) < wanted and len(left):
        dominated = _dominated(losses[left])
        ranks[left[~dominated]] = rank
        left = left[dominated]
        rank += 1
    ranks[left] = rank
    return ranks


def _dominated(ordered: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of lexicographically ordered points another dominates."""
    dominated = np.zeros(len(ordered), dtype=np.bool_)
    candidates = np.arange(len(ordered))
    while len(candidates):
        best = ordered[candidates[0]]
        rest = candidates[1:]
        worse = (ordered[rest] >= best).all(axis=1) & (ordered[rest] != best).any(axis=1)
        dominated[rest[worse]] = True
        candidates = rest[~worse]
    return dominated
