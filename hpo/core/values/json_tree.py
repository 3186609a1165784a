"""Python values as JSON trees, without loss.

JSON has no NaN and no infinities, so those travel by name.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from hpo.core.memory import FrozenDict, FrozenList
from hpo.core.values.checks import as_int, checked_text, item_of
from hpo.errors import InvalidType

Number: TypeAlias = float | Literal["nan", "inf", "-inf"]
"""A float as JSON can hold it."""

_DEEPEST = 100  # each level takes some of Python's 1000 frames, of which the caller's program needs most


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
        return _to_tree(item_of(value), depth - 1)
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


def _checked_datetime(value: datetime.datetime) -> str:
    text = value.isoformat()
    try:
        datetime.datetime.fromisoformat(text)
    except ValueError:  # pandas has a datetime that is none
        raise InvalidType(f"a datetime in an attribute is a moment in time, got {value!r}") from None
    return text
