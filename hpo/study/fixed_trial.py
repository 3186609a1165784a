"""A trial with given parameters, to test an objective or to call it with the best parameters of a study."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from hpo.core import (
    BaseTrial,
    CategoricalDistribution,
    Choice,
    Decision,
    Distribution,
    FloatDistribution,
    IntDistribution,
    Verdict,
    as_given,
    checked_constraint,
    checked_report,
    coerced_value,
    distribution_of,
    from_json_tree,
    to_json_tree,
)
from hpo.errors import InvalidArgument, InvalidType, ValueOutsideDistribution


class FixedTrial(BaseTrial):
    """A trial that suggests the given parameters, without any study.

    Args:
        params: Values by name.
        number: The number of the trial.

    Raises:
        InvalidType: `params` is not a mapping.

    Example:
        >>> def objective(trial):
        ...     return trial.suggest_float("x", -100, 100) + trial.suggest_categorical("y", [-1, 0, 1])
        >>> objective(FixedTrial({"x": 1.0, "y": 0}))
        1.0
    """

    number: int
    distributions: dict[str, Distribution]
    user_attrs: dict[str, Any]
    constraints: dict[str, float]
    datetime_start: datetime.datetime | None

    def __init__(self, params: Mapping[str, Any], number: int = 0) -> None:
        if not isinstance(params, Mapping):
            raise InvalidType(f"the params of a FixedTrial are a dict by name, got {params!r}")
        self._given = dict(params)
        self.number = number
        self.distributions = {}
        self.user_attrs = {}
        self.constraints = {}
        self.intermediate_values: dict[int, float] = {}
        self.metrics: dict[int, Mapping[str, float]] = {}
        self.checkpoint: str | None = None
        self.datetime_start = datetime.datetime.now()  # noqa: DTZ005 - local, as in every trial

    @property
    def system_attrs(self) -> dict[str, Any]:
        """Nothing: no study has recorded anything of this trial."""
        return {}

    @property
    def params(self) -> dict[str, Any]:
        """The given parameters that have been asked for."""
        return {name: self._given[name] for name in self.distributions}

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """Return the given value of `name`, with the errors of `suggest`."""
        return float(self.suggest(name, distribution_of(name, FloatDistribution, low, high, log=log, step=step)))

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """Return the given value of `name`, with the errors of `suggest`."""
        return int(self.suggest(name, distribution_of(name, IntDistribution, low, high, log=log, step=step)))

    def suggest_categorical(self, name: str, choices: Sequence[Choice]) -> Any:
        """Return the given value of `name`, with the errors of `suggest`."""
        return as_given(self.suggest(name, distribution_of(name, CategoricalDistribution, choices)), choices)

    def suggest(self, name: str, distribution: Distribution) -> Any:
        """Return the given value of `name`.

        Raises:
            InvalidArgument: no value was given.
            ValueOutsideDistribution: the value is not a member of `distribution`.
        """
        if name not in self._given:
            raise InvalidArgument(
                f"no value was given for parameter {name!r}: FixedTrial has {', '.join(self._given) or 'none'}"
            )
        if not distribution.contains(self._given[name]):
            raise ValueOutsideDistribution(self._given[name], distribution, name)
        self.distributions[name] = distribution
        return coerced_value(name, self._given[name], distribution)

    def report(self, value: float | Mapping[str, float], step: int) -> None:
        """Keep an intermediate value. The first value of a step stays.

        Raises:
            InvalidType, InvalidArgument: the value is not a number, or the step is not a whole number of at least 0.
        """
        checked, whole = checked_report(value, step)
        if isinstance(checked, Mapping):
            self.metrics.setdefault(whole, checked)
        else:
            self.intermediate_values.setdefault(whole, checked)

    def should_prune(self) -> bool:
        """Return False: a fixed trial has no pruner."""
        return False

    def ask_pruner(self) -> Verdict:
        """Return CONTINUE: a fixed trial has no pruner."""
        return Verdict(Decision.CONTINUE)

    def pause(self, checkpoint: str | None = None) -> None:
        """Keep the checkpoint and go on, because there is no study in which the trial could wait."""
        self.checkpoint = checkpoint

    def set_user_attr(self, key: str, value: Any) -> None:
        """Keep a user attribute.

        Raises:
            InvalidType: a study could not store the value.
        """
        self.user_attrs[key] = from_json_tree(to_json_tree(value))

    def set_constraint(self, key: str, value: float) -> None:
        """Keep the value of the constraint `key`. The first value stays.

        Raises:
            InvalidType, InvalidArgument: the value is not a number, or is NaN.
        """
        name, number = checked_constraint(key, value)
        self.constraints.setdefault(name, number)
