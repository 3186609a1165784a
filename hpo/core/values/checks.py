"""Builtin numbers, strings and times from what users pass.

Users pass numpy scalars, zero-dimensional arrays and tensors where a number is meant.
"""

from __future__ import annotations

import math
from typing import Any

from hpo.errors import InvalidArgument, InvalidType

_HUGE = 10**300
_YEAR_1, _YEAR_9999 = -62_135_500_000.0, 253_402_200_000.0  # a day inside, for the sake of time zones


def as_float(value: object) -> float | None:
    """`value` as a builtin float, or None where it is no real number: a text, None, a list, an array of many."""
    if type(value) is float:
        return value
    try:
        if hasattr(value, "dtype") and hasattr(value, "item"):
            value = item_of(value)  # where `float` would warn of more than one axis, and of complex numbers
        if value is None or isinstance(value, str | bytes | bytearray | complex):
            return None
        return float(value)  # type: ignore[arg-type]
    except (AttributeError, TypeError, ValueError, OverflowError, RuntimeError):  # tensors raise RuntimeError
        return None


def as_int(value: object) -> int | None:
    """`value` as a builtin int, or None where it is no whole number; ``2.0`` is one, ``2.5`` and ``True`` are not.

    Nor is one of more than 300 digits: floats end there, and texts of numbers soon after.
    """
    if type(value) is int:
        return value if -_HUGE <= value <= _HUGE else None
    if isinstance(value, bool) or getattr(getattr(value, "dtype", None), "kind", None) == "b":
        return None
    index = getattr(type(value), "__index__", None)
    if index is not None:
        try:
            return as_int(int(index(value)))
        except TypeError:
            return None
    number = as_float(value)
    return as_int(int(number)) if number is not None and number.is_integer() else None


def item_of(scalar: Any) -> Any:
    """The builtin that an array of one item, or a scalar of numpy, stands for; NaN if the item is masked."""
    mask = getattr(scalar, "mask", None)  # in pandas a method
    return math.nan if getattr(mask, "size", 0) == 1 and mask.all() else scalar.item()  # type: ignore[union-attr]


def checked_text(text: object, what: str) -> str:
    """`text` as a builtin str, if it is one that UTF-8 can write.

    Raises:
        InvalidType: it is no str, or holds a lone surrogate; `what` names it in the message.
    """
    if not isinstance(text, str):
        raise InvalidType(f"{what} is a str, got {text!r} of type {type(text).__name__}")
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise InvalidType(f"{what} can't hold a lone surrogate: {text!r}") from None
    return text if type(text) is str else str.__str__(text)  # str(...) of an enum's member would be its name


def checked_time(seconds: object) -> float | None:
    """A moment in seconds since 1970 as a builtin, or None for None.

    Raises:
        InvalidType: it is no number.
        InvalidArgument: it is a number that no calendar has a day for.
    """
    if seconds is None:
        return None
    number = as_float(seconds)
    if number is None:
        raise InvalidType(
            f"a time is a number of seconds since 1970 or None, got {seconds!r} of type {type(seconds).__name__}"
        )
    if not _YEAR_1 < number < _YEAR_9999:
        raise InvalidArgument(f"a time is a number of seconds since 1970, in the years 1 to 9999; got {number!r}")
    return number
