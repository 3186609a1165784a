"""The population: which of the finished trials are parents of the next ones, as a fold."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable
from typing import TypeAlias

import attrs
import numpy as np
from immutables import Map
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from hpo.core import FrozenTrial, SearchSpace, TrialState, losses, violation
from hpo.samplers.parts import UnitCube, column_values, is_learnable, standing

Survival: TypeAlias = Callable[[NDArray[np.float64], int], NDArray[np.intp]]
"""Returns the indices of the best points, best first, of losses ``(n, m)`` and the number that survive."""

_FEWEST = 10  # parents of a population that grows
_TRIALS_PER_PARENT = 12  # it is small at first, which finds good trials fast, and large later, which covers a front
_SHARE_AT_ONCE, _LEAST_AT_ONCE = 4, 6  # a quarter of a population, and at least six trials, are ranked at a time

_NOTHING: Map[bytes, bool] = Map()
_DIGITS = 9  # of points that count as the same: values become points and back with rounding


class Individual(Struct, frozen=True):
    """A finished trial as a member of the population.

    Attributes:
        number: The trial's number.
        point: Where it is in the unit cube; NaN for parameters that it lacks.
        losses: Its losses, minimized; None if it is not complete and feasible.
        violations: The constraint values above 0, by name.
        last_resort: Orders those that are not complete and feasible, less is better, once violations are equal.
    """

    number: int
    point: list[float]
    losses: list[float] | None
    violations: dict[str, float]
    last_resort: tuple[float, ...]


class Population(Struct, frozen=True):
    """The result of `Fold`: the parents, best first, and the trials that wait to be ranked.

    Attributes:
        n_learnable: The number of complete and pruned trials, with or without the columns.
        n_members: The number of those that were members of the population at some time.
        points: The points of the parents, ``(k, d)``.
        numbers: Their trials' numbers.
        losses: The losses of the first of them, which are complete and feasible, ``(g, m)``.
        others: The others, which come after those.
        waiting: Trials that are ranked with the next ones.
        largest: The largest violation of each constraint so far, by name.
        incomplete: Whether some point lacks a parameter.
        tried: The points of all members that there were.
    """

    n_learnable: int
    n_members: int
    points: NDArray[np.float64]
    numbers: tuple[int, ...]
    losses: NDArray[np.float64]
    others: tuple[Individual, ...] = ()
    waiting: tuple[Individual, ...] = ()
    largest: dict[str, float] = {}
    incomplete: bool = False
    tried: Map[bytes, bool] = _NOTHING

    def has(self, point: list[float]) -> bool:
        """Return whether some trial was at a point; of trials that lack parameters, only those that are parents or wait are known."""
        if _place(point) in self.tried:
            return True
        if not self.incomplete:
            return False
        known = np.array([*self.points.tolist(), *[one.point for one in self.waiting]]).round(_DIGITS)
        # the objective drops what another one of the same branch does not have
        return bool(((known == np.round(point, _DIGITS)) | np.isnan(known)).all(axis=1).any())


@attrs.frozen(cache_hash=True)
class Fold:
    """Fold: the best of the finished trials, from which children are bred.

    There are no generations: the trials that were told last are ranked with the population as soon as they are a quarter of it. With `generational`
    they are ranked once they are as many as the population.

    Complete trials that violate no constraint are ordered by `survival`. The others follow, by their violation in all, each constraint in units of
    the largest violation that was seen; then complete ones before pruned ones, and these by how far they came.

    O(columns) per trial, and a `survival` of at most twice the population at every quarter of it.

    Args:
        cube: The columns. Trials that have a value outside of its range are left out.
        directions: The directions of the study.
        survival: Which trials stay.
        size: The largest number of parents.
        first: How many members there must be before the first child.
        generational: Whether trials are ranked once there are `size` new ones, and the population never grows.

    Attributes:
        categories: The columns of categorical parameters.
        grids: The columns of numeric parameters with finitely many values.
    """

    cube: UnitCube
    directions: tuple[str, ...]
    survival: Survival
    size: int
    first: int
    generational: bool
    # the numbers below follow from the cube
    categories: tuple[int, ...] = attrs.field(init=False, eq=False, repr=False)
    grids: tuple[int, ...] = attrs.field(init=False, eq=False, repr=False)

    @categories.default
    def _categorical_columns(self) -> tuple[int, ...]:
        return tuple(self.cube.n_choices.nonzero()[0].tolist())

    @grids.default
    def _columns_with_finitely_many_numbers(self) -> tuple[int, ...]:
        return tuple(self.cube.cell_width.nonzero()[0].tolist())

    def init(self) -> Population:
        """Return the population of no trials."""
        d, m = len(self.cube.columns), len(self.directions)
        return Population(0, 0, np.empty((0, d)), (), np.empty((0, m)))

    def step(self, carry: Population, trial: FrozenTrial) -> Population:
        """Return the population after one more finished trial."""
        if not is_learnable(trial):
            return carry
        point = self.cube.point(trial)
        missing = point is None
        if point is None:
            point = self._incomplete_point(trial)
        if point is None:
            return replace(carry, n_learnable=carry.n_learnable + 1)
        n_members = carry.n_members + 1
        waiting = (*carry.waiting, self._individual(trial, point))
        grown = Population(
            carry.n_learnable + 1,
            n_members,
            carry.points,
            carry.numbers,
            carry.losses,
            carry.others,
            waiting,
            carry.largest if not trial.constraints else _with_violations(carry.largest, waiting[-1].violations),
            carry.incomplete or missing,
            carry.tried.set(_place(point), True),
        )
        return self._ranked(grown) if len(waiting) >= self._at_once(n_members) or n_members == self.first else grown

    def _capacity(self, n_members: int) -> int:
        if self.generational:
            return self.size
        return min(self.size, max(_FEWEST, n_members // _TRIALS_PER_PARENT))

    def _at_once(self, n_members: int) -> int:
        if self.generational:
            return self.size
        # quality is that of one by one, at a fraction of the cost
        return max(self._capacity(n_members) // _SHARE_AT_ONCE, _LEAST_AT_ONCE)

    def _incomplete_point(self, trial: FrozenTrial) -> list[float] | None:
        """Return the point of a trial that lacks parameters, or None if it has none of them or one outside of its range."""
        values = column_values(self.cube.columns, trial, missing=True)
        if values is None:
            return None
        row = np.array([values])
        if np.isnan(row).all() or not self.cube.fits(row)[0]:
            return None
        point: list[float] = self.cube.units(row)[0].tolist()
        return point

    def _individual(self, trial: FrozenTrial, point: list[float]) -> Individual:
        if trial.state is TrialState.COMPLETE and trial.values is not None and violation(trial) == 0.0:
            found = [loss if loss == loss else math.inf for loss in losses(self.directions, trial.values)]
            return Individual(trial.number, point, found, {}, ())
        violations = {name: value for name, value in trial.constraints.items() if value > 0.0}
        return Individual(trial.number, point, None, violations, standing(self.directions, trial)[1:])

    def _ranked(self, carry: Population) -> Population:
        """Return the population with those that wait ranked, and without those that don't survive."""
        capacity = self._capacity(carry.n_members)
        new = [one for one in carry.waiting if one.losses is not None]
        g = len(carry.losses)
        found = carry.losses
        points, numbers = carry.points[:g], carry.numbers[:g]
        if new:
            found = np.concatenate((found, np.array([one.losses for one in new])))
            points = np.concatenate((points, np.array([one.point for one in new])))
            numbers = (*numbers, *[one.number for one in new])
        order = self.survival(found, capacity)
        found, points = found[order], points[order]
        numbers = tuple([numbers[index] for index in order.tolist()])
        others: tuple[Individual, ...] = ()
        rivals = [*carry.others, *[one for one in carry.waiting if one.losses is None]]
        if rivals and len(numbers) < capacity:
            rivals.sort(key=lambda one: (_scaled_violation(one.violations, carry.largest), one.last_resort, one.number))
            others = tuple(rivals[: capacity - len(numbers)])
            points = np.concatenate((points, np.array([one.point for one in others])))
            numbers = (*numbers, *[one.number for one in others])
        return replace(carry, points=points, numbers=numbers, losses=found, others=others, waiting=())


