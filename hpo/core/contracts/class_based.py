"""Class-based samplers and pruners, in Optuna's style: classes with a few methods, and a memory if they want one.

The samplers and pruners of this library have these methods too, for programs that delegate to them or subclass them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import attrs

from hpo.core.contracts.pruner import Decision, ask_pruner
from hpo.core.contracts.sampler import Answer, Exhausted, Suggestion, nothing_left, trial_key
from hpo.core.contracts.study_view import HasState, StudyView, state_of
from hpo.core.contracts.subclasses import built_in_class, call_overrides, does_nothing
from hpo.core.state import StudyState
from hpo.core.values import Distribution, FrozenTrial, Key, SearchSpace, TrialState
from hpo.core.views import joint_space
from hpo.errors import InvalidSuggestion, InvalidType, SearchSpaceExhausted


@attrs.frozen(eq=False)
class StudySampled(StudyView):
    """What a `BaseSampler` sees of a study, and the answers of the samplers that it has delegated to."""

    answers: list[Suggestion] = attrs.field(factory=list, init=False, repr=False)

    def suggestion(self, params: Mapping[str, Any]) -> Suggestion:
        """Return `params` with the notes of the samplers that were asked."""
        note = {name: value for answer in self.answers for name, value in answer.note.items()}
        return Suggestion(params, note, off_grid=any(answer.off_grid for answer in self.answers))


class BaseSampler(ABC):
    """A base class for samplers in Optuna's style: three methods, and whatever the object remembers between calls.

    At the start of a trial, `infer_relative_search_space` returns the parameters to sample together, unless the study
    declares its space, and `sample_relative` samples them before the objective runs. `sample_independent` samples each
    parameter that is left: those that `sample_relative` returned no value for, and those that the objective touches
    outside of the relative space. Each of them may ask another sampler: ``RandomSampler().sample_independent(...)``.

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

    @does_nothing  # noqa: B027 - a default that most samplers keep
    def before_trial(self, study: StudyView, trial: FrozenTrial) -> None:
        """Get ready for `trial`, which has just started and has no parameters; does nothing unless it is overridden."""

    @does_nothing  # noqa: B027 - a default that most samplers keep
    def after_trial(
        self, study: StudyView, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """Take notice of a result; does nothing unless it is overridden.

        Args:
            study: The study just before the end of the trial.
            trial: The trial, with its parameters and still running.
            state: How it ends.
            values: One value per direction, or None if there is no result.
        """

    def reseed_rng(self) -> None:  # noqa: B027 - a default that most samplers keep
        """Make this copy of the sampler draw other numbers; does nothing unless a class that holds a generator overrides it."""

    def joint_space(self, state: StudyState, trial: FrozenTrial) -> SearchSpace:
        """Return what `infer_relative_search_space` returns, as a `SearchSpace`."""
        inferred = self.infer_relative_search_space(StudySampled(state), trial)
        if not isinstance(inferred, Mapping):
            raise InvalidType(f"{type(self).__name__}.infer_relative_search_space returns a dict, got {inferred!r}")
        return SearchSpace.of(inferred)

    def __call__(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Answer:
        """Return what `sample_relative` returns, completed by `sample_independent`."""
        study = StudySampled(state)
        try:
            relative = self.sample_relative(study, trial, dict(space))
        except SearchSpaceExhausted as error:  # of a sampler that it has asked
            return Exhausted(error.reason, error.for_now, error.of_space)
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
        return study.suggestion(
            {
                name: relative[name] if name in relative else self.sample_independent(study, trial, name, distribution)
                for name, distribution in space.items()
            }
        )

    def suggest_lone(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Suggestion:
        """Return what `sample_independent` returns for a lone parameter."""
        study = StudySampled(state)
        params = {name: self.sample_independent(study, trial, name, dist) for name, dist in space.items()}
        return study.suggestion(params)


class BasePruner(ABC):
    """A base class for pruners in Optuna's style: one method, which reads the study and the trial.

    A plain function or a frozen class with `__call__` does the same (see `hpo.extend.Pruner`), and the journal records
    the options of a frozen class.

    Example:
        >>> class NotBelow(BasePruner):
        ...     def __init__(self, limit):
        ...         self.limit = limit
        ...     def prune(self, study, trial):
        ...         return trial.intermediate_values[trial.last_step] < self.limit
        >>> import hpo
        >>> study = hpo.create_study(pruner=NotBelow(0.5))
        >>> trial = study.ask()
        >>> trial.report(0.4, step=0)
        >>> trial.should_prune()
        True
    """

    @abstractmethod
    def prune(self, study: StudyView, trial: FrozenTrial) -> bool:
        """Return whether to stop `trial`.

        Args:
            study: The study at this moment; ``study.trials`` includes `trial`.
            trial: The running trial with everything that it has reported.
        """

    def __call__(self, state: StudyState, trial: FrozenTrial) -> Decision:
        """Return the decision of `prune`.

        Raises:
            InvalidType: `prune` returns something other than True or False.
        """
        stop = self.prune(StudyView(state), trial)
        # bools of numpy and of pandas are fine; what else is true or false, such as a list, is more likely a mistake
        if not isinstance(stop, bool) and getattr(getattr(stop, "dtype", None), "kind", None) != "b":
            raise InvalidType(f"{type(self).__name__}.prune returns True or False, got {stop!r}")
        return Decision.STOP if stop else Decision.CONTINUE


_METHODS = (
    "infer_relative_search_space",
    "sample_relative",
    "sample_independent",
    "before_trial",
    "after_trial",
)


class BuiltInSampler:
    """The base class of the samplers of this library: it has the methods of `BaseSampler`, which ask the sampler itself.

    A `BaseSampler` may delegate to them. A subclass of a sampler may override them: it is then asked as a `BaseSampler` is,
    and what it leaves alone is what the sampler would do. Such a subclass is not replayable unless it says otherwise.

    Example:
        >>> import hpo
        >>> class Half(hpo.samplers.RandomSampler):
        ...     def sample_independent(self, study, trial, param_name, param_distribution):
        ...         return 0.5
        >>> study = hpo.create_study(sampler=Half())
        >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
        >>> [trial.params["x"] for trial in study.trials], isinstance(study.sampler, hpo.samplers.BaseSampler)
        ([0.5, 0.5], True)
    """

    __slots__ = ()

    replayable: ClassVar[bool] = True

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        asked = {name: vars(BaseSampler)[name] for name in ("__call__", "joint_space", "suggest_lone")}
        call_overrides(cls, BuiltInSampler, _METHODS, asked)

    @property
    def samples_one_by_one(self) -> bool:
        """Whether this sampler asks Optuna's way for each parameter by itself, so that its relative space is empty."""
        return False

    def infer_relative_search_space(self, study: HasState, trial: FrozenTrial) -> dict[str, Distribution]:
        """Return the parameters that this sampler would suggest together in `trial`, by name."""
        if self.samples_one_by_one:
            return {}
        state = state_of(study)
        infer = getattr(_built_in(self), "joint_space", None)
        return dict(joint_space(state) if infer is None or state.space is not None else infer(self, state, trial))

    def sample_relative(
        self, study: HasState, trial: FrozenTrial, search_space: Mapping[str, Distribution]
    ) -> dict[str, Any]:
        """Return the values that this sampler would suggest together.

        Args:
            study: The study that a delegating sampler was given.
            trial: The trial that needs values. Its number and the seed decide, so asking twice returns the same.
            search_space: The parameters.

        Raises:
            SearchSpaceExhausted: nothing is left to suggest.
        """
        state = state_of(study)
        space = SearchSpace.of({} if self.samples_one_by_one else search_space)
        key = trial_key(state, self, trial.number)  # type: ignore[arg-type]
        return _params(study, state, _built_in(self).__call__(self, state, trial, space, key))

    def sample_independent(
        self, study: HasState, trial: FrozenTrial, param_name: str, param_distribution: Distribution
    ) -> Any:
        """Return the value that this sampler would suggest for a parameter by itself.

        Args:
            study: The study that a delegating sampler was given.
            trial: The trial that needs the value. Its number and the seed decide, so asking twice returns the same.
            param_name: The name of the parameter.
            param_distribution: The distribution to draw from.

        Raises:
            SearchSpaceExhausted: nothing is left to suggest.
        """
        state, kind = state_of(study), _built_in(self)
        key = trial_key(state, self, trial.number).child(param_name)  # type: ignore[arg-type]
        ask = getattr(kind, "suggest_lone", kind.__call__)
        answer = ask(self, state, trial, SearchSpace({param_name: param_distribution}), key)
        return _params(study, state, answer)[param_name]

    def used_up(self, state: StudyState, trial: FrozenTrial) -> Exhausted | None:
        """Return that nothing is left to suggest, as far as this sampler says so when it is asked for no parameters.

        It is asked before a trial starts, in place of a subclass that may be asked only once for each trial.
        """
        kind: Any = built_in_class(type(self), BuiltInSampler)
        if kind is None:
            return None
        claim: Any = kind.replayable
        if not (
            claim.__get__(self) if isinstance(claim, property) else claim
        ):  # a wrapper around a sampler with a memory
            return None
        answer = kind.__call__(self, state, trial, SearchSpace(), trial_key(state, self, trial.number))  # type: ignore[arg-type]
        return answer if isinstance(answer, Exhausted) else None

    @does_nothing
    def before_trial(self, study: HasState, trial: FrozenTrial) -> None:
        """Do nothing; what a subclass does here happens before the trial's parameters are sampled."""

    @does_nothing
    def after_trial(
        self, study: HasState, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """Do nothing; what a subclass does here happens when the trial has ended."""

    def reseed_rng(self) -> None:
        """Do nothing: random numbers belong to the study's seed and to the trial's number."""


BaseSampler.register(BuiltInSampler)


def _built_in(sampler: BuiltInSampler) -> Any:
    """Return the class of this library that `sampler` is an object of, or of a subclass of."""
    return built_in_class(type(sampler), BuiltInSampler) or type(sampler)


def _params(study: object, state: StudyState, answer: Answer) -> dict[str, Any]:
    if isinstance(answer, Exhausted):
        raise nothing_left(state, answer, None)
    if isinstance(study, StudySampled):
        study.answers.append(answer)  # so that its note, which later suggestions may need, is recorded
    return dict(answer.params)


class BuiltInPruner:
    """The base class of the pruners of this library: it has the method of `BasePruner`, which asks the pruner itself.

    A `BasePruner` may delegate to it. A subclass of a pruner may override it: it is then asked as a `BasePruner` is.

    Example:
        >>> import hpo
        >>> class Patient(hpo.pruners.MedianPruner):
        ...     def prune(self, study, trial):
        ...         return trial.last_step >= 5 and super().prune(study, trial)
        >>> pruner = Patient(n_startup_trials=0)
        >>> study = hpo.create_study(pruner=pruner)
        >>> study.add_trial(hpo.create_trial(value=0.1, intermediate_values={1: 0.1, 5: 0.1}))
        >>> trial = study.ask()
        >>> trial.report(0.9, step=1)
        >>> trial.should_prune(), hpo.pruners.MedianPruner(0).prune(study, study.trials[1])
        (False, True)
        >>> trial.report(0.9, step=5)
        >>> trial.should_prune(), isinstance(pruner, hpo.pruners.BasePruner)
        (True, True)
    """

    __slots__ = ()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        call_overrides(cls, BuiltInPruner, ("prune",), {"__call__": vars(BasePruner)["__call__"]})

    def prune(self, study: HasState, trial: FrozenTrial) -> bool:
        """Return whether this pruner would stop `trial`, given what it has reported.

        Args:
            study: The study that a delegating pruner was given, or any other.
            trial: A trial of the study; it may be finished.

        Raises:
            InvalidType: `study` is not a study.
        """
        if not isinstance(study, HasState):
            raise InvalidType(f"prune takes a study and one of its trials, got {study!r}")
        kind: Any = built_in_class(type(self), BuiltInPruner) or type(self)
        decide = kind.__call__.__get__(self)  # also in an object of a subclass
        return ask_pruner(study.state, decide, trial).decision is Decision.STOP


BasePruner.register(BuiltInPruner)
