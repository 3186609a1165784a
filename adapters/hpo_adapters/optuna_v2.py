"""Names that the field has dropped, for code that was written for Optuna 2: change the import and nothing else.

Example:
    >>> import hpo_adapters.optuna_v2 as optuna
    >>> study = optuna.create_study()
    >>> study.optimize(lambda trial: trial.suggest_uniform("x", -10, 10) ** 2, n_trials=3)
    >>> isinstance(study.best_trial.distributions["x"], optuna.distributions.UniformDistribution)
    True

What the old names stand for:

======================================  ==========================================
old                                     today
======================================  ==========================================
``suggest_uniform(name, low, high)``    ``suggest_float(name, low, high)``
``suggest_loguniform``                  ``suggest_float(..., log=True)``
``suggest_discrete_uniform(..., q)``    ``suggest_float(..., step=q)``
``UniformDistribution`` and kin         `hpo.FloatDistribution`
======================================  ==========================================

An old uniform range was without its upper end; today's has both ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import attrs

import hpo
from hpo import TrialPruned, pruners, samplers

__all__ = ["Study", "Trial", "TrialPruned", "create_study", "distributions", "pruners", "samplers"]


class _FloatOfOneKind(type):
    """Makes ``isinstance`` ask how a distribution is scaled, which was its class once."""

    log: bool
    stepped: bool

    def __instancecheck__(cls, instance: object) -> bool:
        return (
            isinstance(instance, hpo.FloatDistribution)
            and instance.log is cls.log
            and (instance.step is not None) is cls.stepped
        )


class UniformDistribution(metaclass=_FloatOfOneKind):
    """A float distribution with neither `log` nor `step`.

    Args:
        low: Smallest value.
        high: Largest value.

    Returns:
        An `hpo.FloatDistribution`, for which ``isinstance(..., UniformDistribution)`` holds.

    Example:
        >>> UniformDistribution(0.0, 1.0)
        FloatDistribution(low=0.0, high=1.0)
    """

    log = False
    stepped = False

    def __new__(cls, low: float, high: float) -> hpo.FloatDistribution:  # type: ignore[misc]
        return hpo.FloatDistribution(low, high)


class LogUniformDistribution(metaclass=_FloatOfOneKind):
    """A float distribution with `log`; otherwise as `UniformDistribution`.

    Example:
        >>> LogUniformDistribution(0.1, 1.0)
        FloatDistribution(low=0.1, high=1.0, log=True)
    """

    log = True
    stepped = False

    def __new__(cls, low: float, high: float) -> hpo.FloatDistribution:  # type: ignore[misc]
        return hpo.FloatDistribution(low, high, log=True)


class DiscreteUniformDistribution(metaclass=_FloatOfOneKind):
    """A float distribution with a step, which was called `q`; otherwise as `UniformDistribution`.

    Example:
        >>> DiscreteUniformDistribution(0.0, 1.0, 0.5)
        FloatDistribution(low=0.0, high=1.0, step=0.5)
    """

    log = False
    stepped = True

    def __new__(cls, low: float, high: float, q: float) -> hpo.FloatDistribution:  # type: ignore[misc]
        return hpo.FloatDistribution(low, high, step=q)


distributions = SimpleNamespace(
    CategoricalDistribution=hpo.CategoricalDistribution,
    DiscreteUniformDistribution=DiscreteUniformDistribution,
    LogUniformDistribution=LogUniformDistribution,
    UniformDistribution=UniformDistribution,
)
"""What ``optuna.distributions`` was."""


@attrs.frozen
class Trial:
    """A running trial with the old names for float parameters; everything else is the trial's own.

    Args:
        trial: An `hpo.Trial`.
    """

    _trial: Any

    def suggest_uniform(self, name: str, low: float, high: float) -> float:
        """See `hpo.Trial.suggest_float`."""
        return self._float(name, low, high)

    def suggest_loguniform(self, name: str, low: float, high: float) -> float:
        """See `hpo.Trial.suggest_float` with `log`."""
        return self._float(name, low, high, log=True)

    def suggest_discrete_uniform(self, name: str, low: float, high: float, q: float) -> float:
        """See `hpo.Trial.suggest_float` with a `step`."""
        return self._float(name, low, high, step=q)

    def _float(self, name: str, low: float, high: float, **scale: Any) -> float:
        value: float = self._trial.suggest_float(name, low, high, **scale)
        return value

    def __getattr__(self, name: str) -> Any:
        return getattr(self._trial, name)


@attrs.frozen
class Study:
    """A study whose objectives get a `Trial` with the old names; everything else is the study's own.

    Args:
        study: An `hpo.Study`.
    """

    _study: Any

    def optimize(self, func: Callable[[Any], Any], *args: Any, **options: Any) -> None:
        """See `hpo.Study.optimize`."""
        self._study.optimize(_WithOldNames(func), *args, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._study, name)


@attrs.frozen
class _WithOldNames:
    """An objective for today's trials, made of one that was written for the old names; it pickles if that does."""

    func: Callable[[Any], Any]

    def __call__(self, trial: Any) -> Any:
        return self.func(Trial(trial))


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
    """`hpo.create_study` with the positions that its arguments had in Optuna 2.

    Args:
        storage: Where to keep the study; in memory if not given.
        sampler: Who suggests parameters.
        pruner: Who judges running trials.
        study_name: Its name in the storage.
        direction: ``"minimize"``, the default, or ``"maximize"``.
        load_if_exists: Whether to continue a study of this name instead of raising.
        directions: One direction per objective, instead of `direction`.

    Raises:
        DuplicatedStudyError: there is a study of this name, and not `load_if_exists`.
        InvalidArgument: a direction of another name, or both `direction` and `directions`.
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
