"""The values of a parameter in a few cells, in which trials can be counted.

A choice is a cell, and so is a number if a parameter has few of them. Other numbers fall into intervals that hold about
as many trials each, or cover equal parts of the search space. So it does not matter whether a range is linear or
logarithmic, or what a step is.

Notation: `n` trials, `b` cells.
"""

from __future__ import annotations

import math

import attrs
import numpy as np
from numpy.typing import NDArray

from hpo.core import CategoricalDistribution, Distribution, FloatDistribution, IntDistribution
from hpo.importance.evidence import Column
from hpo.importance.results import Where

_FEWEST, _MOST = 2, 96
_MOST_COUNTED = 4096  # values of a parameter up to which the share of each is computed


@attrs.frozen(eq=False)
class Cells:
    """The cells of one parameter.

    Attributes:
        index: The cell of each trial, ``(n,)``.
        shares: The share of the search space that each cell covers, ``(b,)``; None for cells that hold equally many trials.
        numbers: The numbers of the trials, ``(n,)``; NaN for choices.
        labels: The choice of each cell, for those after the first `n_intervals`.
        n_intervals: How many cells are intervals of numbers; these come first.
    """

    index: NDArray[np.intp]
    shares: NDArray[np.float64] | None
    numbers: NDArray[np.float64]
    labels: tuple[Where, ...]
    n_intervals: int

    @property
    def n(self) -> int:
        """The number of cells, `b`."""
        return self.n_intervals + len(self.labels)

    def counts(self, rows: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
        """Return how many trials, or how many of some, each cell holds, ``(b,)``."""
        return np.bincount(self.index if rows is None else self.index[rows], minlength=self.n).astype(np.int64)

    def gathering(self, chosen: NDArray[np.bool_]) -> Where:
        """Return where a part of the trials has most of its surplus over all: a range of numbers, or a choice."""
        surplus = self.counts(chosen) / chosen.sum()
        surplus -= self.counts() / len(self.index) if self.shares is None else self.shares
        best, best_label = 0.0, None
        for place, label in enumerate(self.labels, self.n_intervals):
            if surplus[place] > best:
                best, best_label = surplus[place], label
        first, last, total = _best_run(surplus[: self.n_intervals])
        inside = (self.index >= first) & (self.index <= last) & chosen
        if total <= best or not inside.any():
            return best_label
        return float(self.numbers[inside].min()), float(self.numbers[inside].max())

    def direction(self, chosen: NDArray[np.bool_]) -> float | None:
        """Return whether a part of the trials has smaller or larger numbers, from -1 to 1, or None for choices."""
        if self.labels or self.n_intervals < 2:
            return None
        shares = self.counts() / len(self.index) if self.shares is None else self.shares
        middles = np.cumsum(shares) - 0.5 * shares
        return float(2.0 * (self.counts(chosen) @ middles) / chosen.sum() - 1.0)


def n_cells(n_chosen: int, n: int) -> int:
    """Return how many cells suit `n_chosen` singled-out trials among `n`.

    More cells see finer shapes, and each costs precision; both errors are alike if the number grows as ``n_chosen**(2/5)``.

    Example:
        >>> [n_cells(n // 10, n) for n in (10, 30, 100, 1000, 10_000)]
        [3, 5, 8, 19, 48]
    """
    wanted = round(3.0 * math.pow(n_chosen, 0.4))
    return min(max(min(wanted, n // 2), _FEWEST), _MOST)


def cells_by_rank(column: Column, rows: NDArray[np.bool_], most: int) -> Cells:
    """Return cells that hold about equally many of some trials, which all have the parameter.

    Args:
        column: The parameter.
        rows: The trials, ``(n,)``.
        most: How many intervals of numbers there may be.
    """
    numbers, choices = column.numbers[rows], column.choices[rows]
    is_number = choices < 0
    index = np.zeros(len(numbers), dtype=np.intp)
    n_intervals = 0
    if is_number.any():
        values, inverse, counts = np.unique(numbers[is_number], return_inverse=True, return_counts=True)
        if len(values) > most:  # equal numbers share a cell: the one where the middle of them lies
            middles = np.cumsum(counts) - 0.5 * counts
            cells = (middles * (most / counts.sum())).astype(np.intp)
            inverse = np.unique(cells, return_inverse=True)[1][inverse]
        index[is_number] = inverse
        n_intervals = int(inverse.max()) + 1
    used, place = np.unique(choices[~is_number], return_inverse=True)
    index[~is_number] = n_intervals + place
    return Cells(index, None, numbers, tuple(column.labels[i] for i in used.tolist()), n_intervals)


def cells_by_space(column: Column, rows: NDArray[np.bool_], most: int) -> Cells:
    """Return cells that cover the newest distribution in known shares.

    A value outside of the range is in the nearest cell. A trial with a value of another kind, or with a choice that is no
    longer there, is left out of `index`.

    Args:
        column: The parameter.
        rows: The trials, ``(n,)``.
        most: How many intervals of numbers there may be.
    """
    distribution = column.distribution
    numbers, choices = column.numbers[rows], column.choices[rows]
    if isinstance(distribution, CategoricalDistribution):
        k = len(distribution.choices)
        kept = choices[(choices >= 0) & (choices < k)]
        return Cells(kept, np.full(k, 1.0 / k), np.full(len(kept), np.nan), tuple(distribution.choices), 0)
    numbers = numbers[choices < 0]
    index, shares = _intervals(distribution, numbers, most)
    return Cells(index, shares, numbers, (), len(shares))


def units(distribution: FloatDistribution | IntDistribution, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return where numbers are in a range, from 0 to 1, such that a random trial is anywhere with equal probability.

    The same as `to_unit` of the distribution, up to rounding, for many numbers at once.
    """
    low, high = float(distribution.low), float(distribution.high)
    if distribution.single():
        return np.full(len(numbers), 0.5)
    clipped = np.clip(numbers, low, high)
    whole = isinstance(distribution, IntDistribution)
    if distribution.log:
        start, end = (math.log(low - 0.5), math.log(high + 0.5)) if whole else (math.log(low), math.log(high))
        if start < end:
            return np.clip((np.log(clipped) - start) / (end - start), 0.0, 1.0)
    step = float(distribution.step or 0.0)
    scale = 1.0 if math.isfinite(high - low + step) else 0.25  # the widest ranges have no finite width
    width = high * scale - low * scale + step * scale
    # the middle of a value's share, if it is one of a grid
    found: NDArray[np.float64] = (
        (clipped * scale - low * scale + 0.5 * step * scale) / width if width else np.full(len(numbers), 0.5)
    )
    return np.clip(found, 0.0, 1.0)


def _intervals(
    distribution: Distribution, numbers: NDArray[np.float64], most: int
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the interval of each number, and the share of the search space that each interval covers."""
    assert not isinstance(distribution, CategoricalDistribution)
    places = units(distribution, numbers)
    n_values = distribution.n_values()
    if n_values is None or n_values > _MOST_COUNTED:
        return np.minimum((places * most).astype(np.intp), most - 1), np.full(most, 1.0 / most)
    # a grid: neighbouring values share an interval, so that each has its share whole
    low, step = float(distribution.low), float(distribution.step or 1.0)
    edges = np.linspace(0.0, 1.0, n_values + 1)
    if distribution.log:
        bounds = np.log(low - 0.5 + np.arange(n_values + 1))
        edges = (bounds - bounds[0]) / (bounds[-1] - bounds[0])
    own = np.diff(edges)
    group = np.minimum(((edges[:-1] + 0.5 * own) * most).astype(np.intp), most - 1)
    if n_values <= most:
        group = np.arange(n_values)
    group = np.unique(group, return_inverse=True)[1]
    value = np.clip(np.rint((numbers - low) / step), 0, n_values - 1).astype(np.intp)
    shares: NDArray[np.float64] = np.bincount(group, weights=own).astype(np.float64)
    return group[value], shares


def _best_run(surplus: NDArray[np.float64]) -> tuple[int, int, float]:
    """Return the first and the last of the neighbouring cells with the largest sum, and the sum."""
    first, last, best = 0, -1, 0.0
    start, total = 0, 0.0
    for place, each in enumerate(surplus.tolist()):
        if total <= 0.0:
            start, total = place, 0.0
        total += each
        if total > best:
            first, last, best = start, place, total
    return first, last, best
