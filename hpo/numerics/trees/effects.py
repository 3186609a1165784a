"""What each column of the unit cube does to a function: main, pairwise, total and Shapley effects, as shares of its variance.

The columns are taken to be independent and uniform. For a function ``f`` with the variance ``V``, the main effect of a
column is the variance of the mean of ``f`` given that column alone; the total effect is the mean variance that is left if
all other columns are given; what two columns do together is the variance of the mean given both, less their main effects.
The Shapley effect of a column is its main effect, and a fair part of everything that it does with others: they sum to ``V``.

Main and pairwise effects of a forest are sums over the boxes of its leaves. Total and Shapley effects are means over
points in which some coordinates are replaced.

Notation: `d` columns, `k` trees, `l` leaves of all trees, `m` points, `g` cells of a grid.

Sources: Sobol', "Sensitivity Estimates for Nonlinear Mathematical Models", Mathematical Modelling and Computational
Experiment 1, 1993; Hutter, Hoos and Leyton-Brown, "An Efficient Approach for Assessing Hyperparameter Importance", ICML
2014 (boxes of forests); Jansen, "Analysis of Variance Designs for Model Output", Computer Physics Communications 117, 1999
(total effects); Song, Nelson and Staum, "Shapley Effects for Global Sensitivity Analysis", SIAM/ASA JUQ 4, 2016.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import attrs
import numpy as np
from numpy.typing import NDArray

from hpo.numerics.trees.boosting import Boosted
from hpo.numerics.trees.forest import Forest

Array: TypeAlias = NDArray[np.float64]
Function: TypeAlias = Callable[[Array], Array]
"""Takes points, ``(m, d)``, and returns values, ``(m,)``."""

_GOLDEN = 0.5 * (5.0**0.5 - 1.0)
GRID = 48  # cells of each column for pairs; borders at halves, thirds, quarters, sixths and so on are borders of cells
_MOST_NUMBERS = 2_000_000  # of the bounds of boxes: of larger forests, the first trees stand for all


@attrs.frozen(eq=False)
class Boxes:
    """The leaves of a forest, as boxes; make them with `of`.

    Attributes:
        tree: The tree of each leaf, ``(l,)``.
        low: Where each box begins in each column, ``(l, d)``.
        high: Where it ends, ``(l, d)``.
        value: The value of each leaf, less a constant, ``(l,)``.
        n_trees: The number of trees, `k`.
    """

    tree: NDArray[np.intp]
    low: Array
    high: Array
    value: Array
    n_trees: int

    @staticmethod
    def of(forest: Forest, d: int) -> Boxes:
        """Return the boxes of the leaves of a forest over `d` columns; of a very large one, those of its first trees."""
        n_trees = int(np.clip(_MOST_NUMBERS * forest.n_trees // (len(forest.column) * d), 1, forest.n_trees))
        nodes, tree = np.arange(n_trees), np.arange(n_trees)
        low, high = np.zeros((n_trees, d)), np.ones((n_trees, d))
        leaves, trees, lows, highs = [], [], [], []
        while len(nodes):
            closed = forest.column[nodes] < 0
            leaves.append(nodes[closed])
            trees.append(tree[closed])
            lows.append(low[closed])
            highs.append(high[closed])
            nodes, tree, low, high = nodes[~closed], tree[~closed], low[~closed], high[~closed]
            at = np.arange(len(nodes)), forest.column[nodes]
            high_left, low_right = high.copy(), low.copy()
            high_left[at] = low_right[at] = forest.threshold[nodes]
            nodes = np.concatenate((forest.left[nodes], forest.left[nodes] + 1))
            tree = np.concatenate((tree, tree))
            low, high = np.concatenate((low, low_right)), np.concatenate((high_left, high))
        found = np.concatenate(leaves)
        middle = forest.value[:n_trees].mean()
        return Boxes(
            np.concatenate(trees), np.concatenate(lows), np.concatenate(highs), forest.value[found] - middle, n_trees
        )

    @staticmethod
    def of_boosted(model: Boosted, d: int) -> Boxes:
        """Return the boxes of the leaves of boosted trees with one output, whose columns are all numbers in [0, 1].

        A sum of trees is the mean of trees with larger values. A box may have no volume.
        """
        columns, depth = model.trees.columns, model.trees.depth
        k = len(columns)
        edges = np.full((d, model.binning.n_bins), 1.0)  # what is not below an edge is below the end
        for place, each in enumerate(model.binning.edges):
            edges[place, : len(each)] = np.clip(each, 0.0, 1.0)
        low, high = np.zeros((k, 1, d)), np.ones((k, 1, d))
        for level in range(depth):
            nodes = slice(2**level - 1, 2 ** (level + 1) - 1)
            column, left = columns[:, nodes], model.trees.left[:, nodes]
            n_left = left[:, :, :-1].argmin(axis=2)  # bins are in order, so that those at the left come first
            n_left[left[:, :, :-1].all(axis=2)] = model.binning.n_bins
            threshold = edges[column, np.clip(n_left - 1, 0, model.binning.n_bins - 1)]
            threshold[n_left == 0] = 0.0
            threshold[column < 0] = 1.0  # all go to the left
            tree, node = np.indices(column.shape)
            low, high = np.repeat(low, 2, axis=1), np.repeat(high, 2, axis=1)
            high[tree, 2 * node, column] = np.minimum(high[tree, 2 * node, column], threshold)
            low[tree, 2 * node + 1, column] = np.maximum(low[tree, 2 * node + 1, column], threshold)
        high = np.maximum(low, high)
        n_leaves = 2**depth
        values = model.values - model.values.mean(axis=1, keepdims=True)
        return Boxes(np.repeat(np.arange(k), n_leaves), low.reshape(-1, d), high.reshape(-1, d), values.ravel() * k, k)

    @property
    def volume(self) -> Array:
        """The volume of each box, ``(l,)``."""
        volumes: Array = (self.high - self.low).prod(axis=1)
        return volumes

    def main_effects(self) -> MainEffects:
        """Return what each column does alone, in the mean of all trees: exact."""
        weights = self.value * self.volume / self.n_trees
        steps = []
        for column in range(self.low.shape[1]):
            place, height, _ = self._steps(column, weights, np.zeros(len(weights), dtype=np.intp))
            mean = float((height * np.diff(place, append=1.0)).sum())
            steps.append((place, height - mean))
        return MainEffects(tuple(steps))

    def tree_shares(self) -> Array:
        """Return the main effects in each tree as shares of that tree's variance, ``(k, d)``."""
        volume = self.volume
        sums = [np.bincount(self.tree, volume * self.value**power, minlength=self.n_trees) for power in (1, 2)]
        variances = np.maximum(sums[1] - sums[0] ** 2, 0.0)
        weights = self.value * volume
        given = np.stack(
            [self._variance_given(column, weights, self.tree, self.n_trees) for column in range(self.low.shape[1])]
        ).T
        shares: Array = np.divide(given, variances[:, None], out=np.zeros_like(given), where=variances[:, None] > 0.0)
        return np.clip(shares, 0.0, 1.0)

    def pair_effects(self, columns: NDArray[np.intp]) -> dict[tuple[int, int], float]:
        """Return what pairs of some columns do together, beyond their main effects, by pair; on a grid.

        Args:
            columns: The columns, ascending.
        """
        volume, widths = self.value * self.volume / self.n_trees, self.high - self.low
        cells = {column: _overlaps(self.low[:, column], self.high[:, column]) for column in columns.tolist()}
        found = {}
        for place, one in enumerate(columns.tolist()):
            for other in columns[place + 1 :].tolist():
                area = widths[:, one] * widths[:, other]
                height = np.divide(volume, area, out=np.zeros_like(volume), where=area > 0.0)
                means = (cells[one] * height[:, None]).T @ cells[other]
                alone = means.mean(axis=1).var() + means.mean(axis=0).var()
                found[one, other] = max(float(means.var() - alone), 0.0)
        return found

    def _variance_given(self, column: int, weights: Array, group: NDArray[np.intp], n_groups: int) -> Array:
        """Return the variance of the mean given one column, for each group of boxes."""
        place, height, groups = self._steps(column, weights, group)
        lengths = np.diff(place, append=1.0)
        lengths[np.flatnonzero(np.diff(groups, append=-1))] = 0.0
        mean = np.bincount(groups, height * lengths, minlength=n_groups)
        square = np.bincount(groups, height**2 * lengths, minlength=n_groups)
        variances: Array = np.maximum(square - mean**2, 0.0)
        return variances

    def _steps(self, column: int, weights: Array, group: NDArray[np.intp]) -> tuple[Array, Array, NDArray[np.intp]]:
        """Return the mean given one column, a step function: where steps begin, how high they are, and their group.

        It changes by a box's part where the box begins and ends.
        """
        low, high = self.low[:, column], self.high[:, column]
        width = high - low
        part = np.divide(weights, width, out=np.zeros_like(weights), where=width > 0.0)
        place, jump = np.concatenate((low, high)), np.concatenate((part, -part))
        groups = np.concatenate((group, group))
        order = np.lexsort((place, groups))
        # each group ends at 0, up to rounding, where all its boxes have ended
        return place[order], jump[order].cumsum(), groups[order]


