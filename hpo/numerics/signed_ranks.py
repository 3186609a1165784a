"""Wilcoxon's signed-rank test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_LARGEST_EXACT = 50
_LARGEST_WITH_TIES = 13


def signed_rank_p_value(differences: Sequence[float]) -> float:
    """Return the one-sided p-value of the hypothesis that the differences tend to be above 0.

    Zeros get half of their ranks on either side. The distribution of the statistic is exact up to 50 differences, or up to
    13 if there are ties or zeros; beyond that it is the normal approximation with its correction for ties. These are the
    values of ``scipy.stats.wilcoxon(differences, alternative="greater", zero_method="zsplit")`` at a tenth of the time.

    Args:
        differences: At least one number; infinities are larger than all others, NaN is not allowed.

    Returns:
        The probability of a statistic at least this large if positive and negative differences are equally likely;
        1 if all differences are 0.

    Raises:
        ValueError: there are no differences, or one is NaN.

    Source: Wilcoxon, "Individual comparisons by ranking methods", Biometrics Bulletin 1 (1945); zeros as in Pratt,
    JASA 54 (1959), sec. 3, but split.

    Example:
        >>> signed_rank_p_value([1.0, 2.0, 3.0]), signed_rank_p_value([0.0])
        (0.125, 1.0)
    """
    given = np.asarray(differences, dtype=np.float64)
    if not given.size or np.isnan(given).any():
        raise ValueError("the test needs at least one difference, and none may be NaN")
    sizes = np.abs(given)
    n = given.size
    # average ranks from 1 on; `counts` has the number of equal sizes
    _, group, counts = np.unique(sizes, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2.0)[group]
    zero_ranks = float(ranks[given == 0.0].sum())
    positive = float(ranks[given > 0.0].sum()) + zero_ranks / 2.0
    if n == int((given == 0.0).sum()):
        return 1.0
    if n <= _LARGEST_EXACT and len(counts) == n and not zero_ranks:
        return float(_tails_of_first(n)[2 * int(positive)])
    if n <= _LARGEST_WITH_TIES:  # ranks are multiples of one half
        doubled = tuple(int(2 * rank) for rank in ranks[given != 0.0])
        return float(_tails(doubled)[round(2 * positive - zero_ranks)])
    mean = n * (n + 1) / 4.0
    variance = n * (n + 1) * (2 * n + 1) / 24.0 - float((counts**3 - counts).sum()) / 48.0
    return 0.5 * math.erfc((positive - mean) / math.sqrt(2.0 * variance))


@lru_cache(maxsize=_LARGEST_EXACT)
def _tails_of_first(n: int) -> NDArray[np.float64]:
    return _tails(tuple(range(2, 2 * n + 1, 2)))


def _tails(doubled_ranks: tuple[int, ...]) -> NDArray[np.float64]:
    """Return the probability that twice the sum of the positive ranks is at least 0, 1, 2, ..."""
    # the number of subsets with each sum, divided by 2 for each rank so that nothing overflows
    shares = np.zeros(sum(doubled_ranks) + 1)
    shares[0] = 1.0
    for rank in doubled_ranks:
        taken = np.zeros_like(shares)
        taken[rank:] = shares[:-rank]
        shares = (shares + taken) / 2.0
    return np.minimum(np.cumsum(shares[::-1])[::-1], 1.0)
