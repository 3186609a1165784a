"""A search space as the unit cube: the one coding of parameters that model-based samplers share.

A *point* has one number per column: where a numeric parameter is in its range, from 0 to 1, and the index of the choice
of a categorical one. A model reads points, or `UnitCube.features` of them, and answers with a point:

    trial -> column values (`columns.column_values`, kept by folds) -> `fits`, `units` -> points -> model
    model -> point -> `params` -> suggestion

Notation: `n` points, `d` columns.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal, TypeAlias

import attrs
import numpy as np
from numpy.typing import NDArray

from hpo.core import (
    CategoricalDistribution,
    Distribution,
    FloatDistribution,
    FrozenTrial,
    SearchSpace,
)
from hpo.samplers.parts.observations import Columns, column_value, scale_of

FINEST_GRID = 1000
"""A parameter of more values than this is modelled as if it were continuous."""

Categories: TypeAlias = Literal["index", "one-hot", "ordinal"]
"""How `UnitCube.features` writes a choice: as its index, as one column per choice, or as a number in [0, 1]."""


@attrs.frozen
class UnitCube:
    """How the parameters of a space become points, and how points become parameters again.

    A parameter with one value only has no column. On a grid (a step, or whole numbers) every value owns a cell of the
    unit interval that reaches half a step to either side, so that the outermost values own as much as the others.

    Two cubes are equal if their spaces are. Make them with `of`, which keeps the most recently used ones.

    Attributes:
        space: What is coded.
        columns: Names and scales, sorted by name; `d` in all.
        names: The names of the columns.
        distributions: The distributions of the columns.
        n_choices: The number of choices of each column, ``(d,)``; 0 for numeric ones.
        low: The smallest value that fits, on the column's scale, ``(d,)``; minus infinity for categorical columns.
        high: The largest value that fits, ``(d,)``.
        factor: What values are multiplied by before anything else, ``(d,)``: less than 1 if the difference of `high`
            and `low` would overflow.
        origin: The value, times `factor`, that is at 0 in the unit interval, ``(d,)``.
        width: The length of the unit interval on the same scale, ``(d,)``.
        cell_width: The average share of the unit interval that a value of a grid owns, ``(d,)``; 0 without a grid.
        top: The end of each column, ``(d,)``: 1, or the index of the last choice.
    """

    space: SearchSpace
    columns: Columns = attrs.field(eq=False)
    names: tuple[str, ...] = attrs.field(eq=False)
    distributions: tuple[Distribution, ...] = attrs.field(eq=False)
    n_choices: NDArray[np.int64] = attrs.field(eq=False)
    low: NDArray[np.float64] = attrs.field(eq=False)
    high: NDArray[np.float64] = attrs.field(eq=False)
    factor: NDArray[np.float64] = attrs.field(eq=False)
    origin: NDArray[np.float64] = attrs.field(eq=False)
    width: NDArray[np.float64] = attrs.field(eq=False)
    cell_width: NDArray[np.float64] = attrs.field(eq=False)
    top: NDArray[np.float64] = attrs.field(eq=False, init=False)
    _decoders: tuple[tuple[str, int, Callable[[float], Any], float], ...] = attrs.field(eq=False, init=False)
    _plain_widths: tuple[float, ...] = attrs.field(eq=False, init=False)

    @top.default
    def _ends(self) -> NDArray[np.float64]:
        ends: NDArray[np.float64] = np.maximum(self.n_choices - 1.0, 1.0)
        return ends

    @_decoders.default
    def _decoder_of_each_parameter(self) -> tuple[tuple[str, int, Callable[[float], Any], float], ...]:
        """The name, column, decoding function and default position of each parameter, in the order of the space."""
        column = {name: index for index, name in enumerate(self.names)}
        return tuple(
            (name, column.get(name, -1), distribution.to_external, 0.0)
            if isinstance(distribution, CategoricalDistribution)
            else (name, column.get(name, -1), distribution.from_unit, 0.5)
            for name, distribution in self.space.items()
        )

    @_plain_widths.default
    def _widths_of_plain_ranges(self) -> tuple[float, ...]:
        """The widths of linear ranges of floats, for which `point` needs no call; 0 for all other columns."""
        return tuple(map(_plain_width, self.distributions))

    @staticmethod
    @lru_cache(maxsize=64)
    def of(space: SearchSpace) -> UnitCube:
        """Return the cube of `space`; its columns do not depend on the order of the names."""
        found: dict[str, Distribution] = {}
        axes, n_choices, cell_widths = [], [], []
        for name in sorted(space):
            distribution = space[name]
            categorical = isinstance(distribution, CategoricalDistribution)
            axis = _axis(distribution)
            # the logarithms of a range that is narrow and far from 1 may be the same float: there is nothing to model
            if not distribution.single() and axis[-1] > 0.0:
                found[name] = distribution
                axes.append(axis)
                n_choices.append((distribution.n_values() or 0) if categorical else 0)
                cell_widths.append(0.0 if categorical else 1.0 / (distribution.n_values() or math.inf))
        # reshaped for the sake of a space without columns
        low, high, factor, origin, width = np.array(axes, dtype=np.float64).reshape(-1, 5).T
        return UnitCube(
            space=space,
            columns=tuple((name, scale_of(distribution)) for name, distribution in found.items()),
            names=tuple(found),
            distributions=tuple(found.values()),
            n_choices=np.array(n_choices, dtype=np.int64),
            low=low,
            high=high,
            factor=factor,
            origin=origin,
            width=width,
            cell_width=np.array(cell_widths, dtype=np.float64),
        )

    def covers(self, low: Sequence[float], high: Sequence[float]) -> bool:
        """Return whether all column values from `low` to `high`, ``(d,)``, are inside the ranges of the space."""
        return bool((self.low <= low).all() and (self.high >= high).all())

    def fits(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which rows of column values, ``(n, d)``, are inside the ranges of the space: bools, ``(n,)``.

        A missing parameter, which is NaN, is inside.
        """
        # asked like this and not the other way round, since all comparisons with NaN are false
        outside: NDArray[np.bool_] = np.logical_or.reduce((values < self.low) | (values > self.high), axis=1)
        return ~outside

    def units(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the points, ``(n, d)``, of column values that fit, ``(n, d)``; what is missing stays NaN."""
        points: NDArray[np.float64] = (values * self.factor - self.origin) / self.width
        # rounding may lead out of the unit interval by a hair
        return np.clip(points, 0.0, self.top, out=points)

    def positions(self, params: Mapping[str, Any]) -> dict[int, float]:
        """Return the positions of those of `params` that have columns, by column; see `units`."""
        # by `units`, and not by `to_unit`, so that known values are where the rows of a fold have them, to the last digit
        values, columns = np.zeros((1, len(self.columns))), []
        for column, (name, scale) in enumerate(self.columns):
            if name in params:
                value = column_value(scale, self.space[name], params[name])
                if value is not None:
                    values[0, column] = value
                    columns.append(column)
        point = self.units(values)[0].tolist() if columns else []
        return {column: point[column] for column in columns}

    def point(self, trial: FrozenTrial) -> list[float] | None:
        """Return the point of one trial, or None if it lacks a column or has a value outside of its range.

        The same as `column_values`, `fits` and `units` up to rounding, but a tenth of their cost for one trial: for
        folds that need no other form. Its numbers are those of `to_unit`.
        """
        params, theirs = trial.params, trial.distributions.mapping
        point: list[float] = []
        for name, distribution, width in zip(self.names, self.distributions, self._plain_widths, strict=True):
            known = theirs.get(name)
            if width and known is distribution:  # the usual case: a float on a linear scale
                value = params[name]
                if not distribution.low <= value <= distribution.high:  # type: ignore[union-attr]
                    return None
                point.append((value - distribution.low) / width)  # type: ignore[union-attr]
                continue
            if known is not distribution and (
                known is None
                # a choice may happen to be a number, but it is not a point of a range
                or (
                    isinstance(known, CategoricalDistribution) and not isinstance(distribution, CategoricalDistribution)
                )
            ):
                return None
            value = params[name]
            if isinstance(distribution, CategoricalDistribution):
                index = distribution.member(value)
                if index is None:
                    return None
                point.append(float(index))
            elif not distribution.low <= value <= distribution.high:
                return None
            else:
                point.append((value - distribution.low) / width if width else distribution.to_unit(value))
        return point

    def params(self, point: Sequence[float]) -> dict[str, Any]:
        """Return the values of all parameters of the space at a point, ``(d,)``, in the order of the space."""
        return {name: decode(point[c] if c >= 0 else default) for name, c, decode, default in self._decoders}

    def features(self, points: NDArray[np.float64], categories: Categories) -> NDArray[np.float64]:
        """Return points, ``(n, d)``, as numbers for a model that knows no choices, ``(n, f)``; NaN stays NaN.

        Args:
            points: The points.
            categories: "index" keeps the points as they are (``f = d``), which suits trees that know which columns are
                categorical. "ordinal" spreads the indices over [0, 1] (``f = d``), for choices that have an order.
                "one-hot" gives every choice a column of its own that is 0 or 1, in the place of the parameter's.

        Example:
            >>> space = SearchSpace({"c": CategoricalDistribution(["a", "b", "c"]), "x": FloatDistribution(0.0, 2.0)})
            >>> cube, points = UnitCube.of(space), np.array([[1.0, 0.25]])
            >>> cube.features(points, "one-hot").tolist(), cube.features(points, "ordinal").tolist()
            ([[0.0, 1.0, 0.0, 0.25]], [[0.5, 0.25]])
        """
        if categories == "index":
            return points
        if categories == "ordinal":
            return points / self.top
        blocks = []
        for column, n_choices in enumerate(self.n_choices.tolist()):
            values = points[:, column, None]
            if n_choices:
                # NaN equals no index: it would read as "none of the choices", which is something else than missing
                chosen = (values == np.arange(n_choices)).astype(np.float64)
                blocks.append(np.where(np.isnan(values), np.nan, chosen))
            else:
                blocks.append(values)
        return np.concatenate(blocks, axis=1) if blocks else points

    def points(self, features: NDArray[np.float64], categories: Categories) -> NDArray[np.float64]:
        """Return the points, ``(n, d)``, nearest to features, ``(n, f)``: the inverse of `features`.

        With "one-hot" the choice with the largest number counts, the first one among equals, so that any vector of a
        relaxed optimization stands for a choice; with "index" and "ordinal" the nearest choice does.
        """
        if categories == "one-hot":
            blocks, first = [], 0
            for n_choices in self.n_choices.tolist():
                block = features[:, first : first + max(n_choices, 1)]
                blocks.append(block.argmax(axis=1).astype(np.float64) if n_choices else block[:, 0])
                first += max(n_choices, 1)
            points = np.stack(blocks, axis=1) if blocks else features
        else:
            points = features * self.top if categories == "ordinal" else np.array(features)
            categorical = self.n_choices > 0
            # an index in between stands for the nearer choice
            points[:, categorical] = np.rint(points[:, categorical])
        clipped: NDArray[np.float64] = np.clip(points, 0.0, self.top)
        return clipped


def coarse_grid_size(distribution: Distribution) -> int | None:
    """Return how many values a numeric parameter has, or None if it is continuous or as good as that."""
    n = None if isinstance(distribution, CategoricalDistribution) else distribution.n_values()
    return n if n is not None and n <= FINEST_GRID else None


def _axis(distribution: Distribution) -> tuple[float, float, float, float, float]:
    """Return `low`, `high`, `factor`, `origin` and `width` of a parameter, as `UnitCube` describes them."""
    if isinstance(distribution, CategoricalDistribution):
        return -math.inf, math.inf, 1.0, 0.0, 1.0  # its column holds indices of choices, which are points already
    if distribution.log:
        low, high = math.log(distribution.low), math.log(distribution.high)
        if isinstance(distribution, FloatDistribution):
            return low, high, 1.0, low, high - low
        # a whole number owns the logarithms from half below to half above it, as in `IntDistribution.from_unit`
        origin = math.log(distribution.low - 0.5)
        return low, high, 1.0, origin, math.log(distribution.high + 0.5) - origin
    low, high, step = float(distribution.low), float(distribution.high), float(distribution.step or 0.0)
    # a quarter keeps the width of the widest range finite; powers of two cost no digits
    factor = 1.0 if math.isfinite(high - low + step) and math.isfinite(low - step) else 0.25
    width = high * factor - low * factor + step * factor
    return low, high, factor, low * factor - 0.5 * (step * factor), width


def _plain_width(distribution: Distribution) -> float:
    if not isinstance(distribution, FloatDistribution) or distribution.log or distribution.step is not None:
        return 0.0
    width = distribution.high - distribution.low
    return width if math.isfinite(width) else 0.0
