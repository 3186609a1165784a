"""The wrapper for constraints on parameters that are known beforehand and cheap to check."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from hpo.core import (
    Answer,
    BuiltInSampler,
    Exhausted,
    FrozenDict,
    FrozenTrial,
    Key,
    Sampler,
    SearchSpace,
    StudyState,
    Suggestion,
    checked_sampler,
    is_function,
    is_replayable,
    name_of,
    needs_pending,
    space_to_ask,
    to_int_if_whole,
    whole_from,
)
from hpo.errors import InvalidSuggestion
from hpo.samplers.parts import GivenSome, Predicate, asked, given, looking, satisfies

_ASKS = 8  # of the sampler; each may take as long as a suggestion of a model


@attrs.frozen
class Where(BuiltInSampler):
    """Lets another sampler suggest only what satisfies a predicate on the parameters.

    It is for constraints that are cheap to check before a trial runs, such as ``batch_size * width <= 2**20``. Those that
    only show in a trial are for `Trial.set_constraint`.

    The predicate is given the parameters of the trial as far as they are known. If it looks up one that is not there
    (a `KeyError`), it cannot decide, and everything is allowed. So a predicate on several parameters needs them in one joint
    space: declare it by ``create_study(space=...)``, give it to `ask`, or let the first trial show it. A parameter that only a
    branch has is checked together with the joint ones.

    `TPESampler`, `CmaEsSampler`, `GPSampler` and samplers made of them look for the best values that satisfy the predicate. Any other sampler is asked
    up to 8 times, each time with another random stream. If none of its answers satisfies the predicate, up to `max_draws` random
    configurations are tried, and the first that does is suggested. The note's ``rule`` is then "where".

    Args:
        predicate: Pure function from a mapping of parameters to True or False. Use a function at the top of a module, so
            that equal samplers compare equal and can be pickled.
        sampler: The sampler that suggests.
        max_draws: How many random configurations are tried at most, at least 1. They cost some microseconds for each
            parameter, and the predicate.

    Raises:
        InvalidType: `predicate` is not a function, or `sampler` is not a sampler.
        InvalidArgument: `max_draws` is less than 1.

    Example:
        >>> import hpo
        >>> space = {"x": hpo.FloatDistribution(0, 1), "y": hpo.FloatDistribution(0, 1)}
        >>> sampler = Where(lambda params: params["x"] + params["y"] <= 1, hpo.samplers.TPESampler())
        >>> study = hpo.create_study(sampler=sampler, space=space, direction="maximize", seed=1)
        >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1) * trial.suggest_float("y", 0, 1), n_trials=30)
        >>> all(trial.params["x"] + trial.params["y"] <= 1 for trial in study.trials)
        True
    """

    predicate: Predicate = attrs.field(validator=is_function("a function of a mapping of parameters"))
    sampler: Sampler = attrs.field(converter=checked_sampler)
    max_draws: int = attrs.field(default=1000, converter=to_int_if_whole, validator=whole_from(1))
    _known: FrozenDict[str, Any] = attrs.field(
        factory=FrozenDict, alias="_known", kw_only=True, converter=FrozenDict, repr=False
    )
    """Parameters that wrappers around this one hold fixed, see `given`."""

    @property
    def replayable(self) -> bool:  # type: ignore[override]
        """Whether the other sampler is replayable. If it is not, it is asked once only."""
        return is_replayable(self.sampler)

    @property
    def needs_pending(self) -> bool:
        """Whether the other sampler needs earlier suggestions on record before the next one."""
        return needs_pending(self.sampler)

    def given(self, fixed_params: Mapping[str, Any]) -> Where:
        """Return this sampler for a space in which a wrapper around it fixes parameters, which the predicate then sees."""
        return attrs.evolve(self, sampler=given(self.sampler, fixed_params), _known={**self._known, **fixed_params})

    def where(self, predicate: Predicate) -> Where:
        """Return this sampler in another `Where`, whose predicate must be satisfied as well."""
        return attrs.evolve(self, predicate=_Both(self.predicate, predicate))

    def joint_space(self, state: StudyState, trial: FrozenTrial) -> SearchSpace:
        """Return the parameters that the other sampler wants to suggest together."""
        return space_to_ask(state, self.sampler, trial)

    def __call__(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return values for the joint space that satisfy the predicate.

        Raises:
            InvalidSuggestion: none of the draws satisfies it.
        """
        return self._answer(state, trial, space, key, lone=False)

    def suggest_lone(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return a value for a lone parameter that satisfies the predicate together with the joint ones.

        Raises:
            InvalidSuggestion: none of the draws satisfies it.
        """
        return self._answer(state, trial, space, key, lone=True)

    def _answer(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key, *, lone: bool) -> Answer:
        known = {**self._known, **trial.fixed_params, **trial.params}
        sampler = looking(self.sampler, GivenSome(self.predicate, self._known))
        before = None
        for attempt in range(_ASKS if is_replayable(sampler) else 1):
            stream = key.child("where", attempt) if attempt else key
            answer = asked(sampler, state, trial, space, stream, lone=lone)
            if isinstance(answer, Exhausted) or satisfies(self.predicate, {**known, **answer.params}):
                return answer
            if answer.params == before:
                break  # it does not depend on the stream
            before = answer.params
        for number in range(self.max_draws):
            units = key.child("draw", number).uniforms(space)
            values = {name: dist.from_unit(u) for (name, dist), u in zip(space.items(), units, strict=True)}
            if satisfies(self.predicate, {**known, **values}):
                return Suggestion(values, {"rule": "where"})
        given_values = f", with {known!r} known," if known else ""
        raise InvalidSuggestion(
            f"the predicate {name_of(self.predicate)} of Where is satisfied by none of {self.max_draws} random values of "
            f"{', '.join(space)}{given_values} and by no suggestion of {name_of(self.sampler)}: change the predicate or the "
            f"ranges, or raise max_draws; the last values were {values!r}"
        )


@attrs.frozen
class _Both:
    """The predicate that is satisfied by what satisfies two others."""

    first: Predicate
    second: Predicate

    def __call__(self, params: Mapping[str, Any]) -> bool:
        return satisfies(self.first, params) and satisfies(self.second, params)
