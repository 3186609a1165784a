"""Samplers in Optuna's style: classes with three methods and a memory, and the search space that trials share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, final

import attrs

from hpo.core import (
    Distribution,
    FrozenTrial,
    HasState,
    History,
    Key,
    SearchSpace,
    StudyState,
    StudyView,
    Suggestion,
    intersection_space,
)
from hpo.errors import InvalidArgument, InvalidSuggestion, InvalidType


class BaseSampler(ABC):
    """A base class for samplers in Optuna's style: three methods, and whatever the object remembers between calls.

    At the start of a trial, `infer_relative_search_space` returns the parameters to sample together, unless the study
    declares its space, and `sample_relative` samples them before the objective runs. `sample_independent` samples each
    parameter that is left: those that `sample_relative` returned no value for, and those that the objective touches
    outside of the relative space.

    An object with a memory is not a function of the study, so its suggestions can't be computed again from the journal:
    such a study can't be verified, and resumes with an empty memory. Write a plain function, or a frozen class with
    `__call__` (see `hpo.extend.Sampler`), to have both.

    `study` is a `StudyView` and `trial` a `FrozenTrial`: both are for reading, and changing what they return changes nothing.

    Example:
        >>> class Upwards(BaseSampler):
        ...     def infer_relative_search_space(self, study, trial):
        ...         return {}
        ...     def sample_relative(self, study, trial, search_space):
        ...         return {}
        ...     def sample_independent(self, study, trial, param_name, param_distribution):
        ...         return param_distribution.from_unit(len(study.trials) / 10)
        >>> import hpo
        >>> study = hpo.create_study(sampler=Upwards())
        >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 10), n_trials=3)
        >>> [trial.params["x"] for trial in study.trials]
        [1.0, 2.0, 3.0]
    """

    replayable: ClassVar[bool] = False

    @abstractmethod
    def infer_relative_search_space(self, study: StudyView, trial: FrozenTrial) -> Mapping[str, Distribution]:
        """Return the parameters to sample together in `trial`, by name; there may be none."""

    @abstractmethod
    def sample_relative(
        self, study: StudyView, trial: FrozenTrial, search_space: dict[str, Distribution]
    ) -> Mapping[str, Any]:
        """Return values for parameters of `search_space`, by name.

        Args:
            study: The study at the moment when `trial` started; ``study.trials`` includes `trial`.
            trial: The trial, without parameters.
            search_space: The relative space without the parameters that `trial` was enqueued with. It may be empty,
                because the method is called once per trial.
        """

    @abstractmethod
    def sample_independent(
        self, study: StudyView, trial: FrozenTrial, param_name: str, param_distribution: Distribution
    ) -> Any:
        """Return a value for one parameter, a member of `param_distribution`."""

    def reseed_rng(self) -> None:  # noqa: B027 - a default that most samplers keep
        """Make this copy of the sampler draw other numbers; does nothing unless a class that holds a generator overrides it."""

    @final
    def joint_space(self, state: StudyState, trial: FrozenTrial) -> SearchSpace:
        """Return what `infer_relative_search_space` returns, as a `SearchSpace`."""
        inferred = self.infer_relative_search_space(StudyView(state), trial)
        if not isinstance(inferred, Mapping):
            raise InvalidType(f"{type(self).__name__}.infer_relative_search_space returns a dict, got {inferred!r}")
        return SearchSpace.of(inferred)

    @final
    def __call__(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Suggestion:
        """Return what `sample_relative` returns, completed by `sample_independent`."""
        study = StudyView(state)
        relative = self.sample_relative(study, trial, dict(space))
        if not isinstance(relative, Mapping):
            raise InvalidSuggestion(f"{type(self).__name__}.sample_relative returns a dict, got {relative!r}")
        # values for enqueued parameters are allowed, and passed over
        unknown = [name for name in relative if name not in space and name not in trial.fixed_params]
        if unknown:
            raise InvalidSuggestion(
                f"{type(self).__name__}.sample_relative returned {', '.join(map(repr, unknown))}, "
                f"but its search_space has {', '.join(map(repr, space)) or 'no parameter'}"
            )
        # parameters of the joint space need values now, so those that are missing are sampled one by one
        return Suggestion(
            {
                name: relative[name] if name in relative else self.sample_independent(study, trial, name, distribution)
                for name, distribution in space.items()
            }
        )

    @final
    def suggest_lone(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Suggestion:
        """Return what `sample_independent` returns for a lone parameter."""
        study = StudyView(state)
        return Suggestion({name: self.sample_independent(study, trial, name, dist) for name, dist in space.items()})


def intersection_search_space(
    study: HasState | StudyState | Sequence[FrozenTrial], ordered_dict: bool = False
) -> dict[str, Distribution]:
    """Return the parameters that every complete trial has with the same distribution, sorted by name.

    O(trials completed since the study was last asked); for a list of trials O(trials).

    Args:
        study: A `Study`, a `StudyView`, a `StudyState` or a list of trials.
        ordered_dict: Whether to return an `OrderedDict` instead of a dict.

    Raises:
        InvalidType: `study` is something else.

    Example:
        >>> from hpo import FloatDistribution, create_trial
        >>> x, y = FloatDistribution(0, 1), FloatDistribution(0, 2)
        >>> intersection_search_space([
        ...     create_trial(value=0.0, params={"x": 1.0}, distributions={"x": x}),
        ...     create_trial(value=0.0, params={"x": 0.5, "y": 2.0}, distributions={"x": x, "y": y}),
        ... ])
        {'x': FloatDistribution(low=0.0, high=1.0)}
    """
    space = intersection_space(_state_of(study))  # a fold of the history: nothing is computed twice
    return OrderedDict(space) if ordered_dict else dict(space)


@attrs.define(eq=False)
class IntersectionSearchSpace:
    """Computes `intersection_search_space` for one study, and refuses another study.

    Example:
        >>> state = StudyState.create(name="digits")
        >>> IntersectionSearchSpace().calculate(StudyView(state))
        {}
    """

    _study: tuple[str, int] | None = attrs.field(default=None, init=False)

    def calculate(
        self, study: HasState | StudyState | Sequence[FrozenTrial], ordered_dict: bool = False
    ) -> dict[str, Distribution]:
        """Return the parameters that every complete trial has with the same distribution.

        Args:
            study: See `intersection_search_space`.
            ordered_dict: Whether to return an `OrderedDict` instead of a dict.

        Raises:
            InvalidArgument: an earlier call was for a study of another name or seed.
            InvalidType: `study` is not a study.
        """
        if not isinstance(study, Sequence):
            state = _state_of(study)
            given = state.name, state.seed  # a copy of the study in another process counts as the same study
            if self._study not in (None, given):
                raise InvalidArgument(
                    f"this IntersectionSearchSpace is for the study {self._study[0]!r}, got {state.name!r}: "
                    "make one for each study"
                )
            self._study = given
        return intersection_search_space(study, ordered_dict)


def _state_of(study: object) -> StudyState:
    if isinstance(study, StudyState):
        return study
    state = getattr(study, "state", None)
    if isinstance(state, StudyState):
        return state
    if isinstance(study, Sequence) and all(isinstance(trial, FrozenTrial) for trial in study):
        # a list of trials is a history without a study around it
        return StudyState(finished=History([trial for trial in study if trial.state.is_finished()]))
    raise InvalidType(f"expected a study, its state or a list of its trials; got {study!r}")
