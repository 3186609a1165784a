"""Classes of which all trials, or all distributions, count as objects: for annotations and ``isinstance``."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hpo.core import CategoricalDistribution, FloatDistribution, FrozenTrial, IntDistribution
from hpo.study.fixed_trial import FixedTrial
from hpo.study.trial import Trial

if TYPE_CHECKING:
    import datetime


class BaseTrial(ABC):
    """What running, fixed and finished trials have in common. Objectives may be annotated with it.

    Example:
        >>> isinstance(FixedTrial({"x": 1}), BaseTrial)
        True
    """

    number: int
    params: Mapping[str, Any]
    distributions: Mapping[str, Any]
    user_attrs: Mapping[str, Any]
    system_attrs: Mapping[str, Any]
    constraints: Mapping[str, float]
    datetime_start: datetime.datetime | None

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """Return a value of a float parameter."""
        raise NotImplementedError

    def suggest_uniform(self, name: str, low: float, high: float) -> float:
        """Return a value of a float parameter; an old name."""
        raise NotImplementedError

    def suggest_loguniform(self, name: str, low: float, high: float) -> float:
        """Return a value of a float parameter on a logarithmic scale; an old name."""
        raise NotImplementedError

    def suggest_discrete_uniform(self, name: str, low: float, high: float, q: float) -> float:
        """Return a value of a float parameter with a step; an old name."""
        raise NotImplementedError

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """Return a value of a whole-number parameter."""
        raise NotImplementedError

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """Return one of the choices."""
        raise NotImplementedError

    def report(self, value: float, step: int) -> None:
        """Record an intermediate value."""
        raise NotImplementedError

    def should_prune(self) -> bool:
        """Return whether the trial should stop now."""
        raise NotImplementedError

    def set_user_attr(self, key: str, value: Any) -> None:
        """Attach a value to the trial."""
        raise NotImplementedError

    def set_constraint(self, key: str, value: float) -> None:
        """Record the value of a constraint."""
        raise NotImplementedError


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


BaseTrial.register(Trial)
BaseTrial.register(FixedTrial)
BaseTrial.register(FrozenTrial)
BaseDistribution.register(FloatDistribution)
BaseDistribution.register(IntDistribution)
BaseDistribution.register(CategoricalDistribution)
