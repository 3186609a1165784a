"""Spaces as points and features for models: discrete values, choices, and parameters that some trials do not have.

Which trials have a parameter often depends on a choice, as in "momentum only if the optimizer is SGD". That is learned
from the trials: if, whenever a parameter is there, another one with few values has one of some values, and whenever it is
not, one of the others, then these values say whether it is there. At points where a parameter is not there its value does
not count, so that branches of a space do not blur each other.

Notation: `n` points, `d` columns, `f` features.
"""

from __future__ import annotations

import math
from functools import lru_cache

import attrs
import numpy as np
from numpy.typing import NDArray

from hpo.core import CategoricalDistribution, FrozenTrial, value_of
from hpo.samplers.parts.observations import column_value, column_values
from hpo.samplers.parts.unit_cube import UnitCube, coarse_grid_size

_DIGITS = 9  # of points: what changes beyond them when ranges are in other units is rounding
_MIDDLE = 0.5  # where a missing number is taken to be
_MOST_PARENT_VALUES = 32


@attrs.frozen
class FeatureCoding:
    """How the columns of a unit cube become features; two codings are equal if their cubes are. Make it with `of`.

    Attributes:
        cube: The columns.
        dimensions: The column of each feature, ``(f,)``.
        levels: For each column, the points of its values, ascending; None for continuous ones.
        numeric: The columns of numbers, ``(k,)``.
        numeric_features: Their features, ``(k,)``.
        continuous: Which columns are continuous, ``(d,)``.
    """

    cube: UnitCube
    dimensions: NDArray[np.intp] = attrs.field(eq=False, repr=False)
    levels: tuple[NDArray[np.float64] | None, ...] = attrs.field(eq=False, repr=False)
    numeric: NDArray[np.intp] = attrs.field(eq=False, repr=False)
    numeric_features: NDArray[np.intp] = attrs.field(eq=False, repr=False)
    continuous: NDArray[np.bool_] = attrs.field(eq=False, repr=False)

    @staticmethod
    @lru_cache(maxsize=64)
    def of(cube: UnitCube) -> FeatureCoding:
        """Return the coding of a cube's columns."""
        sizes = np.maximum(cube.n_choices, 1)
        levels = tuple(_levels(cube, column) for column in range(len(cube.columns)))
        numeric = np.flatnonzero(cube.n_choices == 0)
        firsts = np.concatenate(([0], np.cumsum(sizes)))
        return FeatureCoding(
            cube=cube,
            dimensions=np.repeat(np.arange(len(sizes)), sizes),
            levels=levels,
            numeric=numeric,
            numeric_features=firsts[numeric].astype(np.intp),
            continuous=np.array([each is None for each in levels], dtype=np.bool_),
        )

    @property
    def n_columns(self) -> int:
        """The number of columns."""
        return len(self.cube.columns)

    def row(self, trial: FrozenTrial) -> list[float] | None:
        """Return the trial's point with NaN for what it lacks, or None if it lacks all or left a range."""
        values = column_values(self.cube.columns, trial, missing=True)
        if values is None:
            return None
        table = np.array([values], dtype=np.float64)
        if not self.cube.fits(table)[0] or np.isnan(table).all():
            return None
        point: list[float] = np.round(self.cube.units(table)[0], _DIGITS).tolist()
        return point

    def features(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return points, ``(n, d)``, as features, ``(n, f)``.

        A missing number is in the middle of its range, and a missing choice half as far from all choices as they are
        from each other.
        """
        features = np.zeros((len(rows), len(self.dimensions)))
        numbers = rows[:, self.numeric]
        features[:, self.numeric_features] = np.where(np.isnan(numbers), _MIDDLE, numbers)
        for column in np.flatnonzero(self.cube.n_choices).tolist():
            chosen = rows[:, column, None] == np.arange(self.cube.n_choices[column])
            features[:, self.dimensions == column] = chosen * math.sqrt(0.5)
        return features

    def snapped(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return points, ``(n, d)``, with each discrete column at the nearest of its values."""
        points = np.round(points, _DIGITS)
        for column, levels in enumerate(self.levels):
            if levels is not None:
                places = np.searchsorted((levels[1:] + levels[:-1]) / 2.0, points[:, column])
                points[:, column] = levels[places]
        return points

    def from_uniforms(self, uniforms: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return points, ``(n, d)``, from numbers in [0, 1): every value is as likely as in a random search."""
        sizes = np.maximum(self.cube.n_choices, 1)
        return self.snapped(np.where(sizes > 1, np.floor(uniforms * sizes), uniforms))


def _levels(cube: UnitCube, column: int) -> NDArray[np.float64] | None:
    distribution = cube.distributions[column]
    if isinstance(distribution, CategoricalDistribution):
        return np.arange(float(cube.n_choices[column]))
    n = coarse_grid_size(distribution)
    if n is None:
        return None
    scale = cube.columns[column][1]
    values = np.zeros((n, len(cube.columns)))
    for index in range(n):
        number = column_value(scale, distribution, value_of(distribution, index))
        values[index, column] = 0.0 if number is None else number
    return np.round(cube.units(values)[:, column], _DIGITS)


@attrs.frozen(eq=False)
class Condition:
    """Columns that are missing where another column has certain values, or is missing itself."""

    columns: tuple[int, ...]
    parent: int
    denied: NDArray[np.float64]


def learned_conditions(coding: FeatureCoding, points: NDArray[np.float64]) -> tuple[Condition, ...]:
    """Return what decides about missing columns at points, ``(n, d)``, those that others depend on first.

    O(`n` `d`^2), and nothing if no column is missing anywhere.

    Example:
        >>> from hpo.core import SearchSpace
        >>> space = SearchSpace({"kind": CategoricalDistribution(["a", "b"]), "size": CategoricalDistribution([1, 2])})
        >>> coding = FeatureCoding.of(UnitCube.of(space))
        >>> found = learned_conditions(coding, np.array([[0.0, 1.0], [1.0, np.nan], [0.0, 0.0]]))
        >>> [(each.columns, each.parent, each.denied.tolist()) for each in found]
        [((1,), 0, [1.0])]
    """
    there = ~np.isnan(points)
    if there.all():
        return ()
    groups: dict[bytes, list[int]] = {}
    for column in np.flatnonzero(~there.all(axis=0)).tolist():
        groups.setdefault(there[:, column].tobytes(), []).append(column)
    parents = [
        column
        for column, levels in enumerate(coding.levels)
        if levels is not None and len(levels) <= _MOST_PARENT_VALUES
    ]
    # choices are likelier to decide than numbers are
    parents.sort(key=lambda column: (coding.cube.n_choices[column] == 0, column))
    found = []
    for columns in groups.values():
        own = there[:, columns[0]]
        for parent in parents:
            theirs = there[:, parent]
            absent = theirs & ~own
            if (own & ~theirs).any() or not absent.any() or not own.any():
                continue
            denied = np.unique(points[absent, parent])
            if not np.isin(points[own, parent], denied).any():
                found.append((int(theirs.sum()), Condition(tuple(columns), parent, denied)))
                break
    # a parent is there wherever its children are, and more often than they are
    found.sort(key=lambda pair: (-pair[0], pair[1].columns))
    return tuple(condition for _, condition in found)


def without_inactive(points: NDArray[np.float64], conditions: tuple[Condition, ...]) -> NDArray[np.float64]:
    """Return points, ``(m, d)``, with NaN in the columns that the conditions say are missing."""
    if not conditions:
        return points
    points = points.copy()
    for condition in conditions:
        parents = points[:, condition.parent]
        rows = np.flatnonzero(np.isnan(parents) | np.isin(parents, condition.denied))
        points[np.ix_(rows, np.array(condition.columns))] = np.nan
    return points
