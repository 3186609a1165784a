"""What a trial can be told, checked and as builtins: values of parameters and objectives, reports, constraints."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, overload

from hpo.core.memory import FrozenDict
from hpo.core.values.checks import as_float, as_int, checked_text
from hpo.core.values.distributions import Distribution
from hpo.errors import InvalidArgument, InvalidType, ValueOutsideDistribution


def coerced_value(name: str, value: object, distribution: Distribution) -> Any:
    """`value` as the builtin that `distribution` gives out; outside a numeric range it comes with a warning.

    Raises:
        ValueOutsideDistribution: it is of another kind, or none of the choices.
    """
    try:
        internal = distribution.to_internal(value)
    except ValueOutsideDistribution as error:
        raise ValueOutsideDistribution(value, distribution, name) from error
    if not distribution.contains(value):
        warnings.warn(
            f"parameter {name!r} keeps the given value {value!r}, which is outside {distribution!r}", stacklevel=3
        )
    return distribution.to_external(internal)


def checked_value(value: object) -> float:
    """`value` as the float that an objective value is.

    Raises:
        InvalidType: it is no number.
    """
    number = as_float(value)
    if number is None:
        raise InvalidType(f"an objective value is a number, got {value!r} of type {type(value).__name__}")
    return number


def checked_values(values: object) -> tuple[float, ...]:
    """Objective values as floats.

    Raises:
        InvalidType: it is no sequence, or holds something else than numbers.
    """
    if not isinstance(values, Iterable):
        raise InvalidType(f"values is a sequence with one number per direction, got {values!r}")
    return tuple(checked_value(value) for value in values)


@overload
def checked_report(value: Mapping[str, Any], step: object) -> tuple[FrozenDict[str, float], int]: ...
@overload
def checked_report(value: object, step: object) -> tuple[Any, int]: ...
def checked_report(value: object, step: object) -> tuple[float | FrozenDict[str, float], int]:
    """Return a reported value, or several by metric name, and its step as builtins.

    Raises:
        InvalidType: the value is not a number or a mapping from names to numbers, or the step not a whole number.
        InvalidArgument: the step is negative, or the mapping empty.
    """
    whole = as_int(step)
    if isinstance(value, Mapping):
        reported: float | FrozenDict[str, float] = _checked_metrics(value)
    else:
        number = as_float(value)
        if number is None:
            raise InvalidType(f"a reported value is a number, got {value!r} of type {type(value).__name__}")
        reported = number if number == number else math.nan  # every NaN is one object: see `from_number`
    if whole is None:
        raise InvalidType(f"a step is a whole number from 0 on, got {step!r} of type {type(step).__name__}")
    if whole < 0:
        raise InvalidArgument(f"a step is a whole number from 0 on, got {whole}")
    return reported, whole


def _checked_metrics(values: Mapping[Any, Any]) -> FrozenDict[str, float]:
    if not values:
        raise InvalidArgument("a report by metric name needs at least one metric, got an empty mapping")
    checked = {}
    for name, value in values.items():
        number = as_float(value)
        if number is None:
            raise InvalidType(f"the reported metric {name!r} is a number, got {value!r} of type {type(value).__name__}")
        checked[checked_text(name, "a metric's name")] = number if number == number else math.nan
    return FrozenDict(checked)


def checked_sem(sem: object, values: tuple[float, ...] | None) -> tuple[float, ...] | None:
    """Return the standard errors of `values` as builtins: one number for each, or None.

    Raises:
        InvalidType: one is not a number.
        InvalidArgument: one is negative or NaN; there are no values; or there are more or fewer errors than values.
    """
    if sem is None:
        return None
    listed = sem if isinstance(sem, Sequence) and not isinstance(sem, str) else (sem,)
    if values is None or len(listed) != len(values):
        has = "no value" if values is None else f"{len(values)} value(s)"
        raise InvalidArgument(f"sem has one standard error per objective value; the trial has {has}, got {sem!r}")
    errors = []
    for error in listed:
        number = as_float(error)
        if number is None:
            raise InvalidType(f"a standard error is a number, got {error!r} of type {type(error).__name__}")
        if not number >= 0.0:
            raise InvalidArgument(f"a standard error is at least 0, got {number!r}")
        errors.append(number)
    return tuple(errors)


def checked_cost(cost: object) -> float | None:
    """Return what an evaluation cost as a builtin float, or None for None.

    Raises:
        InvalidType: it is not a number.
        InvalidArgument: it is negative or NaN.
    """
    if cost is None:
        return None
    number = as_float(cost)
    if number is None:
        raise InvalidType(f"a cost is a number or None, got {cost!r} of type {type(cost).__name__}")
    if not number >= 0.0:
        raise InvalidArgument(f"a cost is at least 0, got {number!r}")
    return number


def checked_constraint(name: object, value: object) -> tuple[str, float]:
    """The name and value of a constraint as builtins.

    Raises:
        InvalidType: the name is no text, or the value no number.
        InvalidArgument: the value is NaN.
    """
    name = checked_text(name, "a constraint's name")
    number = as_float(value)
    if number is None:
        raise InvalidType(f"constraint {name!r} needs a number, got {value!r} of type {type(value).__name__}")
    if math.isnan(number):
        raise InvalidArgument(f"constraint {name!r} needs a number, got NaN: it says neither feasible nor not")
    return name, number