def _place(point: list[float]) -> bytes:
    """Return a key for a point, the same for points that differ by rounding only."""
    return array("f", point).tobytes()  # single precision: values become points and back with rounding


def _with_violations(largest: dict[str, float], violations: dict[str, float]) -> dict[str, float]:
    return {**largest, **{name: max(value, largest.get(name, 0.0)) for name, value in violations.items()}}


def _scaled_violation(violations: dict[str, float], largest: dict[str, float]) -> float:
    """Return the sum of violations, each in units of the largest one of its constraint."""
    # sorted, so that rounding does not depend on the order in which constraints were set
    return math.fsum(
        1.0 if violations[name] == largest[name] else violations[name] / largest[name] for name in sorted(violations)
    )


@attrs.frozen
class SeenParameters:
    """Fold: every parameter that complete and pruned trials had, with its newest distribution.

    Example:
        >>> from hpo.core import FloatDistribution, History, create_trial
        >>> unit = FloatDistribution(0.0, 1.0)
        >>> trials = [create_trial(value=0.0, params={n: 0.5}, distributions={n: unit}) for n in ("x", "y")]
        >>> [*History(trials).fold(SeenParameters())]
        ['x', 'y']
    """

    def init(self) -> SearchSpace:
        """Return the space of no trials."""
        return SearchSpace()

    def step(self, carry: SearchSpace, trial: FrozenTrial) -> SearchSpace:
        """Return the space after one more finished trial."""
        seen = trial.distributions
        # most trials have the distributions of the one before: the space, whose hash is kept, stays the same object
        if seen is carry or not is_learnable(trial) or all(carry.get(name) == seen[name] for name in seen):
            return carry
        return seen if not carry else SearchSpace({**carry, **seen})
