"""The draws of CMA-ES: how one becomes values, and how a finished trial leads back to the one it is from."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from hpo.core import CategoricalDistribution, Distribution, FloatDistribution, FrozenTrial, IntDistribution, SearchSpace
from hpo.numerics.cma_es import Cells
from hpo.samplers.parts import UnitCube, coarse_grid_size

_DIGITS = 6  # of a draw in a discrete column: a thousandth of the finest cell


@attrs.frozen
class DrawCoding:
    """How draws, which may lie outside of the unit cube, become values of the numeric parameters.

    Parameters with one value only, and categorical ones, have no column. Two codings are equal if their cubes are.

    Attributes:
        cube: The numeric parameters as the unit cube; `n` columns.
        discrete: The columns of parameters with at most a thousand values.
        continuous: The other columns, ``(k,)``; all columns if there are no other ones.
        cells: The discrete columns with the borders between their values; None without any.
        digest: A short name for the columns, by which the notes of trials say which coding they were drawn with.
    """

    cube: UnitCube
    discrete: tuple[int, ...] = attrs.field(eq=False)
    continuous: NDArray[np.intp] = attrs.field(eq=False)
    cells: Cells | None = attrs.field(eq=False)
    digest: str = attrs.field(eq=False)

    @classmethod
    def of(cls, space: SearchSpace) -> DrawCoding:
        """Return the coding of the numeric parameters of `space`; the order of its names does not matter."""
        numeric = {
            name: _told_apart(distribution)
            for name in sorted(space)
            if not isinstance(distribution := space[name], CategoricalDistribution) and not distribution.single()
        }
        cube = UnitCube.of(SearchSpace(numeric))
        borders = {column: _borders(distribution) for column, distribution in enumerate(cube.distributions)}
        discrete = {column: ends for column, ends in borders.items() if ends is not None}
        continuous = [column for column in borders if column not in discrete] or [*borders]
        # names only: trials of a range that has changed since still belong to the run
        text = repr(cube.names).encode("utf-8", "backslashreplace")
        return cls(
            cube=cube,
            discrete=tuple(discrete),
            continuous=np.array(continuous, dtype=np.intp),
            cells=Cells(np.array([*discrete], dtype=np.intp), tuple(discrete.values())) if discrete else None,
            digest=hashlib.blake2b(text, digest_size=4).hexdigest(),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return self.cube.names

    def params(self, draw: NDArray[np.float64]) -> tuple[dict[str, Any], dict[str, float]]:
        """Return the values at a draw, ``(n,)``, and its offsets: the numbers that the values do not determine.

        A number outside of [0, 1] is reflected at the nearer end, as if the objective went on as its mirror image; in a
        discrete column it belongs to the value at that end.

        Example:
            >>> from hpo.core import FloatDistribution
            >>> DrawCoding.of(SearchSpace({"x": FloatDistribution(0.0, 2.0)})).params(np.array([-0.25]))
            ({'x': 0.5}, {'x': -0.25})
        """
        units = draw.tolist()
        offsets = {}
        # where in its cell a draw was can't be told from the value: rounded, since notes are written to the journal
        for column in self.discrete:
            number = offsets[self.names[column]] = round(units[column], _DIGITS)
            units[column] = _within(number)
        if min(units) < 0.0 or max(units) > 1.0:  # the usual draw is inside, and needs no second loop
            for column, unit in enumerate(units):
                if not 0.0 <= unit <= 1.0:
                    offsets[self.names[column]] = unit
                    units[column] = _reflected(unit)
        return self.cube.params(units), offsets

    def point(self, trial: FrozenTrial) -> list[float] | None:
        """Return the draw that a trial is from, or where its values are; None if it lacks a column or left a range.

        The offsets in the note take the place of values: learning from the reflected or rounded ones would shrink the
        distribution where an optimum is at the end of a range, or in a cell.
        """
        point = self.cube.point(trial)
        if point is None:
            return None
        offsets = trial.note.get("draw")
        if isinstance(offsets, dict):
            for column, name in enumerate(self.names):
                draw = offsets.get(name)
                if isinstance(draw, float) and self._stands_for(draw, column, trial.params[name]):
                    point[column] = draw
        return point

    def _stands_for(self, draw: float, column: int, value: float) -> bool:
        """Return whether a number in a note is a draw of this value in the range of today: it may have changed."""
        if not math.isfinite(draw):
            return False
        unit = _within(draw) if column in self.discrete else _reflected(draw)
        return bool(self.cube.distributions[column].from_unit(unit) == value)


def _told_apart(distribution: FloatDistribution | IntDistribution) -> FloatDistribution | IntDistribution:
    """Return the linear range instead of a logarithmic one of ints so large that their logarithms are the same float.

    The cube has no column for the logarithmic one, while `IntDistribution.from_unit` counts both in the same way.
    """
    if not isinstance(distribution, IntDistribution) or not distribution.log:
        return distribution
    if math.log(distribution.low - 0.5) < math.log(distribution.high + 0.5):
        return distribution
    return IntDistribution(distribution.low, distribution.high)


def _within(unit: float) -> float:
    return min(max(unit, 0.0), 1.0)


def _reflected(unit: float) -> float:
    # a mirror at every whole number: the period is 2, and its second half runs backwards
    folded = unit % 2.0
    return folded if folded <= 1.0 else 2.0 - folded


def _borders(distribution: Distribution) -> NDArray[np.float64] | None:
    """Return where one value becomes the next in the unit interval; None for continuous parameters."""
    n = coarse_grid_size(distribution)
    if n is None:
        return None
    if isinstance(distribution, IntDistribution) and distribution.log:
        # a value owns the logarithms from half below to half above it
        ends = np.log(np.arange(n + 1) + (distribution.low - 0.5))
        if ends[0] < ends[-1]:  # else its values have equal shares, as in `from_unit`
            borders: NDArray[np.float64] = (ends[1:-1] - ends[0]) / (ends[-1] - ends[0])
            return borders
    return np.arange(1, n) / n
