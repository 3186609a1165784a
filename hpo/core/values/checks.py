"""Builtin numbers, strings and times from what users pass, and objectives with their values.

Users pass numpy scalars, zero-dimensional arrays and tensors where a number is meant. The core keeps builtins only,
which are written and compared in one way whatever library the value came from.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable, Sequence
from typing import Any

from hpo.errors import InvalidArgument, InvalidType

# Below the largest float (1.8e308), and far below the 4,300 digits up to which Python turns ints into strings and back.
_HUGE = 10**300
# A day inside the range of `datetime`, so that a time can still be shown in any time zone.
_YEAR_1, _YEAR_9999 = -62_135_500_000.0, 253_402_200_000.0


def as_float(value: object) -> float | None:
    """Return `value` as a builtin float, or None if it is not a real number: a string, None, a list, a longer array."""
    if type(value) is float:  # the usual case, by far
        return value
    try:
        if hasattr(value, "dtype") and hasattr(value, "item"):
            # `float` would warn about an array with several axes, and only warn when it drops an imaginary part
            value = item_of(value)
        if value is None or isinstance(value, str | bytes | bytearray | complex):
            return None  # `float("1")` is 1.0, but a string is not a number
        return float(value)  # type: ignore[arg-type]
    except (AttributeError, TypeError, ValueError, OverflowError, RuntimeError):  # tensors raise RuntimeError
        return None


def as_int(value: object) -> int | None:
    """Return `value` as a builtin int, or None if it is not a whole number.

    ``2.0`` is a whole number; ``2.5`` and ``True`` are not. Ints of more than 300 digits are refused, because floats
    end there.
    """
    if type(value) is int:
        return value if -_HUGE <= value <= _HUGE else None
    # a bool is an int for Python, but `True` as a seed or a step is a mistake; numpy's bool has kind "b"
    if isinstance(value, bool) or getattr(getattr(value, "dtype", None), "kind", None) == "b":
        return None
    # `__index__` is exact; the way through a float would round whole numbers above 2**53
    index = getattr(type(value), "__index__", None)
    if index is not None:
        try:
            return as_int(int(index(value)))
        except TypeError:  # an array of several numbers has an `__index__` that refuses
            return None
    number = as_float(value)
    return as_int(int(number)) if number is not None and number.is_integer() else None


def item_of(scalar: Any) -> Any:
    """Return the builtin that a numpy scalar or an array of one item stands for; NaN if the item is masked."""
    mask = getattr(scalar, "mask", None)  # in pandas this is a method, which has no size
    return math.nan if getattr(mask, "size", 0) == 1 and mask.all() else scalar.item()  # type: ignore[union-attr]


def checked_text(text: object, what: str) -> str:
    """Return `text` as a builtin str, if it is a string that UTF-8 can encode.

    Args:
        text: What was given.
        what: What it should be, for the message: for example ``"a study's name"``.

    Raises:
        InvalidType: it is not a string, or it contains a lone surrogate.
    """
    if not isinstance(text, str):
        raise InvalidType(f"{what} is a str, got {text!r} of type {type(text).__name__}")
    if not text.isascii():  # ASCII strings, nearly all of them, need no trial run of the encoder
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise InvalidType(f"{what} can't hold a lone surrogate: {text!r}") from None
    # `str(...)` of a string enum's member may be its name, and the value is meant
    return text if type(text) is str else str.__str__(text)


def checked_time(seconds: object) -> float | None:
    """Return a moment in seconds since 1970 as a builtin float, or None for None.

    Raises:
        InvalidType: it is not a number.
        InvalidArgument: it is NaN, or outside the years 1 to 9999, the only ones that `datetime` knows.
    """
    if seconds is None:
        return None
    number = as_float(seconds)
    if number is None:
        raise InvalidType(
            f"a time is a number of seconds since 1970 or None, got {seconds!r} of type {type(seconds).__name__}"
        )
    if not _YEAR_1 < number < _YEAR_9999:  # "not <" and not ">=", so that NaN is refused too
        raise InvalidArgument(f"a time is a number of seconds since 1970, in the years 1 to 9999; got {number!r}")
    return number


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
