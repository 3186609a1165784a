"""A search space as columns of numbers: numeric parameters in the unit cube, categorical ones as indices."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal, TypeAlias

import attrs
import numpy as np
from numpy.typing import NDArray

from hpo.core import (
    CategoricalDistribution,
    Choice,
    Distribution,
    FloatDistribution,
    FrozenTrial,
    IntDistribution,
    SearchSpace,
)
from hpo.errors import InvalidArgument
from hpo.numerics.parzen import Cells, Distances

_FINEST_GRID = 1000  # a grid of more values is as good as a continuum

Scale: TypeAlias = Literal["linear", "log"] | CategoricalDistribution
"""How a column keeps its parameter: as it is, as its logarithm, or as the index of its choice."""
Columns: TypeAlias = tuple[tuple[str, Scale], ...]
"""Names and scales, sorted by name; numeric ranges are left out, so that a range may drift from trial to trial."""


@attrs.frozen(eq=False)
class UnitCoding:
    """How the parameters of a space become columns, and how points become parameters again.

    A parameter with one value only has no column. A grid point owns a cell of the unit interval: half a step to either
    side, so that the outermost ones own as much as the others.

    Attributes:
        space: What is coded.
        columns: See `Columns`; `d` in all.
        n_choices: For each column the number of choices, ``(d,)``; 0 for numeric ones.
        low: Smallest value that fits, on the column's scale, ``(d,)``.
        high: Largest value that fits, ``(d,)``.
        factor: What values are multiplied with before anything else, ``(d,)``: less than 1 where the difference of
            `high` and `low` would overflow.
        origin: The value, times `factor`, that is 0 in the unit interval, ``(d,)``.
        width: The unit interval's length on the same scale, ``(d,)``.
        cell_width: What one value of a grid takes of the unit interval, on average, ``(d,)``; 0 where there is no grid.
        top: The end of each column, ``(d,)``: 1, or the last choice.
        grids: The columns of grids that are coarse enough to be modelled by their cells, and their distributions.
    """

    space: SearchSpace
    columns: Columns
    n_choices: NDArray[np.int64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    factor: NDArray[np.float64]
    origin: NDArray[np.float64]
    width: NDArray[np.float64]
    cell_width: NDArray[np.float64]
    top: NDArray[np.float64] = attrs.field(init=False)
    grids: tuple[tuple[int, FloatDistribution | IntDistribution], ...] = attrs.field(init=False)

    @top.default
    def _ends(self) -> NDArray[np.float64]:
        ends: NDArray[np.float64] = np.maximum(self.n_choices - 1.0, 1.0)
        return ends

    @grids.default
    def _coarse_columns(self) -> tuple[tuple[int, FloatDistribution | IntDistribution], ...]:
        found = []
        for column, (name, _) in enumerate(self.columns):
            distribution = self.space[name]
            if not isinstance(distribution, CategoricalDistribution):
                n = distribution.n_values()
                if (isinstance(distribution, IntDistribution) and distribution.log) or (n and n <= _FINEST_GRID):
                    found.append((column, distribution))
        return tuple(found)

    @staticmethod
    @lru_cache(maxsize=64)
    def of(space: SearchSpace) -> UnitCoding:
        """The coding of `space`; the same whatever the order of the names."""
        columns, n_choices, scales, cell_width = [], [], [], []
        for name in sorted(space):
            distribution = space[name]
            if isinstance(distribution, CategoricalDistribution):
                axis = (-math.inf, math.inf, 1.0, 0.0, 1.0)
            else:
                axis = _axis(distribution)
            if not distribution.single() and axis[-1] > 0.0:
                columns.append((name, _scale(distribution)))
                n_choices.append(len(distribution.choices) if isinstance(distribution, CategoricalDistribution) else 0)
                scales.append(axis)
                categorical = isinstance(distribution, CategoricalDistribution)
                cell_width.append(0.0 if categorical else 1.0 / (distribution.n_values() or math.inf))
        low, high, factor, origin, width = np.array(scales, dtype=np.float64).reshape(-1, 5).T
        return UnitCoding(
            space=space,
            columns=tuple(columns),
            n_choices=np.array(n_choices, dtype=np.int64),
            low=low,
            high=high,
            factor=factor,
            origin=origin,
            width=width,
            cell_width=np.array(cell_width, dtype=np.float64),
        )

    def holds(self, low: Sequence[float], high: Sequence[float]) -> bool:
        """Whether all column values from `low` to `high`, ``(d,)``, are inside the ranges of the space."""
        return bool((self.low <= low).all() and (self.high >= high).all())

    def distances(self, functions: Iterable[tuple[str, Callable[[Choice, Choice], float]]]) -> Distances:
        """How far the choices of categorical columns are from each other, as shares of the largest distance.

        Args:
            functions: Pairs of a parameter's name and a distance of two of its choices, at least 0.

        Raises:
            InvalidArgument: a distance is negative or no finite number.
        """
        positions = {name: column for column, (name, _) in enumerate(self.columns)}
        found = {}
        for name, function in functions:
            distribution = self.space.get(name)
            if name in positions and isinstance(distribution, CategoricalDistribution):
                found[positions[name]] = _distance_shares(name, distribution, function)
        return found

    def fits(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which rows of column values, ``(n, d)``, are inside the ranges of the space; shape ``(n,)``."""
        inside: NDArray[np.bool_] = np.logical_and.reduce((values >= self.low) & (values <= self.high), axis=1)
        return inside

    def units(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Column values that fit, ``(n, d)``, as points: numbers in [0, 1], and indices of choices."""
        points: NDArray[np.float64] = (values * self.factor - self.origin) / self.width
        return np.clip(points, 0.0, self.top, out=points)

    def positions(self, params: Mapping[str, Any]) -> dict[int, float]:
        """Where values of the space are in the unit interval, or which choices they are, by column."""
        units, columns = np.zeros((1, len(self.columns))), []
        for column, (name, scale) in enumerate(self.columns):
            if name in params:
                value = column_value(scale, self.space[name], params[name])
                if value is not None:
                    units[0, column] = value
                    columns.append(column)
        place = self.units(units)[0].tolist() if columns else []
        return {column: place[column] for column in columns}

    def cells(self, points: NDArray[np.float64]) -> Cells:
        """The cells of coarse grids that points, ``(m, d)``, are in; logarithmic grids are coarse at their low end."""
        cells = {}
        for column, distribution in self.grids:
            unit = points[:, column]
            if isinstance(distribution, IntDistribution) and distribution.log:
                with np.errstate(over="ignore"):
                    value = np.rint(np.exp(self.origin[column] + unit * self.width[column]))
                ends = np.log(
                    np.clip(value, float(distribution.low), float(distribution.high)) + np.array([[-0.5], [0.5]])
                )
                lower, upper = (ends - self.origin[column]) / self.width[column]
                cells[column] = lower, upper
            else:
                n = distribution.n_values() or 1
                cell = np.minimum(np.floor(unit * n), n - 1)
                cells[column] = cell / n, (cell + 1) / n
        return cells

    def params(self, point: NDArray[np.float64]) -> dict[str, Any]:
        """The values that a point, ``(d,)``, stands for, by name, in any order."""
        numbers = dict(zip((name for name, _ in self.columns), point.tolist(), strict=True))
        values: dict[str, Any] = {}
        for name, distribution in self.space.items():
            if isinstance(distribution, CategoricalDistribution):
                values[name] = distribution.to_external(numbers.get(name, 0.0))
            else:
                values[name] = distribution.from_unit(numbers.get(name, 0.5))
        return values


def column_values(columns: Columns, trial: FrozenTrial) -> list[float] | None:
    """The trial's parameters on the scales of `columns`; None unless it has all of them and each has a number there."""
    values = []
    distributions, params = trial.distributions, trial.params
    for name, scale in columns:
        distribution = distributions.get(name)
        if distribution is None:
            return None
        value = column_value(scale, distribution, params[name])
        if value is None:
            return None
        values.append(value)
    return values


def column_value(scale: Scale, distribution: Distribution, value: Any) -> float | None:
    """A parameter's value on a scale; None where it has no number there."""
    if isinstance(scale, CategoricalDistribution):
        index = scale.member(value)
        return None if index is None else float(index)
    if isinstance(distribution, CategoricalDistribution) or not _in_reach(value, scale):
        return None
    return math.log(value) if scale == "log" else float(value)


def _in_reach(value: float, scale: Scale) -> bool:
    """Whether a number has a place on the scale: on a logarithmic one any above 0, else any that a float can hold."""
    return value > 0 if scale == "log" else abs(value) <= sys.float_info.max


def _scale(distribution: Distribution) -> Scale:
    if isinstance(distribution, CategoricalDistribution):
        return distribution
    return "log" if distribution.log else "linear"


@lru_cache(maxsize=64)
def _distance_shares(
    name: str, distribution: CategoricalDistribution, function: Callable[[Choice, Choice], float]
) -> NDArray[np.float64]:
    choices = distribution.choices
    table = np.array([[function(one, other) for other in choices] for one in choices], dtype=np.float64)
    if not (np.isfinite(table) & (table >= 0.0)).all():
        raise InvalidArgument(
            f"categorical_distance_func gives {name!r} finite distances from 0 on, got {table.tolist()!r} "
            f"for the choices {list(choices)!r}"
        )
    largest = table.max()
    return table / largest if largest > 0.0 else table


def _axis(distribution: FloatDistribution | IntDistribution) -> tuple[float, float, float, float, float]:
    """A numeric parameter's `low`, `high`, `factor`, `origin` and `width`; see `UnitCoding`."""
    if distribution.log:
        low, high = math.log(distribution.low), math.log(distribution.high)
        if isinstance(distribution, FloatDistribution):
            return low, high, 1.0, low, high - low
        origin = math.log(distribution.low - 0.5)
        return low, high, 1.0, origin, math.log(distribution.high + 0.5) - origin
    low, high, step = float(distribution.low), float(distribution.high), float(distribution.step or 0.0)
    factor = 1.0 if math.isfinite(high - low + step) and math.isfinite(low - step) else 0.25
    width = high * factor - low * factor + step * factor
    return low, high, factor, low * factor - 0.5 * (step * factor), width
