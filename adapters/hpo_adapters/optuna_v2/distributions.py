"""The names of ``optuna.distributions`` in Optuna 2; the old ones make a `hpo.FloatDistribution`, and know their kind again."""

from __future__ import annotations

import hpo
from hpo import CategoricalDistribution

__all__ = ["CategoricalDistribution", "DiscreteUniformDistribution", "LogUniformDistribution", "UniformDistribution"]


class _FloatOfOneKind(type):
    """Make ``isinstance`` compare how a distribution is scaled, which its class said in Optuna 2."""

    log: bool
    stepped: bool

    def __instancecheck__(cls, instance: object) -> bool:
        return (
            isinstance(instance, hpo.FloatDistribution)
            and instance.log is cls.log
            and (instance.step is not None) is cls.stepped
        )


class UniformDistribution(metaclass=_FloatOfOneKind):
    """Create a float distribution with neither `log` nor `step`.

    Args:
        low: Smallest value.
        high: Largest value.

    Returns:
        An `hpo.FloatDistribution`, of which ``isinstance(..., UniformDistribution)`` is true.

    Example:
        >>> UniformDistribution(0.0, 1.0)
        FloatDistribution(low=0.0, high=1.0)
    """

    log = False
    stepped = False

    def __new__(cls, low: float, high: float) -> hpo.FloatDistribution:  # type: ignore[misc]
        """Return the distribution of hpo."""
        return hpo.FloatDistribution(low, high)


class LogUniformDistribution(metaclass=_FloatOfOneKind):
    """Create a float distribution with `log`.

    Example:
        >>> LogUniformDistribution(0.1, 1.0)
        FloatDistribution(low=0.1, high=1.0, log=True)
    """

    log = True
    stepped = False

    def __new__(cls, low: float, high: float) -> hpo.FloatDistribution:  # type: ignore[misc]
        """Return the distribution of hpo."""
        return hpo.FloatDistribution(low, high, log=True)


class DiscreteUniformDistribution(metaclass=_FloatOfOneKind):
    """Create a float distribution with a step, which Optuna 2 called `q`.

    Example:
        >>> DiscreteUniformDistribution(0.0, 1.0, 0.5)
        FloatDistribution(low=0.0, high=1.0, step=0.5)
    """

    log = False
    stepped = True

    def __new__(cls, low: float, high: float, q: float) -> hpo.FloatDistribution:  # type: ignore[misc]
        """Return the distribution of hpo."""
        return hpo.FloatDistribution(low, high, step=q)