@attrs.frozen(eq=False)
class MainEffects:
    """What each column of a function does alone: step functions whose mean is 0.

    Attributes:
        steps: For each column, where steps begin, ascending, and their heights.
    """

    steps: tuple[tuple[Array, Array], ...]

    @property
    def variances(self) -> Array:
        """The main effect of each column, ``(d,)``."""
        return np.array([(height**2 * np.diff(place, append=1.0)).sum() for place, height in self.steps])

    def __call__(self, points: Array) -> Array:
        """Return the sum of the step functions at points, ``(m, d)``: ``(m,)``."""
        sums = np.zeros(len(points))
        for (place, height), column in zip(self.steps, points.T, strict=True):
            sums += height[np.maximum(np.searchsorted(place, column, side="right") - 1, 0)]
        return sums


def _overlaps(low: Array, high: Array) -> Array:
    """Return which part of each cell of the grid lies between bounds, ``(l, g)``."""
    cells = np.arange(GRID) / GRID
    ends = np.minimum(high[:, None], cells + 1.0 / GRID)
    parts: Array = np.maximum(ends - np.maximum(low[:, None], cells), 0.0) * GRID
    return parts


@attrs.frozen(eq=False)
class Spread:
    """The variance of a function, and how much of it each column is needed for.

    Attributes:
        variance: The variance, `V`.
        mains: The main effect of each column, ``(d,)``, not divided by `V`.
        totals: The total effect of each column, ``(d,)``, not divided by `V`.
    """

    variance: float
    mains: Array
    totals: Array


