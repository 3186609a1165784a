"""Gradient boosting: sums of small trees, each fitted to what the trees before it left over.

Notation: `n` rows, `d` columns, `k` outputs, each of which has trees of its own, `r` rounds, `l` leaves.

Source: Friedman, "Greedy Function Approximation: A Gradient Boosting Machine", Annals of Statistics 29, 2001.
"""

from __future__ import annotations

from functools import cached_property
from typing import Protocol, TypeAlias

import attrs
import numpy as np
from numpy.typing import NDArray

from hpo.numerics.trees.binning import MOST_BINS, Binning
from hpo.numerics.trees.growing import Growth, Trees, grown
from hpo.numerics.trees.leaves import LeafFinder

Array: TypeAlias = NDArray[np.float64]


class Loss(Protocol):
    """What is minimized."""

    @property
    def n_outputs(self) -> int:
        """The number of outputs, `k`."""
        ...

    def start(self, targets: Array) -> Array:
        """Return the constants, ``(k,)``, to begin with."""
        ...

    def derivatives(self, targets: Array, outputs: Array) -> tuple[Array, Array]:
        """Return the gradients and what rows weigh, ``(k, n)`` each, of outputs, ``(k, n)``."""
        ...

    def leaf_values(
        self, targets: Array, outputs: Array, leaves: NDArray[np.intp], n_leaves: int, penalty: float
    ) -> Array:
        """Return what is best added to the outputs in each leaf, ``(k, l)``; `leaves` has shape ``(k, n)``."""
        ...


@attrs.frozen
class SquaredLoss:
    """Half of the squared difference: the output is the mean.

    Example:
        >>> SquaredLoss().start(np.array([1.0, 3.0])).tolist()
        [2.0]
    """

    @property
    def n_outputs(self) -> int:
        """One."""
        return 1

    def start(self, targets: Array) -> Array:
        """Return the mean."""
        return np.array([targets.mean()])

    def derivatives(self, targets: Array, outputs: Array) -> tuple[Array, Array]:
        """Return the differences, and weights of 1."""
        return outputs - targets, np.ones_like(outputs)

    def leaf_values(
        self, targets: Array, outputs: Array, leaves: NDArray[np.intp], n_leaves: int, penalty: float
    ) -> Array:
        """Return the mean residuals."""
        return _newton_steps(*self.derivatives(targets, outputs), leaves, n_leaves, penalty)


@attrs.frozen
class LogisticLoss:
    """Minus the log probability of a label that is 0 or 1: the output is its log odds.

    Example:
        >>> LogisticLoss().start(np.array([0.0, 0.0, 1.0])).round(6).tolist()  # half a row of each label is added
        [-0.510826]
    """

    @property
    def n_outputs(self) -> int:
        """One."""
        return 1

    def start(self, targets: Array) -> Array:
        """Return the log odds of all labels."""
        ones = float(targets.sum())
        return np.array([np.log((ones + 0.5) / (len(targets) - ones + 0.5))])

    def derivatives(self, targets: Array, outputs: Array) -> tuple[Array, Array]:
        """Return the differences of probabilities and labels, and the variances of labels."""
        # by the hyperbolic tangent, which does not overflow
        probabilities = 0.5 + 0.5 * np.tanh(0.5 * outputs)
        return probabilities - targets, probabilities * (1.0 - probabilities)

    def leaf_values(
        self, targets: Array, outputs: Array, leaves: NDArray[np.intp], n_leaves: int, penalty: float
    ) -> Array:
        """Return one step of Newton's method in each leaf."""
        return _newton_steps(*self.derivatives(targets, outputs), leaves, n_leaves, penalty)


