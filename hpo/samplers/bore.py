"""The sampler that tells good trials from the others by a classifier."""

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
    option_check,
    to_int_if_whole,
    whole_from,
)
from hpo.models.boosted_trees import Fold, GoodTrials
from hpo.samplers.parts import (
    DUPLICATES,
    Duplicates,
    Knowledge,
    Tried,
    candidates,
    suggest_by_ranks,
    suggest_lone_at_random,
    with_branches,
)
from hpo.samplers.tpe.propose import GroupFold

_SURROUNDED = 8  # trials with neighbourhoods
_IS_SHARE = option_check(
    "a number above 0 and below 1",
    attrs.validators.instance_of((int, float)),
    attrs.validators.gt(0.0),
    attrs.validators.lt(1.0),
)


@attrs.frozen(kw_only=True)
class BORESampler(BuiltInSampler):
    """Density ratios by classification: suggests what a classifier finds likeliest to be among the best trials.

    A fixed share of the trials is good. Boosted trees learn from the parameters which ones these are, and what they find
    likeliest to be good is suggested: where the probability is largest, so is the ratio of the densities of good and of all
    trials, and the expected improvement. Unlike `TPESampler` it needs no density of either group, and trees take
    parameters of all kinds, those that only some trials have, and such that don't matter.

    - Only the order of results counts: pruned trials rank behind complete ones, and trials that violate constraints behind
      those that don't. With several objectives the order is by non-domination, and then by hypervolume.
    - Running and paused trials count as not good, so that parallel trials keep away from each other.
    - Failed trials count as the worst ones, and points that are likely to fail are not suggested as long as there are
      others, as soon as the parameters predict failures.

    The first 20 trials are each followed by a fit, and later ones less and less often; in between, and for running trials,
    boosting goes on for ten rounds. O(trials x parameters) per suggestion; at most 1,000 trials are modelled, the best and
    the newest ones.

    Source: Tiao, Klein, Seeger, Bonilla, Archambeau and Ramos, "BORE: Bayesian Optimization by Density-Ratio Estimation",
    ICML 2021. The documentation says what differs from it.

    Args:
        gamma: The share of trials that are good, above 0 and below 1.
        n_startup_trials: How many complete or pruned trials there must be before the first model. Until then values are
            those of a `RandomSampler`, draw for draw. Running trials count too, up to the number of finished ones.
        n_candidates: How many random points are compared, at least 1; as many again are near the best trials.
        seed: Replaces the study's seed; None means the study's.
        consider_failed_trials: Whether points that are likely to fail are avoided, as soon as the parameters predict
            failures. Failures that look like chance are ignored; with False all are.
        duplicates: With "avoid", no configuration of a finite space is suggested that was tried or is running, and the
            answer is `Exhausted` when there is no other. With "allow", configurations may be repeated.

    Raises:
        InvalidArgument, InvalidType: an option is outside of these; the message names it.

    Example:
        >>> from hpo.core.ask_tell import ask, tell
        >>> from hpo.core.values.distributions import FloatDistribution
        >>> state, sampler = StudyState.create(seed=1), BORESampler()
        >>> for _ in range(40):
        ...     state, trial = ask(state, sampler, {"x": FloatDistribution(-10.0, 10.0)})
        ...     state = tell(state, trial.number, (trial.params["x"] - 2.0) ** 2)
        >>> min(trial.value for trial in state.finished) < 0.5
        True
    """

    needs_pending: ClassVar[bool] = True  # running trials count as not good, and in duplicates

    gamma: float = attrs.field(default=0.25, validator=_IS_SHARE)
    n_startup_trials: int = attrs.field(default=10, converter=to_int_if_whole, validator=whole_from(0))
    n_candidates: int = attrs.field(default=500, converter=to_int_if_whole, validator=whole_from(1))
    seed: int | None = attrs.field(default=None, converter=checked_seed)
    consider_failed_trials: bool = attrs.field(default=True, validator=is_bool)
    duplicates: Duplicates = attrs.field(default="avoid", validator=one_of(*DUPLICATES))

    def joint_space(self, state: StudyState, trial: FrozenTrial) -> SearchSpace:
        """Return what is suggested together if no space is declared: every parameter that was seen."""
        return state.finished.fold(GroupFold()).space

    def __call__(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return values for the joint space.

        The note's ``rule`` says where they are from: "startup"; "model"; or "untried" if the model proposed only
        configurations that were tried. With "model", ``probability`` is that of being among the best.
        """

        def ask_model(knowledge: Knowledge, tried: Tried | None) -> Answer | None:
            return self._suggestion(state, knowledge, key, tried)

        return suggest_by_ranks(self, state, trial, space, key, ask_model)

    def suggest_lone(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return a random value for a parameter that no trial has had yet."""
        return suggest_lone_at_random(self, state, trial, space, key)

    def _suggestion(self, state: StudyState, knowledge: Knowledge, key: Key, tried: Tried | None) -> Suggestion | None:
        fold = Fold(knowledge.fold, GoodTrials(self.gamma), failed=knowledge.feasibility is not None)
        model = fold.model(state.finished.fold(fold), knowledge.running)
        if model is None:
            return None
        trials = knowledge.ranked
        best = trials.points[np.argsort(trials.ranks, kind="stable")[:_SURROUNDED]]
        points = knowledge.left(tried)
        if points is None:
            points = candidates(knowledge.coding, key, best, self.n_candidates, self.n_candidates)
        seen = with_branches(knowledge.coding, points, trials.points)
        log_probabilities = model.log_probabilities(seen)
        # equals in the order of the candidates, which is random
        order = np.lexsort((-log_probabilities, knowledge.unlikely(seen)))
        place, params = knowledge.first_new(points[order], tried)
        probability = float(np.exp(log_probabilities[order[place]]))
        return Suggestion(params, {"rule": "model", "probability": probability})
