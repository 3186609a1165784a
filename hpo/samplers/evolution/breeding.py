"""Children of a population: who the parents are, and what a child has of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from hpo.core import Key, StudyState, StudyView
from hpo.samplers.evolution.population import Fold, Population
from hpo.samplers.nsgaii import (
    BaseCrossover,
    BaseMutation,
    LineCrossover,
    PolynomialMutation,
    PureMutation,
    ResetMutation,
    SBXCrossover,
    UniformCrossover,
)
from hpo.samplers.parts import UnitCube

_AT_ONCE = 64  # trials whose random numbers are drawn together: one at a time costs as much as the rest of a suggestion
_SCALARS, _ROWS = 16, 7  # random numbers of a child: single ones, and those for each column
_CROSS, _SWAPPED, _BACK, _WHICH, _MUTATED = slice(0, 3), 3, 4, 5, 6  # what the rows are for
_OPERATOR, _CROSSED, _MUTATION, _RENEWED, _TOURNAMENTS = range(5)  # and the single ones
_MIXED_CROSSOVERS = (SBXCrossover(eta=15.0), UniformCrossover(), LineCrossover())
_MIXED_MUTATIONS = (ResetMutation(), PolynomialMutation())  # far and near

Vector = NDArray[np.float64]


class BreedingOptions(Protocol):
    """The options of a sampler that its children depend on."""

    @property
    def crossover(self) -> BaseCrossover | None:
        """How parents are mixed; None for one of several ways, chosen at random for each child."""
        ...

    @property
    def mutation(self) -> BaseMutation | None:
        """How numbers are changed; None for a new draw in one half of the children, and a small step in the other."""
        ...

    @property
    def crossover_prob(self) -> float:
        """The probability that a child has several parents."""
        ...

    @property
    def mutation_prob(self) -> float | None:
        """The probability that a parameter is mutated; None for one over the number of parameters."""
        ...

    @property
    def swapping_prob(self) -> float:
        """The probability that a category is that of the last parent."""
        ...

    @property
    def tournament_size(self) -> int:
        """How many trials compete to be a parent."""
        ...


class Draws(NamedTuple):
    """The random numbers of a child.

    Attributes:
        scalars: Uniform numbers for single decisions.
        rows: Uniform numbers for each column, ``(7, d)``.
        mutated: The columns that are mutated.
    """

    scalars: Sequence[float]
    rows: Vector
    mutated: Sequence[int]


class Child(NamedTuple):
    """A child.

    Attributes:
        point: Where it is in the unit cube.
        parents: The numbers of its parents' trials.
    """

    point: list[float]
    parents: tuple[int, ...]


def draws_of(options: BreedingOptions, seed: int, number: int, columns: int) -> Draws:
    """Return the random numbers of a trial's first child."""
    block, place = divmod(number, _AT_ONCE)
    return _blocks(seed, block, columns, _mutation_prob(options, columns))[place]


def more_draws(options: BreedingOptions, key: Key, columns: int) -> Draws:
    """Return the random numbers of another child."""
    return _draws(key, 1, columns, _mutation_prob(options, columns))[0]


def _mutation_prob(options: BreedingOptions, columns: int) -> float:
    return 1.0 / columns if options.mutation_prob is None else options.mutation_prob


@lru_cache(maxsize=16)
def _blocks(seed: int, block: int, columns: int, mutation_prob: float) -> list[Draws]:
    """Return the random numbers of some trials in a row: a function of its arguments, so that a memo changes nothing."""
    return _draws(Key(seed, ("evolution", block)), _AT_ONCE, columns, mutation_prob)


def _draws(key: Key, count: int, columns: int, mutation_prob: float) -> list[Draws]:
    numbers = key.generator().random((count, _SCALARS + _ROWS * columns))
    numbers.flags.writeable = False
    rows = numbers[:, _SCALARS:].reshape(count, _ROWS, columns)
    mutated = [np.flatnonzero(one).tolist() for one in rows[:, _WHICH] < mutation_prob]
    return [*map(Draws, numbers[:, :_SCALARS].tolist(), rows, mutated)]


