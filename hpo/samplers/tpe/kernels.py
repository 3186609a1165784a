"""Properties of a space for the kernels of TPE: the cells of coarse grids, and distances between choices."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hpo.core import CategoricalDistribution, Choice, FloatDistribution, IntDistribution
from hpo.errors import InvalidArgument
from hpo.numerics.parzen import Cells, Distances
from hpo.samplers.parts import UnitCube, coarse_grid_size

DistanceFunctions: TypeAlias = tuple[tuple[str, Callable[[Choice, Choice], float]], ...]
"""Pairs of a parameter's name and a distance of two of its choices, at least 0; sorted by name."""


def cells_at(cube: UnitCube, points: NDArray[np.float64]) -> Cells:
    """Return the cells of coarse grids that points, ``(m, d)``, are in.

    A kernel's density is integrated over a cell, because all of its points stand for one value: at the centres alone
    it would depend on how many values the grid has.
    """
    cells = {}
    for column, distribution in _grids(cube):
        unit = points[:, column]
        if cube.columns[column][1] == "log":
            # on the logarithmic scale the cell of a whole number reaches from half below to half above it
            with np.errstate(over="ignore"):
                value = np.rint(np.exp(cube.origin[column] + unit * cube.width[column]))
            ends = np.log(np.clip(value, float(distribution.low), float(distribution.high)) + np.array([[-0.5], [0.5]]))
            lower, upper = (ends - cube.origin[column]) / cube.width[column]
            cells[column] = lower, upper
        else:
            n = distribution.n_values() or 1
            cell = np.minimum(np.floor(unit * n), n - 1)  # the point 1 belongs to the last cell
            cells[column] = cell / n, (cell + 1) / n
    return cells


@lru_cache(maxsize=64)
def _grids(cube: UnitCube) -> tuple[tuple[int, FloatDistribution | IntDistribution], ...]:
    """Return the columns of grids that are modelled by their cells, with their distributions.

    A logarithmic range of whole numbers is coarse at its low end, however many values it has.
    """
    return tuple(
        (column, distribution)
        for column, (distribution, (_, scale)) in enumerate(zip(cube.distributions, cube.columns, strict=True))
        if not isinstance(distribution, CategoricalDistribution)
        and (coarse_grid_size(distribution) or (isinstance(distribution, IntDistribution) and scale == "log"))
    )


def distances_between_choices(cube: UnitCube, functions: DistanceFunctions) -> Distances:
    """Return how far the choices of categorical columns are from each other, as shares of the largest distance.

    Raises:
        InvalidArgument: a function returned a distance that is negative or not finite.
    """
    found = {}
    for name, function in functions:
        if name in cube.names:  # a space may lack the parameter: the model of another branch, say
            column = cube.names.index(name)
            distribution = cube.distributions[column]
            if isinstance(distribution, CategoricalDistribution):
                found[column] = _distance_shares(name, distribution, function)
    return found


@lru_cache(maxsize=64)
def _distance_shares(
    name: str, distribution: CategoricalDistribution, function: Callable[[Choice, Choice], float]
) -> NDArray[np.float64]:
    choices = distribution.choices
    table = np.array([[function(one, other) for other in choices] for one in choices], dtype=np.float64)
    if not (np.isfinite(table) & (table >= 0.0)).all():
        raise InvalidArgument(
            f"categorical_distance_func must return finite distances of at least 0 for {name!r}; for the choices "
            f"{list(choices)!r} it returned {table.tolist()!r}"
        )
    largest = table.max()
    return table / largest if largest > 0.0 else table
