"""The five distributions of Optuna 2. Each makes one of today's, with a warning, and knows its kind again."""

from __future__ import annotations

import warnings
from typing import Any

from hpo.core import FloatDistribution, IntDistribution


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