@attrs.frozen
class QuantileLoss:
    """Pinball losses: each output is the quantile of one level.

    Args:
        levels: The levels, above 0 and below 1.

    Source: Koenker and Bassett, "Regression Quantiles", Econometrica 46, 1978.

    Example:
        >>> QuantileLoss((0.25, 0.5)).start(np.arange(5.0)).tolist()
        [1.0, 2.0]
    """

    levels: tuple[float, ...]

    @property
    def n_outputs(self) -> int:
        """The number of levels."""
        return len(self.levels)

    def start(self, targets: Array) -> Array:
        """Return the quantiles."""
        return np.quantile(targets, self.levels)

    def derivatives(self, targets: Array, outputs: Array) -> tuple[Array, Array]:
        """Return the slopes of the losses, and weights of 1."""
        return (targets < outputs) - np.array(self.levels)[:, None], np.ones_like(outputs)

    def leaf_values(
        self, targets: Array, outputs: Array, leaves: NDArray[np.intp], n_leaves: int, penalty: float
    ) -> Array:
        """Return the quantiles of the residuals in each leaf, interpolated, times ``n / (n + penalty)``."""
        k = len(self.levels)
        cells = (leaves + np.arange(k)[:, None] * n_leaves).ravel()
        residuals = (targets - outputs).ravel()
        residuals = residuals[np.lexsort((residuals, cells))]
        counts = np.bincount(cells, minlength=k * n_leaves).reshape(k, n_leaves)
        firsts = counts.cumsum().reshape(k, n_leaves) - counts
        wanted = np.array(self.levels)[:, None] * np.maximum(counts - 1, 0)
        below = wanted.astype(np.intp)
        low = residuals[np.minimum(firsts + below, len(residuals) - 1)]
        high = residuals[np.minimum(firsts + np.minimum(below + 1, counts - 1), len(residuals) - 1)]
        values = low + (high - low) * (wanted - below)
        shrunk: Array = np.where(counts > 0, values * (counts / np.maximum(counts + penalty, 1.0)), 0.0)
        return shrunk


def _newton_steps(gradients: Array, weights: Array, leaves: NDArray[np.intp], n_leaves: int, penalty: float) -> Array:
    k = len(gradients)
    cells = (leaves + np.arange(k)[:, None] * n_leaves).ravel()
    pull = np.bincount(cells, gradients.ravel(), minlength=k * n_leaves).reshape(k, n_leaves)
    weight = np.bincount(cells, weights.ravel(), minlength=k * n_leaves).reshape(k, n_leaves) + penalty
    steps: Array = -pull / np.maximum(weight, np.finfo(np.float64).tiny)
    return np.where(weight > 0.0, steps, 0.0)


@attrs.frozen
class Boosting:
    """How trees are boosted.

    Args:
        loss: What is minimized.
        rounds: How many trees each output gets.
        rate: The share of a tree's values that is added, above 0 and up to 1.
        growth: How trees are grown.
        most_bins: The most bins of a column.
    """

    loss: Loss
    rounds: int = 100
    rate: float = 0.1
    growth: Growth = attrs.field(factory=Growth)
    most_bins: int = MOST_BINS


