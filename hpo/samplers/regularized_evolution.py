"""The sampler that lets a population of trials evolve, in which the oldest ones die."""

from __future__ import annotations

from typing import ClassVar

import attrs
import numpy as np

from hpo.core import (
    Answer,
    BuiltInSampler,
    FrozenTrial,
    Key,
    SearchSpace,
    StudyState,
    Suggestion,
    checked_seed,
    is_bool,
    one_of,
    to_int_if_whole,
    whole_from,
)
from hpo.samplers.parts import (
    DUPLICATES,
    Duplicates,
    Knowledge,
    Tried,
    neighbours,
    suggest_by_ranks,
    suggest_lone_at_random,
)
from hpo.samplers.tpe.propose import GroupFold

_CHILDREN = 16  # of which the first that was not tried, and is not likely to fail, is suggested
_WIDTH = 0.1
_FRESH = 0.2


@attrs.frozen(kw_only=True)
class RegularizedEvolutionSampler(BuiltInSampler):
    """Regularized evolution: changes one parameter of the best of a few random trials from the newest ones.

    The population is the newest `population_size` complete and pruned trials. Some of them are drawn at random, and the
    best of these gets a child: the same values but for one parameter. A number moves a little or, less often, to anywhere in
    its range; a choice becomes another one. Trials leave the population by their age and not by their results, so that a
    lucky result does not stay for ever.

    Only the order of results counts: pruned trials rank behind complete ones, and trials that violate constraints behind
    those that don't. With several objectives the order is by non-domination, and then by hypervolume. Children that are
    likely to fail are not born, as soon as the parameters predict failures. Parameters that the parent lacks are drawn.

    O(trials) comparisons per suggestion.

    Source: Real, Aggarwal, Huang and Le, "Regularized Evolution for Image Classifier Architecture Search", AAAI 2019. It
    changes any part of an architecture to another one; that numbers may move a little is ours.

    Args:
        population_size: How many of the newest trials may become parents, at least 1.
        tournament_size: How many of them are drawn, without repetition, at least 1.
        n_startup_trials: How many complete or pruned trials there must be before the first child. Until then values are
            those of a `RandomSampler`, draw for draw.
        seed: Replaces the study's seed; None means the study's.
        consider_failed_trials: Whether children that are likely to fail are avoided, as soon as the parameters predict
            failures. Failures that look like chance are ignored; with False all are.
        duplicates: With "avoid", no configuration of a finite space is suggested that was tried or is running, and the
            answer is `Exhausted` when there is no other. With "allow", configurations may be repeated.

    Raises:
        InvalidArgument, InvalidType: an option is outside of these; the message names it.

    Example:
        >>> from hpo.core.ask_tell import ask, tell
        >>> from hpo.core.values.distributions import FloatDistribution
        >>> state, sampler = StudyState.create(seed=1), RegularizedEvolutionSampler()
        >>> for _ in range(60):
        ...     state, trial = ask(state, sampler, {"x": FloatDistribution(-10.0, 10.0)})
        ...     state = tell(state, trial.number, (trial.params["x"] - 2.0) ** 2)
        >>> min(trial.value for trial in state.finished) < 0.1
        True
    """

    needs_pending: ClassVar[bool] = True  # for the sake of duplicates

    population_size: int = attrs.field(default=20, converter=to_int_if_whole, validator=whole_from(1))
    tournament_size: int = attrs.field(default=10, converter=to_int_if_whole, validator=whole_from(1))
    n_startup_trials: int = attrs.field(default=10, converter=to_int_if_whole, validator=whole_from(0))
    seed: int | None = attrs.field(default=None, converter=checked_seed)
    consider_failed_trials: bool = attrs.field(default=True, validator=is_bool)
    duplicates: Duplicates = attrs.field(default="avoid", validator=one_of(*DUPLICATES))

    def joint_space(self, state: StudyState, trial: FrozenTrial) -> SearchSpace:
        """Return what is suggested together if no space is declared: every parameter that was seen."""
        return state.finished.fold(GroupFold()).space

    def __call__(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return values for the joint space.

        The note's ``rule`` says where they are from: "startup"; "model" for a child, whose ``parent`` is how the parent ranks
        in the population, from 0; or "untried" if all children would have repeated other trials.
        """

        def ask_model(knowledge: Knowledge, tried: Tried | None) -> Answer | None:
            return self._suggestion(knowledge, key, tried)

        return suggest_by_ranks(self, state, trial, space, key, ask_model)

    def suggest_lone(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return a random value for a parameter that no trial has had yet."""
        return suggest_lone_at_random(self, state, trial, space, key)

    def _suggestion(self, knowledge: Knowledge, key: Key, tried: Tried | None) -> Suggestion:
        trials, generator = knowledge.ranked.without_failed(), key.child("children").generator()
        points, ranks = trials.points[-self.population_size :], trials.ranks[-self.population_size :]
        # equals in the order told, and as small numbers
        places = np.argsort(np.argsort(ranks, kind="stable"), kind="stable")
        drawn = np.argsort(generator.random((_CHILDREN, len(places))), axis=1)[:, : self.tournament_size]
        parents = drawn[np.arange(_CHILDREN), places[drawn].argmin(axis=1)]
        widths = np.full(_CHILDREN, _WIDTH)
        children = neighbours(knowledge.coding, generator, points[parents], widths, rate=0.0, fresh=_FRESH)
        order = np.argsort(knowledge.unlikely(children), kind="stable")
        place, params = knowledge.first_new(children[order], tried)
        return Suggestion(params, {"rule": "model", "parent": int(places[parents[order[place]]])})
