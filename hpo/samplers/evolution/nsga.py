"""NSGA-II and NSGA-III without generations."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, ClassVar

import attrs
import numpy as np
from numpy.typing import NDArray

from hpo.core import (
    Answer,
    BuiltInSampler,
    FrozenTrial,
    Key,
    SearchSpace,
    StudyState,
    checked_seed,
    is_bool,
    number_from,
    one_of,
    to_float_if_number,
    to_int_if_whole,
    whole_from,
)
from hpo.errors import InvalidArgument
from hpo.numerics.evolution import best_by_crowding, best_by_reference_points, reference_points_on_simplex
from hpo.samplers.evolution.asking import ask, ask_lone, check_sizes, is_crossover, is_mutation, seen_space
from hpo.samplers.evolution.population import Survival
from hpo.samplers.nsgaii import BaseCrossover, BaseMutation
from hpo.samplers.parts import DUPLICATES, Duplicates, Predicate

_PROBABILITY = number_from(0.0, 1.0)
_PROBABILITY_OR_NONE = number_from(0.0, 1.0, optional=True)


@attrs.frozen(kw_only=True, cache_hash=True)
class NSGAIISampler(BuiltInSampler):
    """NSGA-II without generations: children of the best trials known, for several objectives or one.

    The best trials are the population. The parents of a child win tournaments in it, their parameters are mixed, and about one of them is mutated.
    Trials are ordered by non-domination, and within a front by how far their neighbours are. Feasible trials come before those that violate
    constraints, which are ordered by their violation in all, each constraint in units of the largest one seen; pruned trials come
    last. Failed trials never become parents. With one objective it is a genetic algorithm.

    No trial waits for a generation to be complete: a child has its parents among all trials that had been told when it started, as far as they are
    ranked, which happens as soon as the new ones are a quarter of the population. Parallel workers draw different children. The population is small at
    first and grows with the study, up to `population_size`: few parents find good trials fast, and many cover a front.

    Every parameter that any trial had is suggested together. What a parent lacks, because it is on another branch, a child has from the other parent:
    it takes a branch with all that belongs to it. Values that the objective does not ask for are dropped. On a finite space nothing is tried twice.

    O(parameters + `population_size`) per suggestion, whatever the history.

    Source: Deb, Pratap, Agarwal and Meyarivan, "A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II", IEEE
    Transactions on Evolutionary Computation 6, 2002; without generations Durillo, Nebro, Luna and Alba, "On the Effect of
    the Steady-State Selection Scheme in Multi-Objective Genetic Algorithms", EMO 2009.

    Args:
        population_size: The largest number of parents, at least 2 and at least as many as a child of the crossover has.
        mutation: How a number is changed; None means a new draw in every other child, and a small step (`PolynomialMutation`) in the others. A category
            becomes another one.
        mutation_prob: The probability that a parameter is mutated; None means 1 over their number.
        crossover: How numbers are mixed; None means that each child draws one of `SBXCrossover`, `UniformCrossover` and `LineCrossover`.
        crossover_prob: The probability that a child has several parents.
        swapping_prob: The probability that a category is that of the last parent instead of the first.
        seed: Replaces the study's seed; None means the study's.
        n_startup_trials: How many complete or pruned trials are random before the first child; at least 0. None means 20, or `population_size` if that is less
            or with `generational`.
        tournament_size: How many random trials compete to be a parent, at least 1.
        generational: Whether the population changes only once `population_size` new trials have been told, as in the paper.
        duplicates: With "avoid", no configuration of a finite space is suggested that was tried or is running; with "allow" they may be repeated.
        consider_failed_trials: Whether children that are likely to fail are bred again, as soon as the parameters predict failures. Failures that
            look like chance, such as those of a machine, are ignored; with False all are.

    Raises:
        InvalidArgument, InvalidType: an option is outside of these; the message names it.

    Example:
        >>> import hpo
        >>> hpo.logging.set_verbosity(hpo.logging.WARNING)
        >>> def objective(trial):
        ...     x, y = trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)
        ...     return x, (1 + y) * (1 - x)
        >>> study = hpo.create_study(directions=["minimize", "minimize"], sampler=NSGAIISampler(seed=1))
        >>> study.optimize(objective, n_trials=100)
        >>> len(study.best_trials) > 10, study.trials[-1].note["rule"]
        (True, 'child')
    """

    needs_pending: ClassVar[bool] = True  # running trials count in duplicates

    population_size: int = attrs.field(default=50, converter=to_int_if_whole, validator=whole_from(2))
    mutation: BaseMutation | None = attrs.field(default=None, validator=is_mutation)
    mutation_prob: float | None = attrs.field(
        default=None, converter=to_float_if_number, validator=_PROBABILITY_OR_NONE
    )
    crossover: BaseCrossover | None = attrs.field(default=None, validator=is_crossover)
    crossover_prob: float = attrs.field(default=0.9, converter=to_float_if_number, validator=_PROBABILITY)
    swapping_prob: float = attrs.field(default=0.5, converter=to_float_if_number, validator=_PROBABILITY)
    seed: int | None = attrs.field(default=None, converter=checked_seed)
    n_startup_trials: int | None = attrs.field(
        default=None, converter=to_int_if_whole, validator=whole_from(0, optional=True)
    )
    tournament_size: int = attrs.field(default=3, converter=to_int_if_whole, validator=whole_from(1))
    generational: bool = attrs.field(default=False, validator=is_bool)
    duplicates: Duplicates = attrs.field(default="avoid", validator=one_of(*DUPLICATES))
    consider_failed_trials: bool = attrs.field(default=True, validator=is_bool)

    _where: Predicate | None = attrs.field(default=None, alias="_where", eq=False, repr=False)
    """What suggestions must satisfy; see `where`."""

    def where(self, predicate: Predicate) -> NSGAIISampler:
        """Return this sampler for a `Where` around it: children that do not satisfy the predicate are bred again."""
        return attrs.evolve(self, _where=predicate)

    def __attrs_post_init__(self) -> None:
        check_sizes(self)

    def survival(self, n_objectives: int) -> Survival:
        """Return which trials stay in the population: the best by front and crowding distance."""
        return best_by_crowding

    def joint_space(self, state: StudyState, trial: FrozenTrial) -> SearchSpace:
        """Return what is suggested together if no space is declared: every parameter that was seen."""
        return seen_space(state)

    def __call__(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return values for the joint space.

        The note's ``rule`` says where they are from: "startup"; "child", with the numbers of its ``parents``; or "untried" if all children had been
        tried.
        """
        return ask(self, state, trial, space, key, self._where)

    def suggest_lone(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return a random value for a lone parameter, which no trial before had."""
        return ask_lone(self, state, trial, space, key, self._where)


def _to_points(given: Any) -> Any:
    """Return reference points as a tuple of tuples, or what is given if it is no array of numbers."""
    if given is None:
        return None
    try:
        array = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        return given
    return tuple(map(tuple, array.tolist())) if array.ndim == 2 else given


def _is_reference_points(_: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value is None:
        return
    array = np.array(value) if isinstance(value, tuple) and value and isinstance(value[0], tuple) else np.empty(0)
    if array.ndim != 2 or not np.isfinite(array).all() or (array < 0.0).any() or not array.any(axis=1).all():
        raise InvalidArgument(
            f"{attribute.name} is None or an array with one row of numbers from 0 on for each point, and a number above 0 in every row; "
            f"got {value!r}"
        )


@attrs.frozen(kw_only=True, cache_hash=True)
class NSGAIIISampler(BuiltInSampler):
    """NSGA-III without generations: children of trials that are spread over reference directions, for three objectives and more.

    As `NSGAIISampler`, with another order within a front: each trial belongs to the nearest of some reference directions, and those come first whose
    direction has the fewest before them.

    Source: Deb and Jain, "An Evolutionary Many-Objective Optimization Algorithm Using Reference-Point-Based Nondominated
    Sorting Approach, Part I", IEEE Transactions on Evolutionary Computation 18, 2014.

    Args:
        reference_points: The directions, one row for each: as many numbers from 0 on as there are objectives. None means points spread evenly over
            the simplex. Give your own to have more trials where your preferences are.
        dividing_parameter: How many parts the edges of the simplex are divided into, at least 1; not used if `reference_points` are given.
        population_size: As for `NSGAIISampler`, like all that follow.
        mutation: How a number is changed.
        mutation_prob: The probability that a parameter is mutated.
        crossover: How numbers are mixed.
        crossover_prob: The probability that a child has several parents.
        swapping_prob: The probability that a category is that of the last parent.
        seed: Replaces the study's seed.
        n_startup_trials: How many trials are random before the first child.
        tournament_size: How many random trials compete to be a parent.
        generational: Whether the population changes once per generation.
        duplicates: Whether configurations of a finite space are repeated.
        consider_failed_trials: Whether children that are likely to fail are bred again.

    Raises:
        InvalidArgument, InvalidType: an option is outside of these; the message names it.

    Example:
        >>> NSGAIIISampler(dividing_parameter=2).survival(3).points
        ((0.0, 0.0, 1.0), (0.0, 0.5, 0.5), (0.0, 1.0, 0.0), (0.5, 0.0, 0.5), (0.5, 0.5, 0.0), (1.0, 0.0, 0.0))
    """

    needs_pending: ClassVar[bool] = True  # running trials count in duplicates

    reference_points: Sequence[Sequence[float]] | None = attrs.field(
        default=None, converter=_to_points, validator=_is_reference_points
    )
    dividing_parameter: int = attrs.field(default=3, converter=to_int_if_whole, validator=whole_from(1))
    population_size: int = attrs.field(default=50, converter=to_int_if_whole, validator=whole_from(2))
    mutation: BaseMutation | None = attrs.field(default=None, validator=is_mutation)
    mutation_prob: float | None = attrs.field(
        default=None, converter=to_float_if_number, validator=_PROBABILITY_OR_NONE
    )
    crossover: BaseCrossover | None = attrs.field(default=None, validator=is_crossover)
    crossover_prob: float = attrs.field(default=0.9, converter=to_float_if_number, validator=_PROBABILITY)
    swapping_prob: float = attrs.field(default=0.5, converter=to_float_if_number, validator=_PROBABILITY)
    seed: int | None = attrs.field(default=None, converter=checked_seed)
    n_startup_trials: int | None = attrs.field(
        default=None, converter=to_int_if_whole, validator=whole_from(0, optional=True)
    )
    tournament_size: int = attrs.field(default=3, converter=to_int_if_whole, validator=whole_from(1))
    generational: bool = attrs.field(default=False, validator=is_bool)
    duplicates: Duplicates = attrs.field(default="avoid", validator=one_of(*DUPLICATES))
    consider_failed_trials: bool = attrs.field(default=True, validator=is_bool)

    _where: Predicate | None = attrs.field(default=None, alias="_where", eq=False, repr=False)
    """What suggestions must satisfy; see `where`."""

    def where(self, predicate: Predicate) -> NSGAIIISampler:
        """Return this sampler for a `Where` around it: children that do not satisfy the predicate are bred again."""
        return attrs.evolve(self, _where=predicate)

    def __attrs_post_init__(self) -> None:
        check_sizes(self)

    def survival(self, n_objectives: int) -> Survival:
        """Return which trials stay in the population: the best by front and reference directions.

        Raises:
            InvalidArgument: the reference points have another number of coordinates than there are objectives.
        """
        points = self.reference_points
        if points is None:
            return Directions(_evenly_spread(n_objectives, self.dividing_parameter))
        if len(points[0]) != n_objectives:
            raise InvalidArgument(
                f"reference_points have {len(points[0])} numbers each, but the study has {n_objectives} objectives"
            )
        return Directions(tuple(map(tuple, points)))

    def joint_space(self, state: StudyState, trial: FrozenTrial) -> SearchSpace:
        """Return what is suggested together if no space is declared: every parameter that was seen."""
        return seen_space(state)

    def __call__(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return values for the joint space, with the notes of `NSGAIISampler`."""
        return ask(self, state, trial, space, key, self._where)

    def suggest_lone(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return a random value for a lone parameter, which no trial before had."""
        return ask_lone(self, state, trial, space, key, self._where)


@attrs.frozen(cache_hash=True)
class Directions:
    """Survival by reference points: see `best_by_reference_points`.

    Args:
        points: The reference points.
    """

    points: tuple[tuple[float, ...], ...]

    def __call__(self, losses: NDArray[np.float64], size: int) -> NDArray[np.intp]:
        """Return the indices of the `size` best points, best first."""
        return best_by_reference_points(losses, size, np.array(self.points))


@lru_cache(maxsize=16)
def _evenly_spread(n_objectives: int, divisions: int) -> tuple[tuple[float, ...], ...]:
    return tuple(map(tuple, reference_points_on_simplex(n_objectives, divisions).tolist()))
