"""What a trial can be told, checked and as builtins: values of parameters and objectives, reports, constraints."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from typing import Any

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


def checked_report(value: object, step: object) -> tuple[float, int]:
    """A reported value and its step as builtins.

    Raises:
        InvalidType: the value is no number, or the step no whole number.
        InvalidArgument: the step is negative.
    """
    number, whole = as_float(value), as_int(step)
    if number is None:
        raise InvalidType(f"a reported value is a number, got {value!r} of type {type(value).__name__}")
    if whole is None:
        raise InvalidType(f"a step is a whole number from 0 on, got {step!r} of type {type(step).__name__}")
    if whole < 0:
        raise InvalidArgument(f"a step is a whole number from 0 on, got {whole}")
    return number if number == number else math.nan, whole  # every NaN is one object: see `from_number`


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
