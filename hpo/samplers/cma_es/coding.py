"""The numeric part of a search space as the unit cube, and finished trials as points in it."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from hpo.core import CategoricalDistribution, Distribution, FloatDistribution, FrozenTrial, IntDistribution, SearchSpace
from hpo.numerics.cma_es.margin import Cells

_FINEST_GRID = 1000  # a grid of more values is as good as a continuum
_DIGITS = 6  # of a draw in a discrete column: a thousandth of the finest cell

_Numeric = FloatDistribution | IntDistribution


@attrs.frozen
class CubeCoding:
    """How parameters become points of the unit cube, and how points become parameters.

    A parameter with one value only has no column, and neither has a categorical one. Two codings are equal when their
    columns are.

    Attributes:
        columns: Names and distributions, sorted by name; `n` in all.
        names: The names of `columns`, in order.
        distributions: The distributions of `columns`, in order.
        widths: For plain linear ranges their width, for others 0: a short cut past `to_unit`.
        discrete: The columns with at most a thousand values.
        continuous: The other columns, ``(k,)``; all where there are no other ones.
        cells: The discrete ones, with the borders between values; None where there are none.
        digest: Stands for the names of the columns in the notes of trials.
    """

    columns: SearchSpace
    names: tuple[str, ...] = attrs.field(eq=False)
    distributions: tuple[_Numeric, ...] = attrs.field(eq=False)
    widths: tuple[float, ...] = attrs.field(eq=False)
    discrete: tuple[int, ...] = attrs.field(eq=False)
    continuous: NDArray[np.intp] = attrs.field(eq=False)
    cells: Cells | None = attrs.field(eq=False)
    digest: str = attrs.field(eq=False)

    @classmethod
    def of(cls, space: SearchSpace) -> CubeCoding:
        """The coding of `space`, whatever the order of its names."""
        found = {
            name: distribution
            for name in sorted(space)
            if not isinstance(distribution := space[name], CategoricalDistribution) and not distribution.single()
        }
        distributions = tuple(found.values())
        borders = {column: _borders(distribution) for column, distribution in enumerate(distributions)}
        discrete = {column: ends for column, ends in borders.items() if ends is not None}
        continuous = [column for column in range(len(found)) if column not in discrete] or range(len(found))
        text = repr(tuple(found)).encode("utf-8", "backslashreplace")
        return cls(
            columns=SearchSpace(found),
            names=tuple(found),
            distributions=distributions,
            widths=tuple(map(_plain_width, distributions)),
            discrete=tuple(discrete),
            continuous=np.array(continuous, dtype=np.intp),
            cells=Cells(np.array([*discrete], dtype=np.intp), tuple(discrete.values())) if discrete else None,
            digest=hashlib.blake2b(text, digest_size=4).hexdigest(),
        )

    def params(self, draw: NDArray[np.float64]) -> tuple[dict[str, Any], dict[str, float]]:
        """The values of all columns at a draw, ``(n,)``; and by name what of the draw the values don't tell.

        A number outside of [0, 1] is reflected at the nearer end, as if the objective went on as its mirror image; in a
        discrete column it belongs to the value at that end.
        """
        units = draw.tolist()
        untold = {}
        for column in self.discrete:
            number = untold[self.names[column]] = round(units[column], _DIGITS)
            units[column] = _within(number)
        if min(units) < 0.0 or max(units) > 1.0:
            for column, unit in enumerate(units):
                if not 0.0 <= unit <= 1.0:
                    untold[self.names[column]] = unit
                    units[column] = _reflected(unit)
        values = {
            name: distribution.from_unit(unit)
            for name, distribution, unit in zip(self.names, self.distributions, units, strict=True)
        }
        return values, untold

    def point(self, trial: FrozenTrial) -> list[float] | None:
        """The draw that the trial is from, or where its values are; None if it lacks a column or left a range."""
        params, theirs = trial.params, trial.distributions.mapping
        point: list[float] = []
        for name, distribution, width in zip(self.names, self.distributions, self.widths, strict=True):
            known = theirs.get(name)
            if known is not distribution and (known is None or isinstance(known, CategoricalDistribution)):
                return None
            value = params[name]
            if not distribution.low <= value <= distribution.high:
                return None
            point.append((value - distribution.low) / width if width else distribution.to_unit(value))
        untold = trial.note.get("draw")
        if isinstance(untold, dict):
            for column, name in enumerate(self.names):
                draw = untold.get(name)
                if isinstance(draw, float) and self._stands_for(draw, column, params[name]):
                    point[column] = draw
        return point

    def _stands_for(self, draw: float, column: int, value: float) -> bool:
        """Whether a number out of a note is a draw with this value, in ranges as they are now."""
        if not math.isfinite(draw):
            return False
        unit = _within(draw) if column in self.discrete else _reflected(draw)
        return self.distributions[column].from_unit(unit) == value


def _plain_width(distribution: _Numeric) -> float:
    if isinstance(distribution, IntDistribution) or distribution.log or distribution.step is not None:
        return 0.0
    width = distribution.high - distribution.low
    return width if math.isfinite(width) else 0.0


def _within(unit: float) -> float:
    return min(max(unit, 0.0), 1.0)


def _reflected(unit: float) -> float:
    folded = unit % 2.0
    return folded if folded <= 1.0 else 2.0 - folded


def _borders(distribution: Distribution) -> NDArray[np.float64] | None:
    """Where one value becomes the next in the unit interval; None for a continuum, or what comes close to it."""
    n = distribution.n_values()
    if n is None or n > _FINEST_GRID:
        return None
    if isinstance(distribution, IntDistribution) and distribution.log:
        ends = np.log(np.arange(n + 1) + (distribution.low - 0.5))
        if ends[0] < ends[-1]:  # else its values have equal shares, as in `from_unit`
            borders: NDArray[np.float64] = (ends[1:-1] - ends[0]) / (ends[-1] - ends[0])
            return borders
    return np.arange(1, n) / n
