"""The sampler that models good and bad trials by Parzen estimators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import attrs
import numpy as np
from numpy.typing import NDArray

from hpo.core import (
    Answer,
    FrozenTrial,
    Key,
    SearchSpace,
    StudyState,
    Suggestion,
    checked_seed,
    is_bool,
    is_function,
    is_positive,
    joint_space,
    one_of,
    to_int_if_whole,
    whole_from,
)
from hpo.samplers.parts.driver import DUPLICATES, Duplicates, suggest, suggest_lone
from hpo.samplers.parts.tried import TriedConfigurations
from hpo.samplers.random import RandomSampler
from hpo.samplers.tpe import branches, options
from hpo.samplers.tpe.kernels import DistanceFunctions
from hpo.samplers.tpe.propose import propose

_START = RandomSampler()
_GIVEN_N = is_function("a function of a number of trials")


@attrs.frozen(kw_only=True)
class TPESampler:
    """Tree-structured Parzen estimator over the joint space.

    The trials are split into a few good ones and the rest. A density is estimated for either; candidates are drawn from
    the good ones' density, and the one that is likeliest under it relative to the other is suggested. All parameters
    are modelled together, so that the sampler sees which values go well with which. A parameter that an objective
    touches in one of its branches only is modelled on the trials that took that branch, given the joint ones.

    What counts: complete trials by value; behind them pruned ones by how far they came; behind all of those the ones
    that violate constraints, by how much. The better of the good trials weigh more. With several objectives complete
    trials are ordered by non-domination, and within the front that is split by the hypervolume that they add; what only
    a trial adds is its weight. Trials that lack one of the parameters, or had it outside the range that is asked for,
    are ignored. With one objective only the order of the values matters, not their size; with several the hypervolume
    compares amounts, in whatever units they are.

    O(trials) comparisons per suggestion, and O(parameters x `n_ei_candidates` x kernels) arithmetic, with at most
    `gamma` + 128 kernels: of the bad trials those that are next to the good ones in value.

    Source: Bergstra, Bardenet, Bengio and Kegl, "Algorithms for Hyper-Parameter Optimization", NIPS 2011; for joint
    kernels Falkner, Klein and Hutter, "BOHB", ICML 2018; for several objectives Ozaki, Tanigaki, Watanabe, Nomura and
    Onishi, "Multiobjective Tree-Structured Parzen Estimator", JAIR 2022. What differs from them is measured in the
    documentation of samplers.

    Args:
        n_startup_trials: So many complete or pruned trials come from random search first, with the very draws of
            `RandomSampler`; at least 0. With the constant liar running ones count too, as many as are finished, so that
            parallel workers don't wait longer for the model than one alone.
        n_ei_candidates: How many candidates are compared for a suggestion; at least 1.
        seed: Takes the place of the study's seed; None means the study's.
        multivariate: Whether parameters are modelled together; else each one by itself.
        group: Whether the parameters of branches are suggested before the objective runs, each group that the same
            trials have from a model of its own, given those that all of these trials have besides; values that the
            objective does not ask for are dropped. Else they are suggested one by one, when it asks for them.
        gamma: Function from the number of trials to that of good ones; see `default_gamma`. A function at the top of
            a module, so that equal samplers compare equal and can be pickled.
        weights: Function from the number of trials in a group, oldest first, to an array of as many weights, none
            negative; see `default_weights`. The good ones' are multiplied with those of their ranks.
        prior_weight: Weight of the uniform distribution next to that of the trials; above 0. The more, the more
            exploration.
        constant_liar: Whether running trials with known parameters count as bad, so that parallel workers keep away
            from each other.
        consider_magic_clip: Whether kernels are at least ``1 / min(100, 1 + trials)`` of a range wide. It matters
            where many trials count as good or the prior's weight is small; else kernels are wider anyway.
        consider_endpoints: Whether the ends of a range count as trials when the width of kernels is computed.
        consider_failed_trials: Whether failed trials count as the worst of all; else they are ignored. It keeps away
            from regions where objectives crash.
        categorical_distance_func: For categorical parameters, by name, a function from two choices to how far they are
            from each other, at least 0: near choices are likely to do as well. Kept as pairs sorted by name.
        duplicates: "avoid": in a finite space no configuration is suggested that was tried or is running, and the
            sampler is exhausted when there is no other; see `hpo.samplers.parts.tried`. "allow": it may be.

    Raises:
        InvalidArgument, InvalidType: an option is outside of these, with its name.

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

    needs_pending: ClassVar[bool] = True  # what running trials have counts

    n_startup_trials: int = attrs.field(default=10, converter=to_int_if_whole, validator=whole_from(0))
    n_ei_candidates: int = attrs.field(default=48, converter=to_int_if_whole, validator=whole_from(1))
    seed: int | None = attrs.field(default=None, converter=checked_seed)
    multivariate: bool = attrs.field(default=True, validator=is_bool)
    group: bool = attrs.field(default=False, validator=is_bool)
    gamma: Callable[[int], int] = attrs.field(default=options.default_gamma, validator=_GIVEN_N)
    weights: Callable[[int], NDArray[np.float64]] = attrs.field(default=options.default_weights, validator=_GIVEN_N)
    prior_weight: float = attrs.field(default=1.0, validator=is_positive())
    constant_liar: bool = attrs.field(default=True, validator=is_bool)
    consider_magic_clip: bool = attrs.field(default=True, validator=is_bool)
    consider_endpoints: bool = attrs.field(default=False, validator=is_bool)
    consider_failed_trials: bool = attrs.field(default=False, validator=is_bool)
    categorical_distance_func: DistanceFunctions = attrs.field(default=None, converter=options.checked_distances)
    duplicates: Duplicates = attrs.field(default="avoid", validator=one_of(*DUPLICATES))

    @staticmethod
    def hyperopt_parameters() -> dict[str, Any]:
        """The options that Hyperopt has, as keyword arguments.

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

    def joint_space(self, state: StudyState, trial: FrozenTrial) -> SearchSpace:
        """Return what is suggested together if no space is declared: with `group` every parameter that was seen."""
        return state.finished.fold(branches.Fold()).space if self.group else joint_space(state)

    def __call__(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return values for the joint space.

        The note's ``rule`` says where they are from: "startup"; "model"; or "untried" if the model proposed only
        configurations that were tried. With a model, ``acquisition`` is the logarithm of how much likelier the values
        are among good trials than among bad ones.
        """

        def ask_model(tried: TriedConfigurations | None) -> Answer | None:
            return self._suggestion(state, trial, space, key, tried)

        return suggest(state, trial, space, key, ask_model, start=_START, duplicates=self.duplicates)

    def suggest_lone(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return a value for a lone parameter, given the joint ones; it may have been tried before."""

        def ask_model(tried: TriedConfigurations | None) -> Answer | None:
            return self._suggestion(state, trial, space, key, tried)

        return suggest_lone(state, trial, space, key, ask_model, start=_START)

    def _suggestion(
        self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key, tried: TriedConfigurations | None
    ) -> Suggestion | None:
        proposal = propose(self, state, trial, space, key, tried)
        if proposal is None:
            return None
        params = {name: proposal.params[name] for name in space}
        return Suggestion(params, {"rule": "model", "acquisition": proposal.acquisition})