def bred(
    options: BreedingOptions, fold: Fold, population: Population, state: StudyState, key: Key, draws: Draws
) -> Child:
    """Return a child of the population.

    1. Parents win tournaments: of a few random trials the best one. All parents of a child are different.
    2. A parameter that one of them lacks is that of the other, so that a child has all of the branch that it takes. What none has comes
       from another trial that has it.
    3. The crossover mixes the numbers; of a category, one of the parents has it.
    4. A number outside of its range is put between the first parent and the end that it crossed.
    5. Some parameters are mutated, one on average; a category becomes another one. A child that was tried already gets one new value.

    Args:
        options: The options.
        fold: The fold that the population is from.
        population: The population, with at least one parent.
        state: The study, for crossovers and mutations that look at it.
        key: The random stream of the call, for crossovers and mutations with a generator.
        draws: The random numbers.
    """
    scalars, rows, cube = draws.scalars, draws.rows, fold.cube
    crossover = options.crossover
    if crossover is None:
        crossover = _MIXED_CROSSOVERS[int(scalars[_OPERATOR] * len(_MIXED_CROSSOVERS))]
    n_parents = crossover.n_parents
    crossed = scalars[_CROSSED] < options.crossover_prob and n_parents <= len(population.points)
    winners = _winners(options, population, n_parents if crossed else 1, scalars)
    parents = population.points[winners]
    if population.incomplete:
        parents = _completed(parents, population, draws)
    if not crossed:
        point: list[float] = parents[0].tolist()
    else:
        cross = getattr(crossover, "cross", None)
        child = cross(parents, rows[_CROSS]) if cross else _crossed_by_user(crossover, cube, parents, state, key)
        point = child.tolist()
        for column in fold.categories:
            point[column] = float(parents[-1 if rows[_SWAPPED, column] < options.swapping_prob else 0, column])
        if fold.categories or min(point) < 0.0 or max(point) > 1.0:
            _bring_back(cube, point, parents[0], rows[_BACK])
    _mutate(options, cube, point, state, key, draws)
    _snap(fold, point)
    if population.has(point):
        column = int(scalars[_RENEWED] * len(point))
        point[column] = _renewed(cube, column, point[column], float(rows[_MUTATED, column]))
        _snap(fold, point)
    return Child(point, tuple([population.numbers[winner] for winner in winners]))


def _snap(fold: Fold, point: list[float]) -> None:
    """Move numbers of grids to where the value is that a trial will have, in place."""
    for column in fold.grids:
        distribution = fold.cube.distributions[column]
        point[column] = distribution.to_unit(distribution.from_unit(point[column]))  # type: ignore[arg-type]


def _winners(options: BreedingOptions, population: Population, n_parents: int, scalars: Sequence[float]) -> list[int]:
    """Return the places of parents in the population, all different; the population is ordered from best to worst."""
    size, n, winners = options.tournament_size, len(population.points), list[int]()
    for taken in range(n_parents):
        start = _TOURNAMENTS + size * taken
        if start + size <= _SCALARS:
            least = min(scalars[start : start + size])
        else:  # the least of so many uniform numbers is distributed like this
            least = 1.0 - (1.0 - scalars[_TOURNAMENTS + taken]) ** (1.0 / size)
        place = int(least * (n - taken))
        for other in sorted(winners):  # the places that are left are counted without those of the other parents
            place += place >= other
        winners.append(place)
    return winners


