"""Checks of the data of a trial, with conversion to builtins: parameter values, reports, constraints and costs."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Any, overload

from hpo.core.memory import FrozenDict
from hpo.core.values.checks import as_float, as_int, checked_text
from hpo.core.values.distributions import Distribution, FloatDistribution
from hpo.errors import InvalidArgument, InvalidType, ValueOutsideDistribution

_FAR = 2**63  # larger steps take the slow way, which refuses those that nothing can write


def coerced_value(name: str, value: object, distribution: Distribution) -> Any:
    """Return `value` as an objective sees it; a number outside the range of `distribution` is kept, with a warning.

    Raises:
        ValueOutsideDistribution: it is not a number of the right kind, or not one of the choices.
    """
    # Only values from users come here: enqueued ones, and those of a trial that is evaluated again. Such a
    # value is what the user wants to try, even if the range has changed since.
    try:
        internal = distribution.to_internal(value)
    except ValueOutsideDistribution as error:
        raise ValueOutsideDistribution(value, distribution, name) from error
    if isinstance(distribution, FloatDistribution):  # a person who writes 0.1 + 0.2 means 0.3
        internal = distribution.nearest(internal)
    if not distribution.contains(distribution.to_external(internal)):
        warnings.warn(
            f"parameter {name!r} keeps the given value {value!r}, which is outside {distribution!r}", stacklevel=3
        )
    return distribution.to_external(internal)


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
    # the usual report; asking whether a float is a mapping takes longer than all the rest
    if type(value) is float and type(step) is int and 0 <= step < _FAR:
        return value if value == value else math.nan, step
    whole = as_int(step)
    if isinstance(value, Mapping):
        reported: float | FrozenDict[str, float] = _checked_metrics(value)
    else:
        number = as_float(value)
        if number is None:
            raise InvalidType(f"a reported value is a number, got {value!r} of type {type(value).__name__}")
        reported = number if number == number else math.nan  # one object for every NaN, as in `from_number`
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


def checked_cost(cost: object) -> float | None:
    """Return the cost of an evaluation, in a unit of the user's choice, as a builtin float, or None for None.

    Raises:
        InvalidType: it is not a number.
        InvalidArgument: it is negative or NaN.
    """
    if cost is None:
        return None
    number = as_float(cost)
    if number is None:
        raise InvalidType(f"a cost is a number or None, got {cost!r} of type {type(cost).__name__}")
    if not number >= 0.0:  # and not "< 0.0", which NaN would pass
        raise InvalidArgument(f"a cost is at least 0, got {number!r}")
    return number


def checked_constraint(name: object, value: object) -> tuple[str, float]:
    """Return the name and the value of a constraint as builtins.

    Raises:
        InvalidType: the name is not a string, or the value is not a number.
        InvalidArgument: the value is NaN.
    """
    name = checked_text(name, "a constraint's name")
    number = as_float(value)
    if number is None:
        raise InvalidType(f"constraint {name!r} needs a number, got {value!r} of type {type(value).__name__}")
    if math.isnan(number):
        raise InvalidArgument(f"constraint {name!r} needs a number, got NaN, which is neither feasible nor infeasible")
    return name, number
