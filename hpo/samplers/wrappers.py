"""Samplers made of samplers: some parameters held fixed, one sampler after another, one in place of another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from hpo.core import (
    Answer,
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
    ask_sampler,
    checked_sampler,
    checked_seed,
    checked_text,
    is_replayable,
    name_of,
    needs_pending,
    space_to_ask,
    trial_key,
)
from hpo.errors import InvalidArgument, InvalidSuggestion, InvalidType
from hpo.samplers.brute_force.sampler import BruteForceSampler


def _checked_params(given: Mapping[str, Any]) -> FrozenDict[str, Choice]:
    if not isinstance(given, Mapping):
        raise InvalidType(f"fixed_params maps parameter names to values, got {given!r}")
    values = {}
    for name, value in given.items():
        try:
            values[checked_text(name, "a parameter's name")] = CategoricalDistribution((value,)).choices[0]
        except InvalidType:
            raise InvalidType(
                f"a parameter is None, a bool, an int, a float or a str; fixed_params gives {name!r} {value!r} "
                f"of type {type(value).__name__}"
            ) from None
    return FrozenDict(values)


def _checked_count(given: int) -> int:
    count = as_int(given)
    if count is None:
        raise InvalidType(f"n is the number of trials of the first sampler, got {given!r}")
    if count < 0:
        raise InvalidArgument(f"n is the number of trials of the first sampler, at least 0; got {count}")
    return count


def _with_types(params: Mapping[str, Choice]) -> tuple[tuple[str, CategoricalDistribution], ...]:
    """What makes fixed values equal: ``True``, ``1`` and ``1.0`` are three."""
    return tuple((name, CategoricalDistribution((params[name],))) for name in sorted(params))


@attrs.frozen
class PartialFixedSampler:
    """Some parameters have given values; another sampler suggests the others.

    The other sampler never hears of the fixed ones in what it is asked for. A value enqueued for a trial goes before
    a fixed one. Costs what the other sampler costs. A model-based one is asked for a part of the space here, can't tell
    what was tried of the whole, and may suggest a configuration again.

    Args:
        fixed_params: Values by parameter name. A value must be one of its parameter's, or lie in its range; it may
            lie between the points of a step.
        base_sampler: Who suggests the rest.

    Raises:
        InvalidType: a value can't be a parameter's, or `base_sampler` is no sampler.

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
    def replayable(self) -> bool:
        """Whether the other sampler is."""
        return is_replayable(self.base_sampler)

    @property
    def needs_pending(self) -> bool:
        """Whether the other sampler is asked in turn."""
        return needs_pending(self.base_sampler)

    def joint_space(self, state: StudyState, trial: FrozenTrial) -> SearchSpace:
        """What the other sampler wants to suggest together."""
        return space_to_ask(state, self._base, trial)

    def __call__(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """See `Sampler`. The joint call always reaches the other sampler, which may have something to note."""
        fixed = {name: self._value(name, space) for name in space if name in self.fixed_params}
        answer = _asked(self._base, state, trial, space.without(fixed), key)
        if isinstance(answer, Exhausted) or not fixed:
            return answer
        return Suggestion({**answer.params, **fixed}, answer.note, off_grid=True)

    def suggest_lone(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return the fixed value, or the other sampler's for a parameter that is not fixed."""
        if not self.fixed_params.keys().isdisjoint(space):
            return Suggestion({name: self._value(name, space) for name in space}, off_grid=True)
        return _asked(self._base, state, trial, space, key, lone=True)

    @property
    def _base(self) -> Sampler:
        if isinstance(self.base_sampler, BruteForceSampler):  # must not look for other values of what is fixed
            return attrs.evolve(self.base_sampler, part={**self.base_sampler.part, **self.fixed_params})
        return self.base_sampler

    def _value(self, name: str, space: SearchSpace) -> Any:
        value, distribution = self.fixed_params[name], space[name]
        allowed = distribution.contains(value)
        if not allowed and not isinstance(distribution, CategoricalDistribution):
            numeric = isinstance(value, int | float)
            allowed = numeric and distribution.low <= value <= distribution.high  # type: ignore[operator]
            allowed = allowed and (as_int(value) is not None or isinstance(distribution.low, float))
        if not allowed:
            raise InvalidSuggestion(
                f"PartialFixedSampler gives parameter {name!r} the value {value!r}, which is outside {distribution!r}: "
                "change fixed_params, or what the objective asks for"
            )
        return distribution.to_external(distribution.to_internal(value))


@attrs.frozen
class Warmup:
    """The first `n` trials are one sampler's, the others another's.

    The trial's number decides, so trials that run at the same time, or wait in the queue, count as well. The note says
    who was ``chosen``. Nothing left for the first sampler is the end, as anywhere;
    ``Warmup(n, Fallback(first, then), then)`` goes on. O(1) per suggestion besides what the chosen one costs.

    Args:
        n: How many trials the first sampler has, at least 0.
        first: Who suggests for trials 0 to ``n - 1``.
        then: Who suggests for those from `n` on.

    Raises:
        InvalidArgument: `n` is negative.
        InvalidType: `n` is no whole number, or one of the others no sampler.

    Example:
        >>> import hpo
        >>> sampler = Warmup(8, hpo.samplers.QMCSampler(), hpo.samplers.TPESampler())
        >>> study = hpo.create_study(sampler=sampler)
        >>> study.optimize(lambda trial: trial.suggest_float("x", -10, 10) ** 2, n_trials=10)
    """

    n: int = attrs.field(converter=_checked_count)
    first: Sampler = attrs.field(converter=checked_sampler)
    then: Sampler = attrs.field(converter=checked_sampler)

    @property
    def replayable(self) -> bool:
        """Whether both samplers are."""
        return is_replayable(self.first) and is_replayable(self.then)

    @property
    def needs_pending(self) -> bool:
        """Whether one of the samplers is asked in turn."""
        return needs_pending(self.first) or needs_pending(self.then)

    def joint_space(self, state: StudyState, trial: FrozenTrial) -> SearchSpace:
        """What the sampler whose turn it is wants to suggest together."""
        return space_to_ask(state, self._chosen(trial), trial)

    def __call__(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """See `Sampler`."""
        return _named(self._chosen(trial), state, trial, space, key)

    def suggest_lone(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return the answer of the sampler whose turn it is for a lone parameter."""
        return _named(self._chosen(trial), state, trial, space, key, lone=True)

    def _chosen(self, trial: FrozenTrial) -> Sampler:
        return self.first if trial.number < self.n else self.then


@attrs.frozen
class Fallback:
    """One sampler as long as it has something to suggest, then another.

    Whether something is left is what the first sampler says when it is asked for no parameters at all, in the state
    at the trial's start; so all parameters of a trial come from one of the two. Where it has nothing for now, the other
    one has this trial. A sampler that is not replayable must not be asked twice, and stays the chosen one. The note
    says who was ``chosen``. O(1) per suggestion besides what the chosen one costs, and the first one's for no parameters.

    Args:
        first: Who suggests, for example a `GridSampler`.
        then: Who suggests when nothing is left.

    Raises:
        InvalidType: one of them is no sampler.

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
    def replayable(self) -> bool:
        """Whether both samplers are."""
        return is_replayable(self.first) and is_replayable(self.then)

    @property
    def needs_pending(self) -> bool:
        """Whether one of the samplers is asked in turn."""
        return needs_pending(self.first) or needs_pending(self.then)

    def joint_space(self, state: StudyState, trial: FrozenTrial) -> SearchSpace:
        """What the sampler that suggests for `trial` wants to suggest together."""
        return space_to_ask(state, self._chosen(state, trial), trial)

    def __call__(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """See `Sampler`."""
        return _named(self._chosen(state, trial), state, trial, space, key)

    def suggest_lone(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return the answer of the sampler that the trial's joint parameters are from for a lone parameter."""
        return _named(self._chosen(state, trial), state, trial, space, key, lone=True)

    def _chosen(self, state: StudyState, trial: FrozenTrial) -> Sampler:
        if not is_replayable(self.first):
            return self.first
        as_started = state.running.get(trial.number, trial)  # without what was suggested since
        key = trial_key(state, self.first, trial.number)
        answer = self.first(state, as_started, SearchSpace(), key)
        return self.then if isinstance(answer, Exhausted) else self.first


def _asked(
    sampler: Sampler, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key, *, lone: bool = False
) -> Answer:
    """The answer of `sampler` as if the study had it alone: its own seed, where it has one, counts."""
    seed = checked_seed(getattr(sampler, "seed", None))
    return ask_sampler(sampler, state, trial, space, key if seed is None else Key(seed, key.path), lone=lone)


def _named(
    sampler: Sampler, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key, *, lone: bool = False
) -> Answer:
    """The answer of `sampler`, with its name as ``chosen`` in the note, unless it has put one there itself."""
    answer = _asked(sampler, state, trial, space, key, lone=lone)
    if isinstance(answer, Exhausted) or not (answer.params or answer.note):
        return answer
    return Suggestion(answer.params, {"chosen": name_of(sampler), **answer.note}, answer.off_grid)
