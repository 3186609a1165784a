"""A trial with given parameters, for tests of objectives and for using what a study found."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from hpo.core import (
    CategoricalDistribution,
    Choice,
    Distribution,
    FloatDistribution,
    IntDistribution,
    checked_constraint,
    checked_report,
    from_json_tree,
    to_json_tree,
)
from hpo.errors import InvalidArgument, InvalidType, ValueOutsideDistribution


class FixedTrial:
    """Answers an objective's suggest calls with `params`, without any study.

    Args:
        params: Values by name.
        number: What `number` says.

    Raises:
        InvalidType: `params` is no mapping.

    Example:
        >>> def objective(trial):
        ...     return trial.suggest_float("x", -100, 100) + trial.suggest_categorical("y", [-1, 0, 1])
        >>> objective(FixedTrial({"x": 1.0, "y": 0}))
        1.0
    """

    def __init__(self, params: Mapping[str, Any], number: int = 0) -> None:
        if not isinstance(params, Mapping):
            raise InvalidType(f"FixedTrial takes params as a dict by name, got {params!r}")
        self._given = dict(params)
        self.number = number
        self.distributions: dict[str, Distribution] = {}
        self.user_attrs: dict[str, Any] = {}
        self.constraints: dict[str, float] = {}
        self.intermediate_values: dict[int, float] = {}
        self.datetime_start = datetime.datetime.now()  # noqa: DTZ005 - local, as in every trial

    @property
    def params(self) -> dict[str, Any]:
        """The given parameters that were asked for."""
        return {name: self._given[name] for name in self.distributions}

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """The given value of `name`; see `suggest`."""
        return float(self.suggest(name, FloatDistribution(low, high, log=log, step=step)))

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """The given value of `name`; see `suggest`."""
        return int(self.suggest(name, IntDistribution(low, high, log=log, step=step)))

    def suggest_categorical(self, name: str, choices: Sequence[Choice]) -> Any:
        """The given value of `name`; see `suggest`."""
        return self.suggest(name, CategoricalDistribution(choices))

    def suggest(self, name: str, distribution: Distribution) -> Any:
        """The given value of `name`.

        Raises:
            InvalidArgument: none was given.
            ValueOutsideDistribution: it is no member of `distribution`.
        """
        if name not in self._given:
            raise InvalidArgument(
                f"no value was given for parameter {name!r}: FixedTrial has {', '.join(self._given) or 'none'}"
            )
        if not distribution.contains(self._given[name]):
            raise ValueOutsideDistribution(self._given[name], distribution, name)
        self.distributions[name] = distribution
        return distribution.to_external(distribution.to_internal(self._given[name]))

    def report(self, value: float, step: int) -> None:
        """Keep the value in `intermediate_values`; the first one of a step stands.

        Raises:
            InvalidType, InvalidArgument: the value is no number, or the step no whole number from 0 on.
        """
        number, whole = checked_report(value, step)
        self.intermediate_values.setdefault(whole, number)

    def should_prune(self) -> bool:
        """False: nothing judges a fixed trial."""
        return False

    def set_user_attr(self, key: str, value: Any) -> None:
        """Keep an attribute in `user_attrs`.

        Raises:
            InvalidType: a study could not keep the value.
        """
        self.user_attrs[key] = from_json_tree(to_json_tree(value))

    def set_constraint(self, key: str, value: float) -> None:
        """Keep the value of constraint `key` in `constraints`; the first one stands.

        Raises:
            InvalidType, InvalidArgument: the value is no number, or NaN.
        """
        name, number = checked_constraint(key, value)
        self.constraints.setdefault(name, number)