def _completed(parents: Vector, population: Population, draws: Draws) -> Vector:
    """Return the points of parents without gaps: filled from each other, from other trials, and then by a draw."""
    gaps = np.isnan(parents)
    if not gaps.any():
        return parents
    filled = parents.copy()
    start = int(min(draws.scalars[-2:]) * len(population.points))
    donors = np.concatenate((parents, population.points[start:], population.points[:start]))
    for column in np.flatnonzero(gaps.any(axis=0)).tolist():
        known = donors[:, column][~np.isnan(donors[:, column])]
        filled[gaps[:, column], column] = known[0] if len(known) else draws.rows[_BACK, column]
    return filled


def _bring_back(cube: UnitCube, point: list[float], first: Vector, uniforms: Vector) -> None:
    """Put numbers outside of [0, 1] between the first parent's and the end of the range, in place."""
    for column, number in enumerate(point):
        if not cube.n_choices[column] and not 0.0 <= number <= 1.0:
            end = 1.0 if number > 1.0 else 0.0  # NaN, which a crossover of a user's may return, counts as too small
            point[column] = end + (float(first[column]) - end) * float(uniforms[column])


def _mutate(
    options: BreedingOptions, cube: UnitCube, point: list[float], state: StudyState, key: Key, draws: Draws
) -> None:
    """Mutate some columns of a point, in place."""
    if not draws.mutated:
        return
    uniforms = draws.rows[_MUTATED]
    mutation = options.mutation
    if mutation is None:
        mutation = _MIXED_MUTATIONS[int(draws.scalars[_MUTATION] * len(_MIXED_MUTATIONS))]
    for column in draws.mutated:
        value, uniform = point[column], float(uniforms[column])
        if cube.n_choices[column]:
            point[column] = _renewed(cube, column, value, uniform)
        elif isinstance(mutation, PureMutation):
            point[column] = _in_other_cell(cube, column, value, mutation.mutate(value, uniform), uniform)
        else:
            point[column] = _mutated_by_user(mutation, cube, column, value, state, key)


def _renewed(cube: UnitCube, column: int, value: float, uniform: float) -> float:
    """Return another choice of a category, all with the same probability, or a new number."""
    n = int(cube.n_choices[column])
    if not n:
        return _in_other_cell(cube, column, value, uniform, uniform)
    other = int(uniform * (n - 1))
    return float(other + (other >= value))


def _in_other_cell(cube: UnitCube, column: int, value: float, mutated: float, uniform: float) -> float:
    """Return `mutated`, or a number in the next cell of a grid if it is in the cell of `value`."""
    width = float(cube.cell_width[column])
    if width == 0.0 or cube.columns[column][1] == "log" or int(value / width) != int(mutated / width):
        return mutated
    step = -width if uniform < 0.5 else width
    return value + step if 0.0 <= value + step <= 1.0 else value - step


def _crossed_by_user(crossover: BaseCrossover, cube: UnitCube, parents: Vector, state: StudyState, key: Key) -> Vector:
    """Return the child of a crossover that has a generator and works on values."""
    numeric = cube.n_choices == 0
    child: Vector = parents[0].copy()
    if numeric.any():
        low, width = cube.origin[numeric], cube.width[numeric]
        bounds = np.stack((low, low + width), axis=1)
        crossed = crossover.crossover(
            low + parents[:, numeric] * width, _generator(key, "cross"), StudyView(state), bounds
        )
        child[numeric] = (np.asarray(crossed, dtype=np.float64) - low) / width
    return child


def _mutated_by_user(
    mutation: BaseMutation, cube: UnitCube, column: int, value: float, state: StudyState, key: Key
) -> float:
    low, width = float(cube.origin[column]), float(cube.width[column])
    random = _generator(key, f"mutate {column}")
    mutated = mutation.mutation(low + value * width, random, StudyView(state), np.array([low, low + width]))
    return min(max((float(mutated) - low) / width, 0.0), 1.0)


def _generator(key: Key, purpose: str) -> np.random.RandomState:
    """Return a generator of the kind that Optuna passes to crossovers, with the numbers of a stream."""
    return np.random.RandomState(key.child(purpose).generator().bit_generator)
