"""Samplers made of other samplers: with fixed parameters, with another warm-up, or with a fallback.

A wrapper uses only the methods of `Sampler` of the samplers in it. One of them is `given`, which tells a sampler which
parameters the wrappers around it hold fixed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from hpo.core import (
    Answer,
    BuiltInSampler,
    CategoricalDistribution,
    Choice,
    Exhausted,
    FrozenDict,
    FrozenTrial,
    Key,
    Sampler,
    SearchSpace,
    StudyState,
    Suggestion,
    as_int,
    checked_sampler,
    checked_text,
    is_replayable,
    misfits,
    needs_pending,
    space_to_ask,
    to_int_if_whole,
    trial_key,
    whole_from,
)
from hpo.errors import InvalidSuggestion, InvalidType
from hpo.samplers.parts import GivenSome, Predicate, asked, given, looking, named


def _checked_params(values_given: Mapping[str, Any]) -> FrozenDict[str, Choice]:
    if not isinstance(values_given, Mapping):
        raise InvalidType(f"fixed_params maps parameter names to values, got {values_given!r}")
    values = {}
    for name, value in values_given.items():
        try:
            # a categorical distribution takes exactly what a parameter may be, and turns numpy's types into builtins
            values[checked_text(name, "a parameter's name")] = CategoricalDistribution((value,)).choices[0]
        except InvalidType:
            raise InvalidType(
                f"a parameter is None, a bool, an int, a float or a string; fixed_params has {value!r} of type "
                f"{type(value).__name__} for {name!r}"
            ) from None
    return FrozenDict(values)


def _with_types(params: Mapping[str, Choice]) -> tuple[tuple[str, CategoricalDistribution], ...]:
    """Return what makes fixed values equal: ``True``, ``1`` and ``1.0`` are three different values."""
    return tuple((name, CategoricalDistribution((params[name],))) for name in sorted(params))


@attrs.frozen
class PartialFixedSampler(BuiltInSampler):
    """Gives some parameters fixed values and lets another sampler suggest the others.

    The other sampler is never asked for the fixed parameters. A value that a trial was enqueued with takes precedence
    over a fixed one. A suggestion costs what the other sampler costs. A model-based sampler sees only part of the space
    here, so it cannot tell which whole configurations were tried and may suggest one again; a sampler with a method
    `given`, such as `BruteForceSampler`, is told the fixed values.

    Args:
        fixed_params: Values by parameter name. Each must be a member of its parameter's distribution or lie within its
            range; it may lie between the points of a step.
        base_sampler: The sampler for the other parameters.

    Raises:
        InvalidType: a value is not of a type that a parameter can have, or `base_sampler` is not a sampler.

    Example:
        >>> import hpo
        >>> sampler = PartialFixedSampler({"y": 2}, hpo.samplers.RandomSampler())
        >>> study = hpo.create_study(sampler=sampler)
        >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1) + trial.suggest_int("y", 0, 9), n_trials=2)
        >>> [trial.params["y"] for trial in study.trials]
        [2, 2]
    """

    fixed_params: FrozenDict[str, Choice] = attrs.field(converter=_checked_params, eq=_with_types)
    base_sampler: Sampler = attrs.field(converter=checked_sampler)

    @property
    def replayable(self) -> bool:  # type: ignore[override]
        """Whether the other sampler is replayable."""
        return is_replayable(self.base_sampler)

    @property
    def needs_pending(self) -> bool:
        """Whether the other sampler needs earlier suggestions on record before the next one."""
        return needs_pending(self.base_sampler)

    def given(self, fixed_params: Mapping[str, Any]) -> PartialFixedSampler:
        """Return this sampler for a space in which a wrapper around it fixes more parameters.

        If both fix a parameter, the value of the outer wrapper counts, because that one is asked first.
        """
        # the base sampler is told only what outer wrappers fix; `_base` adds what this sampler fixes
        own = {name: value for name, value in self.fixed_params.items() if name not in fixed_params}
        return PartialFixedSampler(own, given(self.base_sampler, fixed_params))

    def where(self, predicate: Predicate) -> PartialFixedSampler:
        """Return this sampler for a `Where` around it; the predicate sees the fixed values, too."""
        return attrs.evolve(self, base_sampler=looking(self.base_sampler, GivenSome(predicate, self.fixed_params)))

    def joint_space(self, state: StudyState, trial: FrozenTrial) -> SearchSpace:
        """Return the parameters that the other sampler wants to suggest together.

        A fixed parameter whose value is not in the distribution that earlier trials had is left out: it gets its value
        when the objective asks for it, because the objective may depend on another parameter or have changed.
        """
        space = space_to_ask(state, self._base, trial)
        return space.without(dict.fromkeys(misfits(self.fixed_params, space)))

    def __call__(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return the fixed values of a joint space with the other sampler's suggestion for the rest.

        The other sampler is asked even if nothing is left for it, because it may record a note.
        """
        fixed = {name: self._value(name, space) for name in space if name in self.fixed_params}
        answer = asked(self._base, state, trial, space.without(fixed), key)
        if isinstance(answer, Exhausted) or not fixed:
            return answer
        # a fixed value may lie between the points of a step, which is valid only with off_grid=True
        return Suggestion({**answer.params, **fixed}, answer.note, off_grid=True)

    def suggest_lone(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return the fixed value, or the other sampler's for a parameter that is not fixed."""
        if not self.fixed_params.keys().isdisjoint(space):
            return Suggestion({name: self._value(name, space) for name in space}, off_grid=True)
        return asked(self._base, state, trial, space, key, lone=True)

    @property
    def _base(self) -> Sampler:
        return given(self.base_sampler, self.fixed_params)

    def _value(self, name: str, space: SearchSpace) -> Any:
        value, distribution = self.fixed_params[name], space[name]
        allowed = distribution.contains(value)
        if not allowed and not isinstance(distribution, CategoricalDistribution):
            # a value between the points of a step is allowed, but an int parameter never gets a fraction
            numeric = isinstance(value, int | float)
            allowed = numeric and distribution.low <= value <= distribution.high  # type: ignore[operator]
            allowed = allowed and (as_int(value) is not None or isinstance(distribution.low, float))
        if not allowed:
            raise InvalidSuggestion(
                f"PartialFixedSampler gives parameter {name!r} the value {value!r}, which is outside {distribution!r}: "
                "change fixed_params or the distribution that the objective asks for"
            )
        return distribution.to_external(distribution.to_internal(value))


@attrs.frozen
class Warmup(BuiltInSampler):
    """Lets one sampler suggest the first `n` trials and another sampler all later ones.

    The trial's number decides, so running and enqueued trials count as well. The note of a trial names the sampler
    that was ``chosen``. If the first sampler is exhausted, the study ends;
    ``Warmup(n, Fallback(first, then), then)`` continues instead. O(1) per suggestion plus the cost of the chosen sampler.

    Args:
        n: The number of trials of the first sampler, at least 0.
        first: The sampler for trials 0 to ``n - 1``.
        then: The sampler for trial `n` and later ones.

    Raises:
        InvalidArgument: `n` is negative.
        InvalidType: `n` is not a whole number, or `first` or `then` is not a sampler.

    Example:
        >>> import hpo
        >>> sampler = Warmup(8, hpo.samplers.QMCSampler(), hpo.samplers.TPESampler())
        >>> study = hpo.create_study(sampler=sampler)
        >>> study.optimize(lambda trial: trial.suggest_float("x", -10, 10) ** 2, n_trials=10)
    """

    n: int = attrs.field(converter=to_int_if_whole, validator=whole_from(0, error=None))
    first: Sampler = attrs.field(converter=checked_sampler)
    then: Sampler = attrs.field(converter=checked_sampler)

    @property
    def replayable(self) -> bool:  # type: ignore[override]
        """Whether both samplers are replayable."""
        return is_replayable(self.first) and is_replayable(self.then)

    @property
    def needs_pending(self) -> bool:
        """Whether one of the samplers needs earlier suggestions on record before the next one."""
        return needs_pending(self.first) or needs_pending(self.then)

    def given(self, fixed_params: Mapping[str, Any]) -> Warmup:
        """Return this sampler for a space in which a wrapper around it fixes parameters."""
        return Warmup(self.n, given(self.first, fixed_params), given(self.then, fixed_params))

    def where(self, predicate: Predicate) -> Warmup:
        """Return this sampler for a `Where` around it."""
        return Warmup(self.n, looking(self.first, predicate), looking(self.then, predicate))

    def joint_space(self, state: StudyState, trial: FrozenTrial) -> SearchSpace:
        """Return the parameters that the sampler of this trial wants to suggest together."""
        return space_to_ask(state, self._chosen(trial), trial)

    def __call__(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return the answer of the sampler of this trial, which the note names."""
        return named(self._chosen(trial), state, trial, space, key)

    def suggest_lone(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return the answer of the sampler of this trial for a lone parameter."""
        return named(self._chosen(trial), state, trial, space, key, lone=True)

    def _chosen(self, trial: FrozenTrial) -> Sampler:
        return self.first if trial.number < self.n else self.then


@attrs.frozen
class Fallback(BuiltInSampler):
    """Lets one sampler suggest until it is exhausted, and another sampler from then on.

    To find out, the first sampler is asked for an empty space, in the state at the trial's start; so all parameters of
    a trial come from one of the two. If the first sampler is exhausted only for now, the second one gets just this
    trial. A sampler that is not replayable must not be asked twice, so it always stays the chosen one. The note of a
    trial names the sampler that was ``chosen``. O(1) per suggestion plus the cost of the chosen sampler and of asking
    the first one for an empty space.

    Args:
        first: The sampler to prefer, for example a `GridSampler`.
        then: The sampler to use when the first one is exhausted.

    Raises:
        InvalidType: `first` or `then` is not a sampler.

    Example:
        >>> import hpo
        >>> grid = hpo.samplers.GridSampler({"x": [1.0, 2.0, 3.0]})
        >>> study = hpo.create_study(sampler=Fallback(grid, hpo.samplers.RandomSampler()))
        >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 9) ** 2, n_trials=5)
        >>> [trial.params["x"] for trial in study.trials][:3]
        [1.0, 2.0, 3.0]
    """

    first: Sampler = attrs.field(converter=checked_sampler)
    then: Sampler = attrs.field(converter=checked_sampler)

    @property
    def replayable(self) -> bool:  # type: ignore[override]
        """Whether both samplers are replayable."""
        return is_replayable(self.first) and is_replayable(self.then)

    @property
    def needs_pending(self) -> bool:
        """Whether one of the samplers needs earlier suggestions on record before the next one."""
        return needs_pending(self.first) or needs_pending(self.then)

    def given(self, fixed_params: Mapping[str, Any]) -> Fallback:
        """Return this sampler for a space in which a wrapper around it fixes parameters."""
        return Fallback(given(self.first, fixed_params), given(self.then, fixed_params))

    def where(self, predicate: Predicate) -> Fallback:
        """Return this sampler for a `Where` around it."""
        return Fallback(looking(self.first, predicate), looking(self.then, predicate))

    def joint_space(self, state: StudyState, trial: FrozenTrial) -> SearchSpace:
        """Return the parameters that the sampler of this trial wants to suggest together."""
        return space_to_ask(state, self._chosen(state, trial), trial)

    def __call__(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return the answer of the sampler of this trial, which the note names."""
        return named(self._chosen(state, trial), state, trial, space, key)

    def suggest_lone(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return the answer for a lone parameter, of the sampler that suggested the trial's joint parameters."""
        return named(self._chosen(state, trial), state, trial, space, key, lone=True)

    def _chosen(self, state: StudyState, trial: FrozenTrial) -> Sampler:
        if not is_replayable(self.first):
            return self.first  # it may depend on the number of its calls, so an extra one would change its answers
        # a lone parameter comes with the joint ones in `trial`; the choice must be the one of the joint call
        as_started = state.running.get(trial.number, trial)
        key = trial_key(state, self.first, trial.number)
        answer = self.first(state, as_started, SearchSpace(), key)
        return self.then if isinstance(answer, Exhausted) else self.first
