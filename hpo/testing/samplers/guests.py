"""Guests for samplers that ask other samplers: they draw at random, and record how they were asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from msgspec import Struct

from hpo.core import Answer, Distribution, FrozenTrial, Key, Sampler, SearchSpace, StudyState, StudyView, Suggestion
from hpo.samplers import BaseSampler


class Call(Struct, frozen=True):
    """A call that a guest got.

    Args:
        lone: Whether it was asked for a lone parameter; None if the guest can't tell.
        state: The study.
        trial: The trial.
        space: The parameters.
        key: The random stream; None for class-based guests, which do not get any.
        params: The guest's answer.
    """

    lone: bool | None
    state: StudyState
    trial: FrozenTrial
    space: SearchSpace
    key: Key | None
    params: Mapping[str, Any]


class RecordingGuest:
    """A guest with `suggest_lone` that draws at random and records how it was asked.

    Example:
        >>> from hpo.samplers import Warmup
        >>> guest = RecordingGuest()
        >>> from hpo.testing.scenarios import ORDINARY, scenarios
        >>> state = scenarios(ORDINARY)["constant"]
        >>> _ = Warmup(99, guest, guest)(state, state.running[12], ORDINARY, state.key)
        >>> [(call.lone, len(call.params)) for call in guest.calls]
        [(False, 5)]
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def __call__(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return random values for a joint space."""
        return self._recorded(state, trial, space, key, lone=False)

    def suggest_lone(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return a random value for a lone parameter."""
        return self._recorded(state, trial, space, key, lone=True)

    def _recorded(
        self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key, *, lone: bool | None
    ) -> Suggestion:
        params = _drawn(space, key)
        self.calls.append(Call(lone, state, trial, space, key, params))
        return Suggestion(params)


class RecordingClassGuest(BaseSampler):
    """The same guest as a `BaseSampler`: `sample_relative` answers joint calls, and `sample_independent` lone ones."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def infer_relative_search_space(self, study: StudyView, trial: FrozenTrial) -> Mapping[str, Distribution]:
        """Return all parameters that the study's trials have in common."""
        return {}

    def sample_relative(
        self, study: StudyView, trial: FrozenTrial, search_space: dict[str, Distribution]
    ) -> Mapping[str, Any]:
        """Return values for all of `search_space`."""
        return self._recorded(study, trial, SearchSpace(search_space), lone=False)

    def sample_independent(
        self, study: StudyView, trial: FrozenTrial, param_name: str, param_distribution: Distribution
    ) -> Any:
        """Return the value of one parameter."""
        return self._recorded(study, trial, SearchSpace({param_name: param_distribution}), lone=True)[param_name]

    def _recorded(self, study: StudyView, trial: FrozenTrial, space: SearchSpace, *, lone: bool) -> dict[str, Any]:
        params = _drawn(space, Key(0, ("class", trial.number)))
        self.calls.append(Call(lone, study.state, trial, space, None, params))
        return params


class _RecordingFunction:
    """A plain function as a guest, with the calls that it got."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def function(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        params = _drawn(space, key)
        self.calls.append(Call(None, state, trial, space, key, params))
        return Suggestion(params)


def _drawn(space: SearchSpace, key: Key) -> dict[str, Any]:
    return {name: dist.from_unit(unit) for (name, dist), unit in zip(space.items(), key.uniforms(space), strict=True)}


def draws_at_random(state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
    """Return random values: a guest that is a plain function."""
    return Suggestion(_drawn(space, key))


class Middle(BaseSampler):
    """A pure, class-based guest: the middle of each range."""

    replayable: ClassVar[bool] = True

    def infer_relative_search_space(self, study: StudyView, trial: FrozenTrial) -> Mapping[str, Distribution]:
        """Return no parameters: each is sampled independently."""
        return {}

    def sample_relative(
        self, study: StudyView, trial: FrozenTrial, search_space: dict[str, Distribution]
    ) -> Mapping[str, Any]:
        """Return no values, so that each is sampled independently."""
        return {}

    def sample_independent(
        self, study: StudyView, trial: FrozenTrial, param_name: str, param_distribution: Distribution
    ) -> Any:
        """Return the middle of the range."""
        return param_distribution.from_unit(0.5)


GUESTS: Mapping[str, Sampler] = {"a function": draws_at_random, "a class-based sampler": Middle()}
"""The guests with which a host keeps the basic laws, by name, if no others are given."""


def _object() -> tuple[Sampler, list[Call]]:
    """an object with suggest_lone"""  # noqa: D403, D415 - the end of a message
    guest = RecordingGuest()
    return guest, guest.calls


def _function() -> tuple[Sampler, list[Call]]:
    """a plain function"""  # noqa: D403, D415 - the end of a message
    guest = _RecordingFunction()
    return guest.function, guest.calls


def _class_based() -> tuple[Sampler, list[Call]]:
    """a BaseSampler"""  # noqa: D403, D415 - the end of a message
    guest = RecordingClassGuest()
    return guest, guest.calls


RECORDING = (_object, _function, _class_based)
"""Functions that make a guest of each form, with the list of the calls that it gets."""
