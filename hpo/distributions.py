"""The distributions of parameters, under the module name that Optuna uses too, and the five of Optuna 2, which make today's."""

from __future__ import annotations

import warnings
from abc import ABC
from typing import Any

from hpo.core import (
    CategoricalDistribution,
    Choice as CategoricalChoiceType,
    Distribution,
    FloatDistribution,
    IntDistribution,
    check_distribution_compatibility,
    distribution_to_json,
    json_to_distribution,
)

DISTRIBUTION_CLASSES = (FloatDistribution, IntDistribution, CategoricalDistribution)

__all__ = [
    "DISTRIBUTION_CLASSES",
    "BaseDistribution",
    "CategoricalChoiceType",
    "CategoricalDistribution",
    "DiscreteUniformDistribution",
    "Distribution",
    "FloatDistribution",
    "IntDistribution",
    "IntLogUniformDistribution",
    "IntUniformDistribution",
    "LogUniformDistribution",
    "UniformDistribution",
    "check_distribution_compatibility",
    "distribution_to_json",
    "json_to_distribution",
]


class BaseDistribution(ABC):  # noqa: B024 - others count as it, and nothing derives from it
    """What the three kinds of distribution have in common.

    Example:
        >>> isinstance(IntDistribution(1, 3), BaseDistribution)
        True
    """

    def to_external_repr(self, param_value_in_internal_repr: float) -> Any:
        """Return a value as an objective sees it."""
        raise NotImplementedError

    def to_internal_repr(self, param_value_in_external_repr: Any) -> float:
        """Return a value as journals keep it."""
        raise NotImplementedError

    def single(self) -> bool:
        """Return whether there is only one value."""
        raise NotImplementedError


BaseDistribution.register(FloatDistribution)
BaseDistribution.register(IntDistribution)
BaseDistribution.register(CategoricalDistribution)


class _OneKind(type):
    """Make ``isinstance`` compare how a distribution is scaled, which its class said in Optuna 2."""

    kind: type[FloatDistribution | IntDistribution]
    log: bool
    stepped: bool

    def __instancecheck__(cls, instance: object) -> bool:
        if not isinstance(instance, cls.kind) or instance.log is not cls.log:
            return False
        return cls.kind is IntDistribution or (instance.step is not None) is cls.stepped


class _OldFloat(metaclass=_OneKind):
    kind: Any
    single, to_external_repr, to_internal_repr = (
        FloatDistribution.single,
        FloatDistribution.to_external_repr,
        FloatDistribution.to_internal_repr,
    )


class _OldInt(metaclass=_OneKind):
    kind: Any
    single, to_external_repr, to_internal_repr = (
        IntDistribution.single,
        IntDistribution.to_external_repr,
        IntDistribution.to_internal_repr,
    )


def _made(old: str, kind: type[Any], low: float, high: float, **options: Any) -> Any:
    made = kind(low, high, **options)
    warnings.warn(f"{old} is an old name: use {made!r}", FutureWarning, stacklevel=3)
    return made


class UniformDistribution(_OldFloat):
    """Returns a `FloatDistribution` with neither `log` nor `step`.

    Example:
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")
        ...     UniformDistribution(0.0, 1.0)
        FloatDistribution(low=0.0, high=1.0)
    """

    kind, log, stepped = FloatDistribution, False, False

    def __new__(cls, low: float, high: float) -> FloatDistribution:  # type: ignore[misc]
        """Return the distribution of today."""
        return _made("UniformDistribution", FloatDistribution, low, high)  # type: ignore[no-any-return]


class LogUniformDistribution(_OldFloat):
    """Returns a `FloatDistribution` with `log`."""

    kind, log, stepped = FloatDistribution, True, False

    def __new__(cls, low: float, high: float) -> FloatDistribution:  # type: ignore[misc]
        """Return the distribution of today."""
        return _made("LogUniformDistribution", FloatDistribution, low, high, log=True)  # type: ignore[no-any-return]


class DiscreteUniformDistribution(_OldFloat):
    """Returns a `FloatDistribution` with a step, which was called `q`."""

    kind, log, stepped = FloatDistribution, False, True

    def __new__(cls, low: float, high: float, q: float) -> FloatDistribution:  # type: ignore[misc]
        """Return the distribution of today."""
        return _made("DiscreteUniformDistribution", FloatDistribution, low, high, step=q)  # type: ignore[no-any-return]


class IntUniformDistribution(_OldInt):
    """Returns an `IntDistribution` without `log`."""

    kind, log, stepped = IntDistribution, False, True

    def __new__(cls, low: int, high: int, step: int = 1) -> IntDistribution:  # type: ignore[misc]
        """Return the distribution of today."""
        return _made("IntUniformDistribution", IntDistribution, low, high, step=step)  # type: ignore[no-any-return]


class IntLogUniformDistribution(_OldInt):
    """Returns an `IntDistribution` with `log`."""

    kind, log, stepped = IntDistribution, True, True

    def __new__(cls, low: int, high: int, step: int = 1) -> IntDistribution:  # type: ignore[misc]
        """Return the distribution of today."""
        return _made("IntLogUniformDistribution", IntDistribution, low, high, log=True, step=step)  # type: ignore[no-any-return]
