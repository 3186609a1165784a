"""Objectives: their directions, their values, and the standard errors of these."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence

from hpo.core.values.checks import as_float
from hpo.errors import InvalidArgument, InvalidType


class StudyDirection(enum.StrEnum):
    """Whether less or more is better for an objective; each member equals its string.

    Example:
        >>> StudyDirection.MAXIMIZE == "maximize"
        True
    """

    MINIMIZE = "minimize"
    MAXIMIZE = "maximize"


def checked_value(value: object) -> float:
    """Return an objective value as a builtin float; it may be NaN or infinite.

    Raises:
        InvalidType: it is not a number.
    """
    number = as_float(value)
    if number is None:
        raise InvalidType(f"an objective value is a number, got {value!r} of type {type(value).__name__}")
    return number


def checked_values(values: object) -> tuple[float, ...]:
    """Return objective values as a tuple of builtin floats.

    Raises:
        InvalidType: `values` is not a sequence, or contains something other than numbers.
    """
    if not isinstance(values, Iterable):
        raise InvalidType(f"values is a sequence with one number per direction, got {values!r}")
    return tuple(checked_value(value) for value in values)


def checked_sem(sem: object, values: tuple[float, ...] | None) -> tuple[float, ...] | None:
    """Return the standard errors of `values` as builtin floats, or None for None.

    Args:
        sem: One number for each value, all at least 0; for a single value also the bare number.
        values: The objective values of the trial, or None if it has none.

    Raises:
        InvalidType: a standard error is not a number.
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
        if not number >= 0.0:  # and not "< 0.0", which NaN would pass
            raise InvalidArgument(f"a standard error is at least 0, got {number!r}")
        errors.append(number)
    return tuple(errors)
