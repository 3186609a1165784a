"""Random forests on the unit cube, grown with exact splits, all trees at once, level by level.

Each tree is fitted to a bootstrap sample of the rows, and split until its leaves can't be divided. A leaf is a box of the
cube, so that means over parts of the cube are sums over boxes (`hpo.numerics.trees.effects`).

Notation: `n` rows, `d` columns, `k` trees, `N` nodes of all trees, `e` entries: rows of a tree that are in its sample.

Source: Breiman, "Random Forests", Machine Learning 45, 2001.
"""

from __future__ import annotations

from typing import NamedTuple

import attrs
import numpy as np
from numpy.typing import NDArray

_MOST_LEAVES = 1_000_000  # that are looked up at the same time
_EQUAL = 1e-9  # relative difference up to which two gains are equal
_LEAST_GAIN = 1e-12  # relative to the sum of squares of all rows: less is rounding


@attrs.frozen(eq=False)
class Forest:
    """Regression trees; make them with `grown_forest`.

    Attributes:
        column: The column by which each node splits, ``(N,)``; -1 for leaves. The first `k` nodes are the roots.
        threshold: The largest number in that column that goes to the left, ``(N,)``.
        left: The node below at the left, ``(N,)``; the one at the right is the next one. Leaves refer to themselves.
        value: The mean of the targets in each node, ``(N,)``.
        gain: The decrease of the sum of squares by each split, ``(N,)``, in units of the largest square.
        tree: The tree of each node, ``(N,)``.
        in_sample: How often each row is in the sample of each tree, ``(k, n)``.
        depth: The most splits from a root to a leaf.
    """

    column: NDArray[np.intp]
    threshold: NDArray[np.float64]
    left: NDArray[np.intp]
    value: NDArray[np.float64]
    gain: NDArray[np.float64]
    tree: NDArray[np.intp]
    in_sample: NDArray[np.intp]
    depth: int

    @property
    def n_trees(self) -> int:
        """The number of trees, `k`."""
        return len(self.in_sample)

    def leaves(self, points: NDArray[np.float64]) -> NDArray[np.intp]:
        """Return the leaf of each point in each tree, ``(k, m)``, for points ``(m, d)``."""
        m, d = points.shape
        flat = points.ravel()
        nodes = np.repeat(np.arange(self.n_trees), m)
        starts = np.tile(np.arange(m) * d, self.n_trees)
        found = nodes.copy()
        open_ = np.arange(len(nodes))  # points that have not reached a leaf
        for _ in range(self.depth + 1):
            column = self.column[nodes]
            inner = column >= 0
            if not inner.all():
                found[open_[~inner]] = nodes[~inner]
                nodes, starts, open_, column = nodes[inner], starts[inner], open_[inner], column[inner]
            if not len(nodes):
                break
            nodes = self.left[nodes] + (flat[starts + column] > self.threshold[nodes])
        return found.reshape(self.n_trees, m)

    def predict(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the mean prediction of the trees at points, ``(m, d)``: ``(m,)``."""
        step = max(_MOST_LEAVES // self.n_trees, 1)
        parts = [
            self.value[self.leaves(points[first : first + step])].mean(axis=0)
            for first in range(0, max(len(points), 1), step)
        ]
        return np.concatenate(parts)

    def impurity_decreases(self, d: int) -> NDArray[np.float64]:
        """Return the decrease of the sum of squares by the splits of each column in each tree, ``(k, d)``.

        They are shares that sum to 1 in each tree; a tree without splits has zeros.
        """
        inner = np.flatnonzero(self.column >= 0)
        cells = self.tree[inner] * d + self.column[inner]
        sums = np.bincount(cells, self.gain[inner], minlength=self.n_trees * d).reshape(self.n_trees, d)
        totals = sums.sum(axis=1, keepdims=True)
        shares: NDArray[np.float64] = np.divide(sums, totals, out=np.zeros_like(sums), where=totals > 0.0)
        return shares

    def out_of_bag(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what the trees that have not seen a row predict for it, ``(n,)``; NaN if all have seen it.

        Args:
            points: The rows that the forest was fitted to, ``(n, d)``.
        """
        unseen = self.in_sample == 0
        counts = unseen.sum(axis=0)
        sums = np.where(unseen, self.value[self.leaves(points)], 0.0).sum(axis=0)
        return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def bootstrap_counts(generator: np.random.Generator, n_trees: int, n: int, most: int = 4096) -> NDArray[np.intp]:
    """Return how often each row is drawn, ``(k, n)``, if each tree draws as many as there are, with replacement.

    Args:
        generator: Where random numbers come from.
        n_trees: The number of trees.
        n: The number of rows.
        most: The most that a tree draws: trees for more rows cost time, and together they see all rows.
    """
    drawn = generator.integers(n, size=(n_trees, min(n, most))) + np.arange(n_trees)[:, None] * n
    return np.bincount(drawn.ravel(), minlength=n_trees * n).reshape(n_trees, n)


def grown_forest(
    points: NDArray[np.float64],
    targets: NDArray[np.float64],
    in_sample: NDArray[np.intp],
    *,
    max_depth: int = 64,
    least_rows: int = 1,
) -> Forest:
    """Return trees for bootstrap samples; the same samples give the same trees. O(depth `k` `n` `d`).

    Args:
        points: The rows, ``(n, d)``, `n` and `d` at least 1.
        targets: Their targets, ``(n,)``, finite.
        in_sample: How often each row counts in each tree, ``(k, n)``, each tree with at least one row.
        max_depth: The most splits from the root to a leaf, at least 0.
        least_rows: How many rows of the sample a leaf has at least.

    Example:
        >>> points = np.linspace(0.0, 1.0, 50)[:, None]
        >>> forest = grown_forest(points, (points[:, 0] > 0.5) * 1.0, np.ones((1, 50), dtype=np.intp))
        >>> forest.predict(np.array([[0.1], [0.9]])).tolist(), forest.depth
        ([0.0, 1.0], 1)
    """
    middle = targets.mean()
    scale = float(np.abs(targets - middle).max()) or 1.0  # squares of the largest floats would overflow
    growing = _Growing.of(points, (targets - middle) / scale, in_sample)
    totals = growing.node_totals()
    nodes = [_Nodes.leaves(totals, np.arange(len(in_sample)))]
    enough = _LEAST_GAIN * max(float((growing.weight * growing.target**2).sum()), 1e-300) / len(in_sample)
    depth = 0
    numbers = np.arange(len(in_sample))  # of the nodes of this level, among all nodes
    count = len(in_sample)
    while depth < max_depth and len(numbers):
        column, threshold, gain = growing.best_splits(totals, least_rows)
        split = gain > enough
        if not split.any():
            break
        _mark(nodes, numbers[split], column[split], threshold[split], gain[split], count)
        growing = growing.divided(split, column, threshold)
        totals = growing.node_totals()
        trees = np.repeat(nodes[-1].tree[split], 2)
        n_new = len(trees)
        nodes.append(_Nodes.leaves(totals, trees, first=count))
        numbers = np.arange(count, count + n_new)
        count += n_new
        depth += 1
    joined = _Nodes(*(np.concatenate(parts) for parts in zip(*nodes, strict=True)))
    return Forest(
        joined.column,
        joined.threshold,
        joined.left,
        joined.value * scale + middle,
        joined.gain,
        joined.tree,
        in_sample,
        depth,
    )


class _Nodes(NamedTuple):
    """The nodes of one level: arrays as in `Forest`."""

    column: NDArray[np.intp]
    threshold: NDArray[np.float64]
    left: NDArray[np.intp]
    value: NDArray[np.float64]
    gain: NDArray[np.float64]
    tree: NDArray[np.intp]

    @staticmethod
    def leaves(totals: _Totals, trees: NDArray[np.intp], first: int = 0) -> _Nodes:
        """Return nodes that are leaves so far."""
        n = len(trees)
        return _Nodes(
            np.full(n, -1), np.zeros(n), np.arange(first, first + n), totals.target / totals.weight, np.zeros(n), trees
        )


class _Totals(NamedTuple):
    """The sums over the rows of each open node."""

    weight: NDArray[np.float64]
    target: NDArray[np.float64]


def _mark(
    nodes: list[_Nodes],
    numbers: NDArray[np.intp],
    column: NDArray[np.intp],
    threshold: NDArray[np.float64],
    gain: NDArray[np.float64],
    first_new: int,
) -> None:
    """Write splits into the last level."""
    level = nodes[-1]
    places = numbers - sum(len(each.column) for each in nodes[:-1])
    level.column[places] = column
    level.threshold[places] = threshold
    level.gain[places] = gain
    level.left[places] = first_new + 2 * np.arange(len(places))


@attrs.frozen(eq=False)
class _Growing:
    """The entries of all nodes that may still be split.

    Attributes:
        points: The rows, ``(n, d)``.
        row: The row of each entry, ``(e,)``.
        weight: How often it counts, ``(e,)``.
        target: Its target, ``(e,)``.
        orders: For each column the open entries, by node and then by their numbers in the column, ``(d, o)``.
        ends: Where each node ends in these orders, ``(s,)``.
    """

    points: NDArray[np.float64]
    row: NDArray[np.intp]
    weight: NDArray[np.float64]
    target: NDArray[np.float64]
    orders: NDArray[np.intp]
    ends: NDArray[np.intp]

    @staticmethod
    def of(points: NDArray[np.float64], targets: NDArray[np.float64], in_sample: NDArray[np.intp]) -> _Growing:
        tree, row = np.nonzero(in_sample)
        entry = np.full(in_sample.shape, -1, dtype=np.intp)
        entry[tree, row] = np.arange(len(row))
        orders = []
        for column in points.T:
            sorted_rows = np.argsort(column, kind="stable")
            trees, places = np.nonzero(in_sample[:, sorted_rows])
            orders.append(entry[trees, sorted_rows[places]])
        return _Growing(
            points,
            row,
            in_sample[tree, row].astype(np.float64),
            targets[row],
            np.array(orders),
            np.count_nonzero(in_sample, axis=1).cumsum(),
        )

    @property
    def starts(self) -> NDArray[np.intp]:
        return np.concatenate(([0], self.ends[:-1])).astype(np.intp)

    def node_totals(self) -> _Totals:
        if not len(self.ends):
            return _Totals(np.empty(0), np.empty(0))
        entries = self.orders[0]
        weight, starts = self.weight[entries], self.starts
        return _Totals(np.add.reduceat(weight, starts), np.add.reduceat(weight * self.target[entries], starts))

    def best_splits(
        self, totals: _Totals, least_rows: int
    ) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
        """Return the column, the threshold and the gain of the best split of each open node, ``(s,)`` each."""
        s, starts, lengths = len(self.ends), self.starts, np.diff(self.ends, prepend=0)
        node = np.repeat(np.arange(s), lengths)
        weights, targets = totals.weight[node], totals.target[node]
        last = np.zeros(len(node), dtype=np.bool_)
        last[self.ends - 1] = True
        own = totals.target**2 / totals.weight
        best_gain, best_gap = np.full(s, -np.inf), np.zeros(s)
        best_column, best_threshold = np.zeros(s, dtype=np.intp), np.zeros(s)
        for column, entries in enumerate(self.orders):
            number = self.points[self.row[entries], column]
            left_weight = _sums_within(self.weight[entries], starts, lengths)
            left_target = _sums_within(self.weight[entries] * self.target[entries], starts, lengths)
            right_weight = weights - left_weight
            allowed = ~last & (left_weight >= least_rows) & (right_weight >= least_rows)
            allowed[:-1] &= number[:-1] < number[1:]
            score = np.full(len(node), -np.inf)
            at = np.flatnonzero(allowed)
            if not len(at):
                continue
            score[at] = left_target[at] ** 2 / left_weight[at] + (targets[at] - left_target[at]) ** 2 / right_weight[at]
            highest = np.maximum.reduceat(score, starts)
            # the first place of each node that has the highest score
            places = at[score[at] == highest[node[at]]]
            place = places[np.flatnonzero(np.diff(node[places], prepend=-1))]
            nodes = node[place]
            gain = highest[nodes] - own[nodes]
            gap = number[place + 1] - number[place]
            # Two rows are told apart equally well by all columns. The largest gap decides then, and not the order of columns.
            almost = _EQUAL * np.maximum(np.abs(gain), np.maximum(best_gain[nodes], 0.0))
            better = (gain > best_gain[nodes] + almost) | (
                (gain >= best_gain[nodes] - almost) & (gap > best_gap[nodes])
            )
            nodes, place = nodes[better], place[better]
            best_gain[nodes], best_gap[nodes], best_column[nodes] = gain[better], gap[better], column
            middle = 0.5 * number[place] + 0.5 * number[place + 1]
            best_threshold[nodes] = np.where(middle < number[place + 1], middle, number[place])
        return best_column, best_threshold, best_gain

    def divided(self, split: NDArray[np.bool_], column: NDArray[np.intp], threshold: NDArray[np.float64]) -> _Growing:
        """Return the entries of the nodes below those that are split; the others are closed."""
        lengths = np.diff(self.ends, prepend=0)
        node = np.repeat(np.arange(len(lengths)), lengths)
        kept = split[node]
        node = node[kept]
        orders = self.orders[:, kept]
        # by entry, so that all orders agree
        goes_left = np.zeros(len(self.row), dtype=np.bool_)
        entries = orders[0]
        goes_left[entries] = self.points[self.row[entries], column[node]] <= threshold[node]
        sizes = lengths[split]
        starts = np.cumsum(sizes) - sizes
        n_left = np.add.reduceat(goes_left[entries].astype(np.intp), starts)
        start, half = np.repeat(starts, sizes), np.repeat(n_left, sizes)
        within = np.arange(len(entries)) - start
        divided = np.empty_like(orders)
        for place, each in enumerate(orders):
            left = goes_left[each]
            before = _sums_within(left.astype(np.intp), starts, sizes) - left
            divided[place, start + np.where(left, before, half + within - before)] = each
        ends = np.empty(2 * len(sizes), dtype=np.intp)
        ends[0::2], ends[1::2] = starts + n_left, starts + sizes
        return attrs.evolve(self, orders=divided, ends=ends)


def _sums_within(
    numbers: NDArray[np.float64], starts: NDArray[np.intp], lengths: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return cumulative sums that start over at each of `starts`."""
    sums = numbers.cumsum()
    before = sums[starts] - numbers[starts]
    found: NDArray[np.float64] = sums - np.repeat(before, lengths)
    return found