@attrs.frozen(eq=False)
class Boosted:
    """A sum of trees; make it with `boosted`.

    Attributes:
        boosting: How it was boosted.
        binning: The bins of its columns.
        start: The constants that the trees add to, ``(k,)``.
        trees: All trees: those of the first round, one for each output, then those of the second.
        values: The value of each of their leaves, ``(r k, l)``.
    """

    boosting: Boosting
    binning: Binning
    start: Array
    trees: Trees
    values: Array

    @cached_property
    def _finder(self) -> LeafFinder:
        return LeafFinder.of(self.trees)

    def outputs(self, points: Array) -> Array:
        """Return the outputs at points, ``(m, d)``, with the shape ``(k, m)``."""
        leaves = self._finder.leaves(self.binning.codes(points))
        places = leaves + np.arange(len(leaves))[:, None] * self.values.shape[1]
        k = len(self.start)
        outputs: Array = self.start[:, None] + self.values.take(places).reshape(-1, k, len(points)).sum(axis=0)
        return outputs

    def continued(self, points: Array, targets: Array, rounds: int) -> Boosted:
        """Return the sum with more trees, which are fitted to data that may be others than before.

        So new rows are learned at a part of the cost of all rounds, and old ones that changed too.

        Args:
            points: The rows, ``(n, d)``.
            targets: Their targets, ``(n,)``.
            rounds: How many trees each output gets in addition.

        Example:
            >>> points, targets = np.arange(6.0)[:, None], np.array([0.0, 0.0, 0.0, 1.0, 1.0, 1.0])
            >>> some = boosted(points[:4], np.array([False]), targets[:4], Boosting(SquaredLoss(), rounds=50))
            >>> some.continued(points, targets, 50).outputs(points).round(1).tolist()
            [[0.0, 0.0, 0.0, 1.0, 1.0, 1.0]]
        """
        if rounds == 0:
            return self
        trees, values = _rounds(self.boosting, self.binning, points, targets, self.outputs(points), rounds)
        columns = np.concatenate((self.trees.columns, trees.columns))
        left = np.concatenate((self.trees.left, trees.left))
        return attrs.evolve(self, trees=Trees(columns, left), values=np.concatenate((self.values, values)))


def boosted(points: Array, categorical: NDArray[np.bool_], targets: Array, boosting: Boosting) -> Boosted:
    """Return a sum of trees fitted to data; the same data give the same sum.

    O(`r` `k` `n` `d`), with numpy's cost of some forty calls per round.

    Args:
        points: The rows, ``(n, d)``, with at least one; NaN is for what is missing.
        categorical: Which columns are categorical, ``(d,)``.
        targets: The targets, finite, ``(n,)``; 0 or 1 for a logistic loss.
        boosting: How trees are boosted.

    Raises:
        ValueError: the shapes differ, there is no row, or a target is not finite.

    Example:
        >>> points = np.linspace(0.0, 1.0, 101)[:, None]
        >>> model = boosted(points, np.array([False]), points[:, 0] ** 2, Boosting(SquaredLoss()))
        >>> model.outputs(np.array([[0.5]])).round(2).tolist()
        [[0.25]]
    """
    if targets.shape != points.shape[:1] or not len(targets) or not np.isfinite(targets).all():
        raise ValueError(
            f"boosted needs a finite target for each of at least one row, got rows {points.shape} and targets "
            f"{targets.shape}"
        )
    binning = Binning.of(points, categorical, most=boosting.most_bins)
    start = boosting.loss.start(targets)
    outputs = np.repeat(start[:, None], len(points), axis=1)
    trees, values = _rounds(boosting, binning, points, targets, outputs, boosting.rounds)
    return Boosted(boosting, binning, start, trees, values)


def _rounds(
    boosting: Boosting, binning: Binning, points: Array, targets: Array, outputs: Array, rounds: int
) -> tuple[Trees, Array]:
    """Return the trees of some more rounds, and the values of their leaves."""
    loss, growth, codes = boosting.loss, boosting.growth, binning.codes(points)
    n_leaves = 2**growth.depth
    columns, left, values = [], [], []
    for _ in range(rounds):
        gradients, weights = loss.derivatives(targets, outputs)
        trees, leaves = grown(binning, codes, gradients, weights, growth)
        if (trees.columns < 0).all():
            break  # nothing is left to learn: constants were learned at the start
        steps = boosting.rate * loss.leaf_values(targets, outputs, leaves, n_leaves, growth.penalty)
        outputs = outputs + np.take_along_axis(steps, leaves, axis=1)
        columns.append(trees.columns)
        left.append(trees.left)
        values.append(steps)
    k = loss.n_outputs
    if not columns:
        empty = (
            np.full((k, n_leaves - 1), -1, dtype=np.intp),
            np.ones((k, n_leaves - 1, binning.n_bins), dtype=np.bool_),
        )
        return Trees(*empty), np.zeros((k, n_leaves))
    return Trees(np.concatenate(columns), np.concatenate(left)), np.concatenate(values)
