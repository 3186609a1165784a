"""The tree-structured Parzen estimator, jointly over all parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple, TypeAlias

import attrs
import numpy as np
from numpy.typing import NDArray

from hpo.core import (
    Answer,
    Choice,
    Distribution,
    FrozenTrial,
    Key,
    SearchSpace,
    StudyState,
    Suggestion,
    checked_seed,
    is_bool,
    joint_space,
    to_int_if_whole,
    whole_from,
)
from hpo.samplers.parts.tried import Duplicates, TriedConfigurations, checked_duplicates, tried
from hpo.samplers.random import RandomSampler
from hpo.samplers.tpe import options
from hpo.samplers.tpe.branches import Branches, in_order
from hpo.samplers.tpe.coding import UnitCoding, column_values
from hpo.samplers.tpe.model import fitted
from hpo.samplers.tpe.observations import Observations

_ATTEMPTS = 8  # rounds of candidates until one was not tried yet


_Draw: TypeAlias = Callable[[StudyState, FrozenTrial, SearchSpace, Key], Suggestion]


class _Part(NamedTuple):
    """Parameters that one model suggests, and the names of those that it is conditional on; None for all known."""

    space: SearchSpace
    companions: frozenset[str] | None


class _Found(NamedTuple):
    """What a model suggests, and the logarithm of how much likelier that is among good trials."""

    params: Mapping[str, Any]
    acquisition: float


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
    gamma: Callable[[int], int] = attrs.field(default=options.default_gamma, validator=options.function)
    weights: Callable[[int], NDArray[np.float64]] = attrs.field(
        default=options.default_weights, validator=options.function
    )
    prior_weight: float = attrs.field(default=1.0, validator=options.positive)
    constant_liar: bool = attrs.field(default=True, validator=is_bool)
    consider_magic_clip: bool = attrs.field(default=True, validator=is_bool)
    consider_endpoints: bool = attrs.field(default=False, validator=is_bool)
    consider_failed_trials: bool = attrs.field(default=False, validator=is_bool)
    categorical_distance_func: tuple[tuple[str, Callable[[Choice, Choice], float]], ...] = attrs.field(
        default=None, converter=options.distances
    )
    duplicates: Duplicates = attrs.field(default="avoid", converter=checked_duplicates)

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
        """What is suggested together where no space is declared; see `group`."""
        if self.group:
            return state.finished.fold(Branches()).space
        return joint_space(state)

    def __call__(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """See `Sampler`.

        The note's ``rule`` says where the values are from: "startup", "model", or "untried", where the model had none
        but configurations that were tried. With a model, ``acquisition`` is the logarithm of how much likelier the
        values are among good trials than among bad ones.
        """
        if not space:
            return Suggestion({})
        seen = tried(state, space) if self.duplicates == "avoid" else None
        if seen is not None and seen.exhausted:
            return seen.exhausted
        return self._suggested(state, trial, space, key, seen)

    def suggest_lone(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return a value for a lone parameter given the joint ones; it may have been tried before."""
        return self._suggested(state, trial, space, key, None, lone=True)

    def _suggested(
        self,
        state: StudyState,
        trial: FrozenTrial,
        space: SearchSpace,
        key: Key,
        seen: TriedConfigurations | None,
        *,
        lone: bool = False,
    ) -> Suggestion:
        random = RandomSampler().suggest_lone if lone else RandomSampler()
        parts = self._parts(state, space)
        if len(parts) == 1:
            found = self._joint(state, parts[0], trial.params, trial.distributions, key, seen)
        else:
            found = self._part_by_part(state, trial, parts, key, random)
        values = found.params if found else random(state, trial, space, key).params
        params = {name: values[name] for name in space}
        note: dict[str, Any] = {"rule": "model", "acquisition": found.acquisition} if found else {"rule": "startup"}
        if seen is not None and seen.contains(params):
            params = seen.random_untried(key)
            if found:
                note = {"rule": "untried"}
        return Suggestion(params, note)

    def _parts(self, state: StudyState, space: SearchSpace) -> list[_Part]:
        """The parts of `space` that are modelled one after the other."""
        if not self.multivariate:
            return [_Part(SearchSpace({name: space[name]}), frozenset()) for name in sorted(space)]
        if not self.group:
            return [_Part(space, None)]
        parts, left = [], dict(space)
        for branch in in_order(state.finished.fold(Branches()).branches):
            inside = {name: left.pop(name) for name in space if name in branch.names}
            if inside:
                parts.append(_Part(SearchSpace(inside), branch.companions))
        if left:
            parts.append(_Part(SearchSpace(left), None))
        return parts

    def _part_by_part(
        self, state: StudyState, trial: FrozenTrial, parts: list[_Part], key: Key, random: _Draw
    ) -> _Found | None:
        """Values from one model for each part, at random where it has none; None as long as no part has one."""
        params, distributions = dict(trial.params), dict(trial.distributions)
        acquisition, modelled = 0.0, False
        for part in parts:
            branch_key = key.child(min(part.space))
            found = self._joint(state, part, params, distributions, branch_key, None)
            if found:
                modelled, acquisition = True, acquisition + found.acquisition
                params.update(found.params)
            else:
                params.update(random(state, trial, part.space, key).params)
            distributions.update(part.space)
        return _Found(params, acquisition) if modelled else None

    def _joint(
        self,
        state: StudyState,
        part: _Part,
        params: Mapping[str, Any],
        distributions: Mapping[str, Distribution],
        key: Key,
        seen: TriedConfigurations | None,
    ) -> _Found | None:
        """Values for a part from one model, given those of `params` that it is conditional on; None for no model.

        An enqueued value may be outside of its range; the model knows nothing of it.
        """
        known = {
            name: value
            for name, value in params.items()
            if (part.companions is None or name in part.companions) and distributions[name].contains(value)
        }
        space = SearchSpace({**{name: distributions[name] for name in known}, **part.space}) if known else part.space
        coding = UnitCoding.of(space)
        fold = Observations(state.directions, coding.columns, self.consider_failed_trials)
        observed = state.finished.fold(fold)
        liars = self._running(state, coding)
        n_seen = observed.n_learnable + min(len(liars), observed.n_learnable)
        if n_seen < self.n_startup_trials or all(name in known for name, _ in coding.columns):
            return None
        model = fitted(self, coding, fold, observed, liars, coding.positions(known))
        if model is None:
            return None
        for attempt in range(1 if seen is None else _ATTEMPTS):
            points, scores = model.candidates(key.child("again", attempt) if attempt else key, self.n_ei_candidates)
            for point, score in zip(points, scores.tolist(), strict=True):
                values = coding.params(point)
                if seen is None or not seen.contains(values):
                    return _Found({name: values[name] for name in part.space}, score)
        return _Found(values, score)

    def _running(self, state: StudyState, coding: UnitCoding) -> NDArray[np.float64]:
        """Points of the running trials that have all parameters, ``(n, d)``; the one that is asked for has none yet."""
        values = []
        if self.constant_liar:
            for other in state.running.values():
                if other.params:
                    row = column_values(coding.columns, other)
                    if row is not None:
                        values.append(row)
        if not values:
            return np.empty((0, len(coding.columns)))
        table = np.array(values, dtype=np.float64)
        return coding.units(table[coding.fits(table)])
