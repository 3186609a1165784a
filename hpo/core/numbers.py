"""Numbers from outside, and numbers in JSON.

Users bring numpy scalars, zero-dimensional arrays and tensors where a number is meant; JSON brings no NaN and
no infinities, so those travel by name.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from hpo.core.persistent import FrozenDict, FrozenList
from hpo.errors import InvalidArgument, InvalidType

Number: TypeAlias = float | Literal["nan", "inf", "-inf"]
"""A float as JSON can hold it."""

_HUGE = 10**300
_YEAR_1, _YEAR_9999 = -62_135_500_000.0, 253_402_200_000.0  # a day inside, for the sake of time zones
_DEEPEST = 100  # each level takes some of Python's 1000 frames, of which the caller's program needs most


def as_float(value: object) -> float | None:
    """`value` as a builtin float, or None where it is no real number: a text, None, a list, an array of many."""
    if type(value) is float:
        return value
    try:
        if hasattr(value, "dtype") and hasattr(value, "item"):
            value = _item(value)  # where `float` would warn of more than one axis, and of complex numbers
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


def _item(scalar: Any) -> Any:
    """The builtin that an array of one item, or a scalar of numpy, stands for; NaN if the item is masked."""
    mask = getattr(scalar, "mask", None)  # in pandas a method
    return math.nan if getattr(mask, "size", 0) == 1 and mask.all() else scalar.item()  # type: ignore[union-attr]


def to_number(value: float) -> Number:
    """`value` for JSON: itself, or its name where it is not finite."""
    if math.isfinite(value):
        return value
    return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"


def from_number(number: Number) -> float:
    """The inverse of `to_number`. Every NaN is the same object, so that tuples that hold one compare equal."""
    value = float(number)
    return value if value == value else math.nan


def to_json_tree(value: object) -> Any:
    """An attribute's value as a tree that JSON can hold without loss.

    Floats that are not finite and datetimes become one-entry objects whose key starts with ``$``; numpy scalars
    their builtin twins; tuples lists.

    Raises:
        InvalidType: the value holds something else than None, bool, int, float, str, list, tuple, datetime, or a
            dict with text keys; or an int of more than 300 digits; or is nested deeper than 100 levels.
    """
    return _to_tree(value, _DEEPEST)


def _to_tree(value: object, depth: int) -> Any:
    if depth < 0:
        raise InvalidType(f"an attribute can't be nested deeper than {_DEEPEST} levels")
    kind = type(value)
    if value is None or kind is bool:
        return value
    if kind is dict:  # before what asks an abstract class, for notes are told with every trial
        return _to_tree_of_dict(value, depth)  # type: ignore[arg-type]
    if isinstance(value, str):
        return checked_text(value, "a text in an attribute")
    if isinstance(value, int):
        whole = as_int(value)
        if whole is None:
            raise InvalidType("an int in an attribute has at most 300 digits")
        return whole
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"$float": to_number(value)}
    if isinstance(value, datetime.datetime):
        return {"$datetime": _checked_datetime(value)}
    if isinstance(value, list | tuple):
        return [_to_tree(item, depth - 1) for item in value]
    if isinstance(value, Mapping):
        return _to_tree_of_dict(value, depth)
    if hasattr(value, "dtype") and hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
        return _to_tree(_item(value), depth - 1)
    raise InvalidType(
        "an attribute is made of None, bool, int, float, str, datetime, lists and dicts with text keys; "
        f"got {value!r} of type {type(value).__name__}"
    )


def _to_tree_of_dict(value: Mapping[str, object], depth: int) -> dict[str, Any]:
    tree = {}
    for key, item in value.items():
        if not isinstance(key, str):
            raise InvalidType(f"the keys of an attribute's dicts are texts; got {[*value]!r}")
        tree[checked_text(key, "a text in an attribute")] = _to_tree(item, depth - 1)
    return {"$dict": tree} if len(tree) == 1 and next(iter(tree)).startswith("$") else tree


def from_json_tree(tree: Any) -> Any:
    """The inverse of `to_json_tree`: lists and dicts come back as immutable ones, tuples as lists."""
    if isinstance(tree, list):
        return FrozenList(from_json_tree(item) for item in tree)
    if not isinstance(tree, dict):
        return tree
    if len(tree) == 1:
        match tree:
            case {"$float": number}:
                return from_number(number)
            case {"$datetime": str(text)}:
                return datetime.datetime.fromisoformat(text)
            case {"$dict": dict(inner)}:
                tree = inner
    return FrozenDict(
        {key: from_json_tree(item) if isinstance(item, dict | list) else item for key, item in tree.items()}
    )


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


def _checked_datetime(value: datetime.datetime) -> str:
    text = value.isoformat()
    try:
        datetime.datetime.fromisoformat(text)
    except ValueError:  # pandas has a datetime that is none
        raise InvalidType(f"a datetime in an attribute is a moment in time, got {value!r}") from None
    return text
