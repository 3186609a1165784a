"""The sampler that models good and bad trials by Parzen estimators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import attrs
import numpy as np
from numpy.typing import NDArray

from hpo.core import (
    Answer,
    BuiltInSampler,
    FrozenDict,
    FrozenTrial,
    Key,
    Sampler,
    SearchSpace,
    StudyState,
    Suggestion,
    checked_seed,
    is_bool,
    is_function,
    is_positive,
    joint_space,
    one_of,
    option_check,
    to_int_if_whole,
    whole_from,
)
from hpo.samplers.parts import (
    DUPLICATES,
    BelievingStart,
    Duplicates,
    Predicate,
    Region,
    Tried,
    Weights,
    ask_noted,
    at_highest_fidelity,
    checked_prior,
    suggest,
    suggest_lone,
    with_types,
)
from hpo.samplers.random import RandomSampler
from hpo.samplers.tpe import options
from hpo.samplers.tpe.propose import GroupFold, propose

_EXPLORATION = 1.0 / 3.0  # the share of random suggestions while reports stand for results; rho of Falkner et al. 2018
_START = RandomSampler()  # with the stream of the call, so that start-up is random search draw for draw
# not "whole number to whole number": what such a function returns is checked when it is called
_GIVEN_N = is_function("a function of a number of trials")
_IS_BOOL_OR_NONE = option_check("True, False", attrs.validators.instance_of(bool), optional=True)


def _true_for_none(given: bool | None) -> bool:
    return True if given is None else given


@attrs.frozen(kw_only=True)
class TPESampler(BuiltInSampler):
    """Tree-structured Parzen estimator over the joint space.

    The trials are split into a few good ones and the rest, and a density of each group is estimated. Candidates are
    drawn from the density of the good trials; the one whose density among them is largest relative to the rest is
    suggested. All parameters are modelled together, so the sampler sees which values go well together. A parameter that
    only one branch of an objective has is modelled on the trials of that branch, given the joint parameters.

    Complete trials are ordered by value. Pruned trials follow, ordered by how far they came, and after all of those come
    trials that violate constraints, ordered by how much. The better of the good trials weigh more. With several
    objectives, complete trials are ordered by non-domination, and the front that is split between good and bad by
    hypervolume; the weight of a good trial is its exclusive hypervolume contribution. Trials that lack one of the
    parameters, or had it outside of the range that is asked for, are ignored. With one objective only the order of the
    values matters and not their size. With several, the hypervolume compares amounts, whatever their units.

    O(trials) comparisons per suggestion, and O(parameters x `n_ei_candidates` x kernels) arithmetic. There are at most
    `gamma` + 128 kernels: of the bad trials only those next to the good ones have one.

    Source: Bergstra, Bardenet, Bengio and Kegl, "Algorithms for Hyper-Parameter Optimization", NIPS 2011; for joint
    kernels Falkner, Klein and Hutter, "BOHB", ICML 2018; for several objectives Ozaki, Tanigaki, Watanabe, Nomura and
    Onishi, "Multiobjective Tree-Structured Parzen Estimator", JAIR 2022. The documentation measures what differs from
    them.

    Args:
        n_startup_trials: How many complete or pruned trials there must be before the first model; at least 0. Until
            then values are those of a `RandomSampler`, draw for draw. With the constant liar, running trials count too,
            up to the number of finished ones, so that parallel workers don't wait longer for the model than a single
            one.
        n_ei_candidates: How many candidates are compared for a suggestion; at least 1.
        seed: Replaces the study's seed; None means the study's.
        multivariate: Whether parameters are modelled together, also for None; otherwise each one by itself.
        group: Whether parameters of branches are suggested before the objective runs. Each group of parameters that the
            same trials have gets a model of its own, given the parameters that all of these trials have besides; values
            that the objective does not ask for are dropped. Otherwise they are suggested one by one, when the objective
            asks for them.
        gamma: Function from the number of trials to the number of good ones, such as `default_gamma`. Use a function at
            the top of a module, so that equal samplers compare equal and can be pickled.
        weights: Function from the number of trials in a group to an array of as many weights of at least 0, oldest
            trial first, such as `default_weights`. The weights of good trials are multiplied by those of their ranks.
        prior_weight: Weight of the uniform distribution relative to a trial's 1; above 0. More means more exploration.
        constant_liar: Whether running and paused trials with known parameters count as bad, so that parallel workers
            keep away from each other.
        consider_magic_clip: Whether kernels are at least ``1 / min(100, 1 + trials)`` of a range wide. This matters only
            if many trials are good or the prior's weight is small; otherwise kernels are wider anyway.
        consider_endpoints: Whether the ends of a range count as trials when the widths of kernels are computed.
        consider_failed_trials: Whether failed trials count as the worst of all. None means that they do as soon as the
            parameters predict failures, and candidates that are likely to fail are avoided; failures that look like
            chance, such as those of a machine, are ignored. With False all failures are ignored.
        consider_reports: Whether reports stand for results, so that the sampler learns from trials that were pruned or are paused. The
            highest step counts at which `n_startup_trials` trials have reported, and at least one more than there are parameters: each
            trial with a report at this step counts as complete with that value, other pruned trials are bad, and `gamma` is asked about
            the former alone. One joint suggestion in three is drawn at random then. This is BOHB's rule, for studies with one objective
            and pruners that stop most of the trials. Without it, pruned trials count as worse than all complete ones, however few
            these are.
        categorical_distance_func: For categorical parameters, by name, a function from two choices to their distance, at
            least 0: near choices are expected to do equally well. Kept as pairs sorted by name.
        duplicates: With "avoid", no configuration of a finite space is suggested that was tried or is running, and the
            answer is `Exhausted` when there is no other. With "allow", configurations may be repeated.
        prior: What is believed of the best values, by parameter name, for as many parameters as you like: a region ``(low, high)`` in which
            the best value is with 80 %, or a mapping from values, or choices, to weights. It counts less the more results there are, see
            `hpo.samplers.parts.prior`; every other trial of the start-up is drawn from it.

    Raises:
        InvalidArgument, InvalidType: an option is outside of these; the message names it.

    Example:
        >>> from hpo.core.ask_tell import ask, tell
        >>> from hpo.core.values.distributions import FloatDistribution
        >>> state, sampler = StudyState.create(seed=1), TPESampler(n_startup_trials=5)
        >>> for _ in range(30):
        ...     state, trial = ask(state, sampler, {"x": FloatDistribution(-10.0, 10.0)})
        ...     state = tell(state, trial.number, (trial.params["x"] - 2.0) ** 2)
        >>> min(trial.value for trial in state.finished) < 0.1
        True
    """

    needs_pending: ClassVar[bool] = True  # running trials count as bad, and in duplicates

    n_startup_trials: int = attrs.field(default=10, converter=to_int_if_whole, validator=whole_from(0))
    n_ei_candidates: int = attrs.field(default=48, converter=to_int_if_whole, validator=whole_from(1))
    seed: int | None = attrs.field(default=None, converter=checked_seed)
    multivariate: bool = attrs.field(default=True, converter=_true_for_none, validator=is_bool)
    group: bool = attrs.field(default=False, validator=is_bool)
    gamma: Callable[[int], int] = attrs.field(default=options.default_gamma, validator=_GIVEN_N)
    weights: Callable[[int], NDArray[np.float64]] = attrs.field(default=options.default_weights, validator=_GIVEN_N)
    prior_weight: float = attrs.field(default=1.0, validator=is_positive())
    constant_liar: bool = attrs.field(default=True, validator=is_bool)
    consider_magic_clip: bool = attrs.field(default=True, validator=is_bool)
    consider_endpoints: bool = attrs.field(default=False, validator=is_bool)
    consider_failed_trials: bool | None = attrs.field(default=None, validator=_IS_BOOL_OR_NONE)
    consider_reports: bool = attrs.field(default=False, validator=is_bool)
    categorical_distance_func: options.DistanceFunctions = attrs.field(
        default=None, converter=options.checked_distances
    )
    duplicates: Duplicates = attrs.field(default="avoid", validator=one_of(*DUPLICATES))
    prior: FrozenDict[str, Region | Weights] = attrs.field(default=None, converter=checked_prior, eq=with_types)
    _where: Predicate | None = attrs.field(default=None, alias="_where", eq=False, repr=False)
    """What suggestions must satisfy; see `where`."""

    def where(self, predicate: Predicate) -> TPESampler:
        """Return this sampler for a `Where` around it: it looks for the best values that satisfy the predicate."""
        return attrs.evolve(self, _where=predicate)

    _warn_independent_sampling: bool = attrs.field(
        default=True, alias="warn_independent_sampling", eq=False, repr=False
    )
    """Accepted: there is no such warning."""

    @staticmethod
    def hyperopt_parameters() -> dict[str, Any]:
        """Return the options of Hyperopt as keyword arguments.

        Example:
            >>> TPESampler(**TPESampler.hyperopt_parameters()).n_startup_trials
            20
        """
        return {
            "n_startup_trials": 20,
            "n_ei_candidates": 24,
            "gamma": options.hyperopt_gamma,
            "weights": options.default_weights,
            "prior_weight": 1.0,
            "consider_magic_clip": True,
            "consider_endpoints": False,
        }

    @property
    def samples_one_by_one(self) -> bool:
        """Whether this sampler asks Optuna's way for each parameter by itself: it does unless it is multivariate."""
        return not self.multivariate

    def joint_space(self, state: StudyState, trial: FrozenTrial) -> SearchSpace:
        """Return what is suggested together if no space is declared: with `group` every parameter that was seen."""
        return state.finished.fold(GroupFold()).space if self.group else joint_space(state)

    def __call__(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return values for the joint space.

        The note's ``rule`` says where they are from: "startup"; "model"; "untried" if the model proposed only
        configurations that were tried; or "exploration", see `consider_reports`. With a model, ``acquisition`` is the logarithm of how much likelier the values
        are among good trials than among bad ones.
        """

        def ask_model(tried: Tried | None) -> Answer | None:
            seen = self._seen(state, trial, space)
            if seen is not state and key.child("explore").uniforms(["explore"])[0] < _EXPLORATION:
                # what reports at an early step say may be misleading
                return ask_noted(self._start, state, trial, space, key, {"rule": "exploration"})
            return self._suggestion(seen, trial, space, key, tried)

        return suggest(
            state, trial, space, key, ask_model, start=self._start, duplicates=self.duplicates, where=self._where
        )

    def suggest_lone(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return a value for a lone parameter, given the joint ones, with which the whole configuration is a new one."""

        def ask_model(one: SearchSpace, stream: Key, tried: Tried | None) -> Answer | None:
            return self._suggestion(self._seen(state, trial, one), trial, one, stream, tried)

        return suggest_lone(
            state, trial, space, key, ask_model, start=self._start, duplicates=self.duplicates, where=self._where
        )

    @property
    def _start(self) -> Sampler:
        return BelievingStart(_START, self.prior) if self.prior else _START

    def _seen(self, state: StudyState, trial: FrozenTrial, space: SearchSpace) -> StudyState:
        """Return the study from which to learn."""
        if not self.consider_reports:
            return state
        return at_highest_fidelity(state, trial.number, max(self.n_startup_trials, len(space) + 1))

    def _suggestion(
        self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key, tried: Tried | None
    ) -> Suggestion | None:
        proposal = propose(self, state, trial, space, key, tried)
        if proposal is None:
            return None
        # in the order of the space, whatever the order of the parts
        params = {name: proposal.params[name] for name in space}
        note = {"rule": "model", "acquisition": proposal.acquisition}
        if proposal.feasibility is not None:
            note["feasibility"] = proposal.feasibility
        return Suggestion(params, note)
