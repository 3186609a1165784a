"""Trees that are grown level by level from histograms: the sums of gradients of the rows in each bin.

Notation: `n` rows, `d` columns, `b` bins, `k` trees that are grown at the same time, `s` nodes that may be split.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import attrs
import numpy as np
from numpy.typing import NDArray

from hpo.numerics.trees.binning import Binning

_LEAST_GAIN = 1e-10  # relative to the score of a node: less is rounding
_SMOOTHING = 1.0  # rows of weight 1 without a gradient that count in the order of categories


@attrs.frozen
class Growth:
    """How trees are grown.

    Args:
        depth: The most splits from the root to a leaf, 1 to 6.
        least_weight: The least weight of the rows in a leaf: for squared loss their number, in general the sum of their
            second derivatives.
        penalty: What is added to the weight of a leaf when its value is computed, at least 0: more makes values smaller.
        categories: With "ordered", the categories in a node are ordered by their mean gradients, and split like numbers.
            With "one-hot", a split takes one category apart from all others.

    Source: Chen and Guestrin, "XGBoost", KDD 2016, equations 5 to 7 (gain, penalty); Ke et al., "LightGBM", NIPS 2017
    (histograms); Fisher, "On Grouping for Maximum Homogeneity", JASA 1958 (the order of categories).
    """

    depth: int = 3
    least_weight: float = 1.0
    penalty: float = 0.0
    categories: Literal["ordered", "one-hot"] = "ordered"


@attrs.frozen(eq=False)
class Trees:
    """Several complete binary trees of one depth.

    Node 0 is the root, and nodes ``2 i + 1`` and ``2 i + 2`` are the left and the right one below node ``i``. Where a node
    was not split, all rows go to the left.

    Attributes:
        columns: The column by which each inner node splits, ``(k, 2^depth - 1)``; -1 where there is no split.
        left: Which bins go to the left, ``(k, 2^depth - 1, b)``.
    """

    columns: NDArray[np.intp]
    left: NDArray[np.bool_]

    @property
    def depth(self) -> int:
        """The number of splits from the root to a leaf."""
        return int(self.columns.shape[1]).bit_length()

    def leaves(self, codes: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the leaf of each row in each tree, ``(k, n)``, counted from 0 at the left; `codes` has shape ``(n, d)``.

        For many trees `LeafFinder` is faster.
        """
        k = len(self.columns)
        places = np.zeros((k, len(codes)), dtype=np.intp)
        for level in range(self.depth):
            places = self.below(places, level, codes)
        return places

    def below(self, places: NDArray[np.intp], level: int, codes: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the places one level below, ``(k, n)``, of rows whose places in a level are known."""
        tree = np.arange(len(places))[:, None]
        node = places + (2**level - 1)
        bins = codes[np.arange(len(codes)), self.columns[tree, node]]
        below: NDArray[np.intp] = 2 * places + ~self.left[tree, node, bins]
        return below


def grown(
    binning: Binning,
    codes: NDArray[np.intp],
    gradients: NDArray[np.float64],
    weights: NDArray[np.float64],
    growth: Growth,
) -> tuple[Trees, NDArray[np.intp]]:
    """Return one tree for each row of gradients, and the leaves that rows fall into, ``(k, n)``.

    Each split is the one with the largest gain: the decrease of ``- G^2 / (W + penalty)``, summed over nodes, where ``G`` and
    ``W`` are the sums of gradients and weights in a node. With the residuals as gradients, and with equal weights, that is
    the decrease of the variance within nodes. Missing numbers go to the side where they fit better; if a node has seen
    none, to the heavier side, and so do categories that it has not seen. Among equal splits the first column counts, and
    among equal thresholds, which have no row between them, the middle one.

    O(`depth` ``k n d``), and as much again per bin.

    Args:
        binning: The binning of the columns.
        codes: The bins of the rows, ``(n, d)``.
        gradients: The gradients of each tree, ``(k, n)``.
        weights: The second derivatives, at least 0, ``(k, n)``; with 1, a row counts once.
        growth: How trees are grown.

    Example:
        >>> points = np.arange(8.0)[:, None]
        >>> binning = Binning.of(points, np.array([False]))
        >>> steps = np.where(points[:, 0] < 5.0, -1.0, 1.0)[None]
        >>> trees, leaves = grown(binning, binning.codes(points), steps, np.ones((1, 8)), Growth(depth=1))
        >>> leaves.tolist()
        [[0, 0, 0, 0, 0, 1, 1, 1]]
    """
    k, n = gradients.shape
    n_inner = 2**growth.depth - 1
    trees = Trees(np.full((k, n_inner), -1, dtype=np.intp), np.ones((k, n_inner, binning.n_bins), dtype=np.bool_))
    places = np.zeros((k, n), dtype=np.intp)
    # each cell of a histogram is a number: the node, then the column, then the bin
    cells = codes + np.arange(codes.shape[1]) * binning.n_bins
    for level in range(growth.depth):
        nodes = places + np.arange(k)[:, None] * 2**level
        totals = np.bincount(nodes.ravel(), weights.ravel(), minlength=k * 2**level)
        large = np.flatnonzero(totals >= 2.0 * growth.least_weight)
        found = (
            _splits(binning, cells, gradients, weights, nodes, large, growth) if len(large) and len(cells.T) else None
        )
        if found is None or not found.worthwhile.any():
            return trees, places * 2 ** (growth.depth - level)
        tree, place = np.divmod(large[found.worthwhile], 2**level)
        trees.columns[tree, place + 2**level - 1] = found.columns[found.worthwhile]
        trees.left[tree, place + 2**level - 1] = found.left[found.worthwhile]
        places = trees.below(places, level, codes)
    return trees, places


class _Splits(NamedTuple):
    """The best split of each node.

    Attributes:
        columns: The column, ``(s,)``.
        left: Which bins go to the left, ``(s, b)``.
        worthwhile: Whether the split gains anything, ``(s,)``.
    """

    columns: NDArray[np.intp]
    left: NDArray[np.bool_]
    worthwhile: NDArray[np.bool_]


def _splits(
    binning: Binning,
    cells: NDArray[np.intp],
    gradients: NDArray[np.float64],
    weights: NDArray[np.float64],
    nodes: NDArray[np.intp],
    large: NDArray[np.intp],
    growth: Growth,
) -> _Splits:
    """Return the best splits of the nodes whose numbers are in `large`, ascending; `nodes` has that of each row."""
    s, d, b = len(large), cells.shape[1], binning.n_bins
    slots = np.full(max(int(nodes.max()), int(large[-1])) + 1, -1, dtype=np.intp)
    slots[large] = np.arange(s)
    slots = slots[nodes.ravel()]
    rows = np.flatnonzero(slots >= 0)
    places = (cells[rows % cells.shape[0]] + slots[rows, None] * (d * b)).ravel()

    def histogram(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        repeated = np.repeat(numbers.ravel()[rows], d)
        sums: NDArray[np.float64] = np.bincount(places, repeated, minlength=s * d * b).astype(np.float64)
        return sums.reshape(s, d, b)

    pull, weight = histogram(gradients), histogram(weights)
    total_pull, total_weight = pull[:, 0].sum(axis=1), weight[:, 0].sum(axis=1)
    orders = _orders(binning, pull, weight)
    for column, order in orders.items():
        for table in (pull, weight):
            table[:, column, :-1] = np.take_along_axis(table[:, column, :-1], order, axis=1)
    left_pull, left_weight = pull[:, :, :-1].cumsum(axis=2), weight[:, :, :-1].cumsum(axis=2)
    if growth.categories == "one-hot" and orders:
        left_pull[:, [*orders]] = pull[:, [*orders], :-1]
        left_weight[:, [*orders]] = weight[:, [*orders], :-1]
    scores = _scores(left_pull, left_weight, total_pull, total_weight, growth)
    missing = weight[:, :, -1:] > 0.0
    if missing.any():
        with_missing = _scores(
            left_pull + pull[:, :, -1:], left_weight + weight[:, :, -1:], total_pull, total_weight, growth
        )
        scores = np.concatenate((scores, np.where(missing, with_missing, -np.inf)), axis=2)
    best = scores.reshape(s, -1).argmax(axis=1)
    column, place = np.divmod(best, scores.shape[2])
    missing_left, threshold = np.divmod(place, b - 1)
    node = np.arange(s)
    own = total_pull**2 / np.maximum(total_weight + growth.penalty, np.finfo(np.float64).tiny)
    worthwhile = scores[node, column, place] - own > _LEAST_GAIN * own
    left = _left(
        weight[node, column],
        left_weight[node, column],
        threshold,
        missing_left.astype(np.bool_),
        ordered=growth.categories == "ordered",
        categorical=binning.categorical[column],
    )
    for each, order in orders.items():
        mine = np.flatnonzero(column == each)
        # back from places in the order to categories
        left[mine[:, None], order[mine]] = left[mine, :-1]
    return _Splits(column, left, worthwhile)


def _orders(binning: Binning, pull: NDArray[np.float64], weight: NDArray[np.float64]) -> dict[int, NDArray[np.intp]]:
    """Return the order of the bins, ``(s, b - 1)``, of each categorical column: by their mean gradients."""
    orders = {}
    for column in np.flatnonzero(binning.categorical).tolist():
        means = pull[:, column, :-1] / (weight[:, column, :-1] + _SMOOTHING)
        orders[column] = np.argsort(means, axis=1, kind="stable")
    return orders


def _scores(
    left_pull: NDArray[np.float64],
    left_weight: NDArray[np.float64],
    total_pull: NDArray[np.float64],
    total_weight: NDArray[np.float64],
    growth: Growth,
) -> NDArray[np.float64]:
    """Return the scores of all splits, ``(s, d, b - 1)``; minus infinity where a side is too light."""
    right_pull = total_pull[:, None, None] - left_pull
    right_weight = total_weight[:, None, None] - left_weight
    allowed = (left_weight >= growth.least_weight) & (right_weight >= growth.least_weight)
    tiny = np.finfo(np.float64).tiny
    scores = left_pull**2 / np.maximum(left_weight + growth.penalty, tiny)
    scores += right_pull**2 / np.maximum(right_weight + growth.penalty, tiny)
    scores[~allowed] = -np.inf
    return scores


def _left(
    weight: NDArray[np.float64],
    left_weight: NDArray[np.float64],
    threshold: NDArray[np.intp],
    missing_left: NDArray[np.bool_],
    *,
    ordered: bool,
    categorical: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Return which bins, in their orders, go to the left of splits at thresholds, ``(s, b)``.

    Args:
        weight: The weights of the bins of the column by which a node is split, ``(s, b)``.
        left_weight: The weights to the left of each threshold, ``(s, b - 1)``.
        threshold: The last bin on the left, ``(s,)``; without `ordered`, the only one for categories.
        missing_left: Whether missing numbers go to the left, ``(s,)``.
        ordered: Whether categories are split like numbers.
        categorical: Whether the column is categorical, ``(s,)``.
    """
    places, node = np.arange(weight.shape[1] - 1), np.arange(len(weight))
    at = left_weight[node, threshold]
    # thresholds with nothing between them: all that follow at once, since the first one is the best
    n_equal = np.count_nonzero(left_weight == at[:, None], axis=1)
    middle = np.where(categorical, threshold, threshold + (n_equal - 1) // 2)[:, None]
    alone = categorical[:, None] & (not ordered)
    left = np.where(alone, places == middle, places <= middle)
    on_left = at + np.where(missing_left, weight[:, -1], 0.0)
    heavier_left = on_left * 2.0 >= weight.sum(axis=1)
    left = np.where(categorical[:, None] & (weight[:, :-1] == 0.0), heavier_left[:, None], left)
    missing = np.where(weight[:, -1] == 0.0, heavier_left, missing_left)
    return np.concatenate((left, missing[:, None]), axis=1)
