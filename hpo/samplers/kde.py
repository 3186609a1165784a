"""The sampler of BOHB: densities of good and of bad trials by products of kernels, also of reports at one step."""

from __future__ import annotations

import math
from typing import ClassVar

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
    Suggestion,
    checked_seed,
    is_bool,
    is_positive,
    one_of,
    option_check,
    to_int_if_whole,
    whole_from,
)
from hpo.numerics.product_kernels import ProductKernels
from hpo.samplers.parts import (
    DUPLICATES,
    Duplicates,
    Knowledge,
    Tried,
    ask_noted,
    at_highest_fidelity,
    known,
    suggest,
    suggest_lone_at_random,
    with_branches,
)
from hpo.samplers.random import RandomSampler
from hpo.samplers.tpe.propose import GroupFold

_START = RandomSampler()
_NARROWEST_SHARE = 100
_TOP = 0.15
_MOST_BAD = 1000  # the best of them
_IS_SHARE = option_check(
    "a number from 0 up to 1",
    attrs.validators.instance_of((int, float)),
    attrs.validators.ge(0.0),
    attrs.validators.le(1.0),
)


@attrs.frozen(kw_only=True)
class KDESampler(BuiltInSampler):
    """The model of BOHB: points that are likely among the good trials, and not among the bad ones.

    The densities of the best trials and of the others are estimated by a kernel for each trial, which is a product over the
    parameters. Candidates are drawn from wider kernels of the good trials, and the one whose density among the good ones
    is largest relative to the bad ones is suggested. One suggestion in three is random. `TPESampler` works alike;
    this one is for comparison with BOHB.

    - With `consider_reports` the model is that of the highest step with enough reports, as in BOHB.
    - Only the order of results counts: pruned trials rank behind complete ones, and trials that violate constraints behind
      those that don't. With several objectives the order is by non-domination, and then by hypervolume.
    - Running and paused trials count as bad, so that parallel trials keep away from each other.
    - Failed trials count as the worst ones, and candidates that are likely to fail lose by it, as soon as the parameters
      predict failures.
    - What a trial lacks, as it belongs to another branch, is taken to be uniformly distributed.

    O(trials x parameters x `n_candidates`) per suggestion.

    Source: Falkner, Klein and Hutter, "BOHB: Robust and Efficient Hyperparameter Optimization at Scale", ICML 2018,
    section 4. The documentation says what differs from it.

    Args:
        n_startup_trials: How many complete or pruned trials there must be before the first model; at least two more than
            there are parameters with more than one value are needed in any case. Until then values are those of a
            `RandomSampler`, draw for draw. Running trials count too, up to the number of finished ones.
        n_candidates: How many candidates are compared, at least 1.
        random_fraction: The share of suggestions that are random, 0 to 1.
        bandwidth_factor: How many times wider the kernels are from which candidates are drawn, above 0.
        consider_reports: Whether reports stand for results, so that the sampler learns from trials that were pruned or are
            paused. The highest step counts at which so many trials have reported as a model needs. This is for studies with
            one objective.
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
        >>> state, sampler = StudyState.create(seed=1), KDESampler()
        >>> for _ in range(60):
        ...     state, trial = ask(state, sampler, {"x": FloatDistribution(-10.0, 10.0)})
        ...     state = tell(state, trial.number, (trial.params["x"] - 2.0) ** 2)
        >>> min(trial.value for trial in state.finished) < 0.1
        True
    """

    needs_pending: ClassVar[bool] = True  # running trials count as bad, and in duplicates

    n_startup_trials: int = attrs.field(default=0, converter=to_int_if_whole, validator=whole_from(0))
    n_candidates: int = attrs.field(default=64, converter=to_int_if_whole, validator=whole_from(1))
    random_fraction: float = attrs.field(default=1.0 / 3.0, validator=_IS_SHARE)
    bandwidth_factor: float = attrs.field(default=3.0, validator=is_positive())
    consider_reports: bool = attrs.field(default=False, validator=is_bool)
    seed: int | None = attrs.field(default=None, converter=checked_seed)
    consider_failed_trials: bool = attrs.field(default=True, validator=is_bool)
    duplicates: Duplicates = attrs.field(default="avoid", validator=one_of(*DUPLICATES))

    def joint_space(self, state: StudyState, trial: FrozenTrial) -> SearchSpace:
        """Return what is suggested together if no space is declared: every parameter that was seen."""
        return state.finished.fold(GroupFold()).space

    def __call__(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return values for the joint space.

        The note's ``rule`` says where they are from: "startup"; "model"; "exploration" for the random ones among them; or
        "untried" if the model proposed only configurations that were tried. With "model", ``acquisition`` is the logarithm
        of how much likelier the values are among good trials than among bad ones.
        """

        def ask_model(tried: Tried | None) -> Answer | None:
            return self._suggestion(state, trial, space, key, tried)

        return suggest(state, trial, space, key, ask_model, start=_START, duplicates=self.duplicates)

    def suggest_lone(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return a random value for a parameter that no trial has had yet."""
        return suggest_lone_at_random(self, state, trial, space, key)

    def _suggestion(
        self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key, tried: Tried | None
    ) -> Answer | None:
        enough = max(self.n_startup_trials, len(space) + 2)
        seen = at_highest_fidelity(state, trial.number, enough) if self.consider_reports else state
        knowledge = known(seen, space, n_startup_trials=enough, consider_failed_trials=self.consider_failed_trials)
        if knowledge is None:
            return None
        if key.child("explore").uniforms(["explore"])[0] < self.random_fraction:
            return ask_noted(_START, state, trial, space, key, {"rule": "exploration"})
        split = _good_and_bad(knowledge)
        if split is None:
            return None
        good, bad = split
        uniforms = key.child("candidates").generator().random((self.n_candidates, 1 + 2 * good.data.shape[1]))
        points = knowledge.coding.snapped(good.sample(uniforms, widening=self.bandwidth_factor))
        places = with_branches(knowledge.coding, points, knowledge.ranked.points)
        scores = good.log_density(places) - bad.log_density(places)
        order = np.argsort(-knowledge.penalized(scores, places), kind="stable")
        place, params = knowledge.first_new(points[order], tried)
        return Suggestion(params, {"rule": "model", "acquisition": float(scores[order[place]])})


def _good_and_bad(knowledge: Knowledge) -> tuple[ProductKernels, ProductKernels] | None:
    """Return the densities of good and of bad trials, or None as long as there are too few of them.

    As in BOHB's code there are at least ``d + 1`` good trials, as many as kernels in `d` columns need, so that some may be in
    both groups.
    """
    trials, n_choices = knowledge.ranked, knowledge.coding.cube.n_choices
    n, enough = len(trials.ranks), len(n_choices) + 1
    if n < enough + 1:
        return None
    order = np.argsort(trials.ranks, kind="stable")
    good = order[: max(enough, math.floor(_TOP * n))]
    bad = order[-max(enough, n - len(good)) :][:_MOST_BAD]

    def density(points: NDArray[np.float64]) -> ProductKernels:
        # as in `TPESampler`: with narrower ones all suggestions are soon next to each other
        return ProductKernels.of(points, n_choices, least=1.0 / min(_NARROWEST_SHARE, 1 + len(points)))

    return density(trials.points[good]), density(np.concatenate((trials.points[bad], knowledge.running)))