def total_effects(function: Function, mains: MainEffects, generator: np.random.Generator, m: int) -> Spread:
    """Return the variance and the total effects of a function, from ``m (d + 1)`` points.

    Only what is left of the function without its main effects is averaged over points, so that additive functions have exact
    effects.

    Args:
        function: The function.
        mains: What its columns do alone.
        generator: Where random numbers come from.
        m: How many points have one of their coordinates replaced.
    """
    d, alone = len(mains.steps), mains.variances
    first, second = point_pairs(generator, m, d)
    points = np.concatenate([first, *(_replaced(first, second, column) for column in range(d))])
    values = (function(points) - mains(points)).reshape(d + 1, m)
    totals = alone + 0.5 * ((values[1:] - values[0]) ** 2).mean(axis=1)
    return Spread(float(alone.sum() + values.var()), alone, totals)


def shapley_effects(function: Function, mains: MainEffects, generator: np.random.Generator, m: int) -> Array:
    """Return the Shapley effect of each column, ``(d,)``, not divided by the variance, from ``m (d + 1)`` points.

    Each point is turned into another one by replacing its coordinates one after the other, in a random order. With each,
    half of the squared distance to the first value grows by the effect of the coordinate, in the mean. As in
    `total_effects`, main effects are exact.

    Args:
        function: The function.
        mains: What its columns do alone.
        generator: Where random numbers come from.
        m: How many points are turned into others.
    """
    d = len(mains.steps)
    point, other = point_pairs(generator, m, d)
    order = generator.random((m, d)).argsort(axis=1)
    rows = np.arange(m)
    steps = [point]
    for place in range(d):
        point = point.copy()
        point[rows, order[:, place]] = other[rows, order[:, place]]
        steps.append(point)
    points = np.concatenate(steps)
    values = (function(points) - mains(points)).reshape(d + 1, m)
    grown = np.diff(0.5 * (values - values[0]) ** 2, axis=0)  # (d, m)
    together = np.bincount(order.T.ravel(), grown.ravel(), minlength=d) / m
    effects: Array = mains.variances + np.maximum(together, 0.0)
    return effects


def point_pairs(generator: np.random.Generator, m: int, d: int) -> tuple[Array, Array]:
    """Return `m` pairs of independent points of the unit cube, ``(m, d)`` each.

    In each column, the pairs of coordinates are a lattice that covers the square evenly; columns are shuffled apart.
    """
    place = generator.random((m, d)).argsort(axis=0)
    shifts = generator.random((2, d))
    first: Array = (place / m + shifts[0]) % 1.0
    second: Array = (place * _GOLDEN + shifts[1]) % 1.0
    return first, second


def _replaced(points: Array, others: Array, column: int) -> Array:
    changed = points.copy()
    changed[:, column] = others[:, column]
    return changed
