"""Run programs that were written for Optuna 2: change the import and nothing else.

Example:
    >>> import hpo_adapters.optuna_v2 as optuna
    >>> study = optuna.create_study()
    >>> study.optimize(lambda trial: trial.suggest_uniform("x", -10, 10) ** 2, n_trials=3)
    >>> isinstance(study.best_trial.distributions["x"], optuna.distributions.UniformDistribution)
    True

The old names and what they stand for:

======================================  ==========================================
Optuna 2                                hpo
======================================  ==========================================
``suggest_uniform(name, low, high)``    ``suggest_float(name, low, high)``
``suggest_loguniform``                  ``suggest_float(..., log=True)``
``suggest_discrete_uniform(..., q)``    ``suggest_float(..., step=q)``
``UniformDistribution`` and kin         `hpo.FloatDistribution`
======================================  ==========================================

Old programs also evaluate a finished trial again, and the objective then overwrites the trial's user attributes. Trials
of hpo never change, so the studies of this module return a `FrozenTrial` of its own, which can be overwritten:

    >>> best_trial = study.best_trial
    >>> best_trial.set_user_attr("evaluated", "again")
    >>> best_trial.user_attrs, study.best_trial.user_attrs
    ({'evaluated': 'again'}, {})

An old uniform range excluded its upper end; a range of hpo includes both ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import attrs

import hpo
from hpo import TrialPruned, pruners, samplers
from hpo_adapters.optuna_v2 import distributions

__all__ = [
    "FrozenTrial",
    "Study",
    "Trial",
    "TrialPruned",
    "create_study",
    "create_trial",
    "distributions",
    "pruners",
    "samplers",
    "trial",
]


def _suggest_uniform(self: Trial | FrozenTrial, name: str, low: float, high: float) -> float:
    """Suggest a float between `low` and `high`."""
    value: float = self.suggest_float(name, low, high)
    return value


def _suggest_loguniform(self: Trial | FrozenTrial, name: str, low: float, high: float) -> float:
    """Suggest a float between `low` and `high` whose logarithm is uniform."""
    value: float = self.suggest_float(name, low, high, log=True)
    return value


def _suggest_discrete_uniform(self: Trial | FrozenTrial, name: str, low: float, high: float, q: float) -> float:
    """Suggest one of the floats `low`, `low` + `q`, ... up to `high`."""
    value: float = self.suggest_float(name, low, high, step=q)
    return value


def _inner(outer: object, field: str, name: str) -> Any:
    """Return attribute `name` of the object that `outer` wraps in `field`.

    Private and special names are not looked up there: `copy` and `pickle` ask for some of them before there is a wrapped
    object, and must not be answered for it.
    """
    if name.startswith("_") or name == field:
        raise AttributeError(f"{type(outer).__name__!r} object has no attribute {name!r}")
    return getattr(getattr(outer, field), name)


@attrs.frozen
class Trial:
    """A running trial, or a fixed one, with the old names for float parameters besides its own.

    Args:
        hpo_trial: An `hpo.Trial`, or an `hpo.trial.FixedTrial`.
    """

    hpo_trial: Any

    suggest_uniform = _suggest_uniform
    suggest_loguniform = _suggest_loguniform
    suggest_discrete_uniform = _suggest_discrete_uniform

    def __getattr__(self, name: str) -> Any:
        return _inner(self, "hpo_trial", name)


@attrs.define(eq=False, repr=False)
class FrozenTrial:
    """A trial at one moment, with the old names for float parameters and with user attributes that can be overwritten.

    Everything else is read from the `hpo.FrozenTrial` inside, which never changes: after `set_user_attr` this object
    holds a changed copy. Neither the study nor any other `FrozenTrial` is affected.

    Args:
        hpo_trial: An `hpo.FrozenTrial`.

    Example:
        >>> x = distributions.UniformDistribution(0, 9)
        >>> trial = create_trial(value=4.0, params={"x": 2.0}, distributions={"x": x})
        >>> trial.set_user_attr("checked", True)
        >>> trial.suggest_uniform("x", 0, 9), trial.user_attrs
        (2.0, {'checked': True})
    """

    hpo_trial: hpo.FrozenTrial

    suggest_uniform = _suggest_uniform
    suggest_loguniform = _suggest_loguniform
    suggest_discrete_uniform = _suggest_discrete_uniform

    def set_user_attr(self, key: str, value: Any) -> None:
        """Overwrite a user attribute of this object.

        Args:
            key: Its name.
            value: A JSON value or a datetime.

        Raises:
            InvalidType: `value` is something else.
        """
        self.hpo_trial = self.hpo_trial.set_user_attr(key, value)

    def __getattr__(self, name: str) -> Any:
        return _inner(self, "hpo_trial", name)

    def __eq__(self, other: object) -> bool:
        return bool(self.hpo_trial == _unwrapped(other))

    # Trials of Optuna 2 can be overwritten, and so can't be keys of a dict.
    __hash__ = None  # type: ignore[assignment]

    def __lt__(self, other: Any) -> bool:
        return bool(self.hpo_trial < _unwrapped(other))

    def __repr__(self) -> str:
        return repr(self.hpo_trial)


def create_trial(**fields: Any) -> FrozenTrial:
    """Create a trial by hand, for `Study.add_trial` and for tests.

    Args:
        **fields: Those of `hpo.create_trial`: `state`, `value` or `values`, `params`, `distributions`, `user_attrs`,
            `intermediate_values`, `constraints`.

    Raises:
        InvalidArgument, InvalidType, ValueOutsideDistribution: the fields describe no trial that a study could hold.
    """
    return FrozenTrial(hpo.create_trial(**fields))


def _fixed_trial(params: Mapping[str, Any], number: int = 0) -> Trial:
    """Create a trial that answers with these parameters, to test an objective."""
    return Trial(hpo.trial.FixedTrial(params, number))


trial = SimpleNamespace(
    FixedTrial=_fixed_trial,
    FrozenTrial=FrozenTrial,
    Trial=Trial,
    TrialState=hpo.TrialState,
    create_trial=create_trial,
)
"""The names of ``optuna.trial``."""


@attrs.define(unsafe_hash=True)
class Study:
    """A study whose objectives, callbacks and callers get trials with the old names; everything else is its own.

    Args:
        hpo_study: An `hpo.Study`.
    """

    hpo_study: Any

    def optimize(
        self,
        func: Callable[[Any], Any],
        n_trials: int | None = None,
        timeout: float | None = None,
        n_jobs: int | None = None,
        catch: Any = (),
        callbacks: Iterable[Callable[[Any, Any], None]] | None = None,
        **options: Any,
    ) -> None:
        """Run trials of `func`, as `hpo.Study.optimize` does.

        Args:
            func: The objective, which gets a `Trial`.
            n_trials: How many trials to run; None for no limit.
            timeout: Seconds after which no trial starts; None for no limit.
            n_jobs: How many trials run at a time.
            catch: Exceptions that fail their trial and do not end the run.
            callbacks: Called with this `Study` and a `FrozenTrial` after each trial.
            **options: Further options of `hpo.Study.optimize`.
        """
        wrapped = [_wrapped_callback(each) for each in callbacks] if isinstance(callbacks, Iterable) else callbacks
        objective = _OldObjective(func) if callable(func) else func  # hpo's own error for anything else
        self.hpo_study.optimize(objective, n_trials, timeout, n_jobs, catch, wrapped, **options)

    def ask(self, *args: Any, **options: Any) -> Any:
        """Start a trial, or `n` of them, as `hpo.Study.ask` does."""
        asked = self.hpo_study.ask(*args, **options)
        return [Trial(one) for one in asked] if isinstance(asked, list) else Trial(asked)

    def tell(self, trial: Any, *args: Any, **options: Any) -> FrozenTrial:
        """Record the result of a trial, given itself or by its number, as `hpo.Study.tell` does."""
        return FrozenTrial(self.hpo_study.tell(_unwrapped(trial), *args, **options))

    def add_trial(self, trial: Any) -> None:
        """Add a trial that was made by hand, or that comes from another study."""
        self.hpo_study.add_trial(_unwrapped(trial))

    def add_trials(self, trials: Iterable[Any]) -> None:
        """Add several trials, in order."""
        self.hpo_study.add_trials([_unwrapped(each) for each in trials])

    @property
    def sampler(self) -> hpo.Sampler:
        """The sampler that suggests parameters; it can be replaced."""
        sampler: hpo.Sampler = self.hpo_study.sampler
        return sampler

    @sampler.setter
    def sampler(self, sampler: hpo.Sampler) -> None:
        self.hpo_study.sampler = sampler

    @property
    def pruner(self) -> hpo.Pruner:
        """The pruner that decides whether running trials are pruned; it can be replaced."""
        pruner: hpo.Pruner = self.hpo_study.pruner
        return pruner

    @pruner.setter
    def pruner(self, pruner: hpo.Pruner) -> None:
        self.hpo_study.pruner = pruner

    @property
    def trials(self) -> list[FrozenTrial]:
        """All trials, ordered by number."""
        return self.get_trials()

    def get_trials(self, *args: Any, **options: Any) -> list[FrozenTrial]:
        """Return all trials, or those in some states, ordered by number."""
        return [FrozenTrial(each) for each in self.hpo_study.get_trials(*args, **options)]

    @property
    def best_trial(self) -> FrozenTrial:
        """The trial with the best value; raises as `hpo.Study.best_trial` does."""
        return FrozenTrial(self.hpo_study.best_trial)

    @property
    def best_trials(self) -> list[FrozenTrial]:
        """The trials on the Pareto front."""
        return [FrozenTrial(each) for each in self.hpo_study.best_trials]

    def __getattr__(self, name: str) -> Any:
        return _inner(self, "hpo_study", name)


def _unwrapped(given: Any) -> Any:
    """Return the trial of hpo in a trial of this module, and anything else as it is."""
    return given.hpo_trial if isinstance(given, Trial | FrozenTrial) else given


@attrs.frozen
class _OldObjective:
    """An objective for trials of hpo, made from one for trials with the old names. It pickles if that one does."""

    func: Callable[[Any], Any]

    def __call__(self, trial: Any) -> Any:
        return self.func(Trial(trial))


@attrs.frozen
class _OldCallback:
    """A callback for studies and trials of hpo, made from one for those of this module."""

    func: Callable[[Any, Any], None]

    def __call__(self, study: Any, trial: Any) -> None:
        self.func(Study(study), FrozenTrial(trial))


def _wrapped_callback(given: Any) -> Any:
    return _OldCallback(given) if callable(given) else given  # hpo's own error for anything else


def create_study(
    storage: Any = None,
    sampler: hpo.Sampler | None = None,
    pruner: hpo.Pruner | None = None,
    study_name: str | None = None,
    direction: str | None = None,
    load_if_exists: bool = False,
    *,
    directions: Sequence[str] | None = None,
) -> Study:
    """Create a study, as `hpo.create_study` does, with the positions that its arguments had in Optuna 2.

    Args:
        storage: A path, a URL or a storage; None keeps the study in memory.
        sampler: Suggests parameters.
        pruner: Decides whether running trials are pruned.
        study_name: Its name in the storage.
        direction: ``"minimize"``, the default, or ``"maximize"``.
        load_if_exists: Whether to continue a study of this name instead of raising an error.
        directions: One direction per objective, instead of `direction`.

    Raises:
        DuplicatedStudyError: there is a study of this name, and `load_if_exists` is false.
        InvalidArgument: a direction has another name, or both `direction` and `directions` are given.
    """
    return Study(
        hpo.create_study(
            storage=storage,
            sampler=sampler,
            pruner=pruner,
            study_name=study_name,
            direction=direction,
            load_if_exists=load_if_exists,
            directions=directions,
        )
    )
