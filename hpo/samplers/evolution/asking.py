"""What the evolutionary samplers have in common: start-up, children that are new, and notes."""

from __future__ import annotations

from functools import lru_cache
from itertools import chain
from typing import Any, Protocol

import attrs
import numpy as np

from hpo.core import Answer, FrozenTrial, Key, SearchSpace, StudyState, Suggestion, option_check
from hpo.errors import InvalidArgument
from hpo.samplers.evolution.breeding import BreedingOptions, bred, draws_of, more_draws
from hpo.samplers.evolution.population import Fold, SeenParameters, Survival
from hpo.samplers.nsgaii import BaseCrossover, BaseMutation
from hpo.samplers.parts import (
    Duplicates,
    Feasibility,
    Predicate,
    Tried,
    UnitCube,
    learned_feasibility,
    suggest,
    suggest_lone,
)
from hpo.samplers.random import RandomSampler

_START = RandomSampler()  # with the stream of the call, so that start-up is random search draw for draw
_ATTEMPTS = 12  # children, until one is new and likely to succeed
_FIRST = 20  # random trials: enough to choose from, and few enough to learn early

is_crossover = option_check(
    "a crossover of hpo.samplers.nsgaii, or a subclass of BaseCrossover as an object",
    attrs.validators.instance_of(BaseCrossover),
    optional=True,
    error=InvalidArgument,
)
is_mutation = option_check(
    "a mutation of hpo.samplers.nsgaii, or a subclass of BaseMutation as an object",
    attrs.validators.instance_of(BaseMutation),
    optional=True,
    error=InvalidArgument,
)


class Options(BreedingOptions, Protocol):
    """The options that the samplers have in common."""

    @property
    def population_size(self) -> int:
        """The largest number of parents."""
        ...

    @property
    def n_startup_trials(self) -> int | None:
        """How many trials are random."""
        ...

    @property
    def generational(self) -> bool:
        """Whether the population changes once per generation."""
        ...

    @property
    def duplicates(self) -> Duplicates:
        """Whether tried configurations of a finite space are avoided."""
        ...

    @property
    def consider_failed_trials(self) -> bool:
        """Whether children that are likely to fail are bred again."""
        ...

    def survival(self, n_objectives: int) -> Survival:
        """Return which trials stay."""
        ...

    def __hash__(self) -> int:
        """Equal options have equal hashes: a fold is kept for them."""
        ...


def check_sizes(options: Options) -> None:
    """Raise `InvalidArgument` unless the population has enough parents for the crossover."""
    needed = 2 if options.crossover is None else options.crossover.n_parents
    if options.population_size < needed:
        raise InvalidArgument(
            f"population_size is at least {needed}, the parents that {options.crossover} needs for a child, "
            f"got {options.population_size!r}"
        )


def seen_space(state: StudyState) -> SearchSpace:
    """Return every parameter that complete and pruned trials had: a child brings values for all branches.

    O(trials new since the last question). Values that the objective does not ask for are dropped.
    """
    return state.finished.fold(SeenParameters())


def ask(
    options: Options, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key, where: Predicate | None
) -> Answer:
    """Return a child of the population for the joint space, or a random start, that satisfies `where`."""

    def propose(tried: Tried | None) -> Answer | None:
        return _child(options, state, trial, space, key, tried)

    return suggest(state, trial, space, key, propose, start=_START, duplicates=options.duplicates, where=where)


def ask_lone(
    options: Options, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key, where: Predicate | None
) -> Answer:
    """Return a random value for a lone parameter, which no trial before had, that satisfies `where`."""
    return suggest_lone(
        state,
        trial,
        space,
        key,
        lambda *_: None,
        start=_START,
        duplicates=options.duplicates,
        rule="independent",
        where=where,
    )


def _child(
    options: Options,
    state: StudyState,
    trial: FrozenTrial,
    space: SearchSpace,
    key: Key,
    tried: Tried | None,
) -> Suggestion | None:
    fold = fold_for(options, space, state.directions)
    if fold is None:
        return None
    population = state.finished.fold(fold)
    if population.n_members < fold.first or not len(population.points):
        return None
    cube = fold.cube
    columns = len(cube.columns)
    feasible = learned_feasibility(state, cube) if options.consider_failed_trials else None
    draws = draws_of(options, key.seed, trial.number, columns)
    best: tuple[float, dict[str, Any], tuple[int, ...]] | None = None
    for attempt in range(_ATTEMPTS):
        if attempt:
            draws = more_draws(options, key.child("again", attempt), columns)
        child = bred(options, fold, population, state, key.child("again", attempt) if attempt else key, draws)
        values = cube.params(child.point)
        if tried is not None and tried.contains(values):
            continue
        # workers with the same parents may have the same idea
        if options.duplicates == "avoid" and (population.has(child.point) or _is_running(state, values)):
            continue
        chance = 1.0 if feasible is None else _chance(feasible, child.point)
        if best is None or chance > best[0]:
            best = chance, values, child.parents
        if feasible is None or chance >= feasible.likely:
            break
    # all were tried already: the driver replaces this one
    values, parents = (best[1], best[2]) if best else (values, child.parents)
    return Suggestion(values, {"rule": "child", "parents": [*parents]})


def _is_running(state: StudyState, values: dict[str, Any]) -> bool:
    return any(other.params == values for other in chain(state.running.values(), state.paused.values()) if other.params)


def _chance(feasible: Feasibility, point: list[float]) -> float:
    return float(feasible.probabilities(np.array([point]))[0])


# the fold is asked for at every suggestion, and building it costs as much as the suggestion
@lru_cache(maxsize=64)
def fold_for(options: Options, space: SearchSpace, directions: tuple[str, ...]) -> Fold | None:
    """Return the fold over the trials of a study; None if no parameter of `space` has several values."""
    cube = UnitCube.of(space)
    if not cube.columns:
        return None
    first = options.n_startup_trials
    if first is None:
        first = options.population_size if options.generational else min(_FIRST, options.population_size)
    return Fold(
        cube=cube,
        directions=directions,
        survival=options.survival(len(directions)),
        size=options.population_size,
        first=max(first, 1),
        generational=options.generational,
    )
