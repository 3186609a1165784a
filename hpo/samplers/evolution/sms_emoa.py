"""SMS-EMOA: the population that dominates the largest hypervolume."""

from __future__ import annotations

from typing import ClassVar

import attrs

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
from hpo.numerics.evolution import best_by_hypervolume
from hpo.samplers.evolution.asking import ask, ask_lone, check_sizes, is_crossover, is_mutation, seen_space
from hpo.samplers.evolution.population import Survival
from hpo.samplers.nsgaii import BaseCrossover, BaseMutation
from hpo.samplers.parts import DUPLICATES, Duplicates, Predicate

_PROBABILITY = number_from(0.0, 1.0)


@attrs.frozen(kw_only=True, cache_hash=True)
class SMSEMOASampler(BuiltInSampler):
    """SMS-EMOA: children of the trials that together dominate most hypervolume, for two objectives and more.

    As `NSGAIISampler`, with another rule for who leaves the population: of the worst front, the trial that adds least to the hypervolume, measured in units
    of the front's own range in each objective. With more than two objectives, those stay that the greedy choice by hypervolume takes.

    O(parameters + `population_size`) per suggestion with two objectives; with three and more, the hypervolume costs more.

    Source: Beume, Naujoks and Emmerich, "SMS-EMOA: Multiobjective Selection Based on Dominated Hypervolume", European
    Journal of Operational Research 181, 2007.

    Args:
        population_size: As for `NSGAIISampler`, like all that follow.
        mutation: How a number is changed.
        mutation_prob: The probability that a parameter is mutated.
        crossover: How numbers are mixed.
        crossover_prob: The probability that a child has several parents.
        swapping_prob: The probability that a category is that of the last parent.
        seed: Replaces the study's seed.
        n_startup_trials: How many trials are random before the first child.
        tournament_size: How many random trials compete to be a parent.
        duplicates: Whether configurations of a finite space are repeated.
        consider_failed_trials: Whether children that are likely to fail are bred again.

    Raises:
        InvalidArgument, InvalidType: an option is outside of these; the message names it.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(directions=["minimize", "maximize"], sampler=SMSEMOASampler(seed=1))
        >>> study.optimize(lambda trial: (trial.suggest_float("x", 0, 1), trial.params["x"]), n_trials=40)
        >>> study.trials[30].note["rule"]
        'child'
    """

    needs_pending: ClassVar[bool] = True  # running trials count in duplicates
    generational: ClassVar[bool] = False

    population_size: int = attrs.field(default=50, converter=to_int_if_whole, validator=whole_from(2))
    mutation: BaseMutation | None = attrs.field(default=None, validator=is_mutation)
    mutation_prob: float | None = attrs.field(
        default=None, converter=to_float_if_number, validator=number_from(0.0, 1.0, optional=True)
    )
    crossover: BaseCrossover | None = attrs.field(default=None, validator=is_crossover)
    crossover_prob: float = attrs.field(default=0.9, converter=to_float_if_number, validator=_PROBABILITY)
    swapping_prob: float = attrs.field(default=0.5, converter=to_float_if_number, validator=_PROBABILITY)
    seed: int | None = attrs.field(default=None, converter=checked_seed)
    n_startup_trials: int | None = attrs.field(
        default=None, converter=to_int_if_whole, validator=whole_from(0, optional=True)
    )
    tournament_size: int = attrs.field(default=3, converter=to_int_if_whole, validator=whole_from(1))
    duplicates: Duplicates = attrs.field(default="avoid", validator=one_of(*DUPLICATES))
    consider_failed_trials: bool = attrs.field(default=True, validator=is_bool)

    _where: Predicate | None = attrs.field(default=None, alias="_where", eq=False, repr=False)
    """What suggestions must satisfy; see `where`."""

    def where(self, predicate: Predicate) -> SMSEMOASampler:
        """Return this sampler for a `Where` around it: children that do not satisfy the predicate are bred again."""
        return attrs.evolve(self, _where=predicate)

    def __attrs_post_init__(self) -> None:
        check_sizes(self)

    def survival(self, n_objectives: int) -> Survival:
        """Return which trials stay in the population: the best by front and hypervolume."""
        return best_by_hypervolume

    def joint_space(self, state: StudyState, trial: FrozenTrial) -> SearchSpace:
        """Return what is suggested together if no space is declared: every parameter that was seen."""
        return seen_space(state)

    def __call__(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return values for the joint space, with the notes of `NSGAIISampler`."""
        return ask(self, state, trial, space, key, self._where)

    def suggest_lone(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return a random value for a lone parameter, which no trial before had."""
        return ask_lone(self, state, trial, space, key, self._where)
