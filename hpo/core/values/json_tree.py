"""Python values as JSON trees, without loss, and what the journal records about a sampler as such a tree.

JSON can express neither NaN nor the infinities, so those are written by name. A reader in any language gets valid JSON.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import attrs
from msgspec import Struct

from hpo.core.memory import FrozenDict, FrozenList
from hpo.core.values.checks import as_int, checked_text, item_of
from hpo.errors import InvalidType


class KeptObject:
    """An object without a form in JSON, as an attribute of a study in memory. It can't be written."""

    # a plain class, because msgspec would write the fields of a struct or of an attrs class
    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


Number: TypeAlias = float | Literal["nan", "inf", "-inf"]
"""A float as JSON can hold it."""

_DEEPEST = 100  # each level takes some of Python's 1000 stack frames, and the caller's program needs most of them


def to_number(value: float) -> Number:
    """Return `value` as JSON can hold it: itself if it is finite, and otherwise its name."""
    if math.isfinite(value):
        return value
    return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"


def from_number(number: Number) -> float:
    """Return the float that `to_number` wrote; every NaN is the same object."""
    value = float(number)
    # NaN differs from itself, but tuples and dicts take an object for equal to itself before they compare. With one NaN
    # for all, a state equals its copy that went through a journal or through pickle.
    return value if value == value else math.nan


def to_numbers(values: tuple[float, ...]) -> tuple[Number, ...]:
    """Return several values as JSON can hold them; the usual result, one finite value, is returned itself."""
    if len(values) == 1 and math.isfinite(values[0]):
        return values
    return tuple(map(to_number, values))


def from_numbers(numbers: tuple[Number, ...]) -> tuple[float, ...]:
    """Return the floats that `to_numbers` wrote."""
    if len(numbers) == 1 and type(number := numbers[0]) is float and number == number:
        return numbers  # type: ignore[return-value]
    return tuple(map(from_number, numbers))


def to_json_tree(value: object) -> Any:
    """Return an attribute's value as a tree that JSON can hold without loss.

    Floats that are not finite and datetimes become objects with one entry, whose key starts with ``$``. Numpy scalars
    become builtins, and tuples and arrays become lists.

    Raises:
        InvalidType: the value contains something other than None, bool, int, float, str, list, tuple, datetime, or a
            dict with string keys; it contains an int of more than 300 digits; or it is nested more than 100 levels
            deep.
    """
    return _to_tree(value, _DEEPEST)


def is_json(value: object) -> bool:
    """Return whether `to_json_tree` takes `value`."""
    try:
        to_json_tree(value)
    except InvalidType:
        return False
    return True


def _to_tree(value: object, depth: int) -> Any:
    if depth < 0:
        raise InvalidType(f"an attribute can't be nested deeper than {_DEEPEST} levels")
    kind = type(value)
    if value is None or kind is bool:
        return value
    # Samplers' notes are dicts and pass here with every trial; the check against the abstract `Mapping` below is slow.
    if kind is dict:
        return _to_tree_of_dict(value, depth)  # type: ignore[arg-type]
    if isinstance(value, str):
        return checked_text(value, "a string in an attribute")
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
    if kind is KeptObject:
        return value
    if hasattr(value, "dtype") and hasattr(value, "item"):  # of numpy: a scalar, or an array, which becomes a list
        listed = getattr(value, "tolist", None) if getattr(value, "ndim", 0) else None
        return _to_tree(item_of(value) if listed is None else listed(), depth - 1)
    raise InvalidType(
        "an attribute is made of None, bool, int, float, str, datetime, lists and dicts with string keys; "
        f"got {value!r} of type {type(value).__name__}"
    )


def _to_tree_of_dict(value: Mapping[str, object], depth: int) -> dict[str, Any]:
    tree = {}
    for key, item in value.items():
        if not isinstance(key, str):
            raise InvalidType(f"the keys of an attribute's dicts are strings; got {[*value]!r}")
        tree[checked_text(key, "a string in an attribute")] = _to_tree(item, depth - 1)
    # A user's own {"$float": 1} must not come back as a float: it is written as {"$dict": {"$float": 1}}.
    return {"$dict": tree} if len(tree) == 1 and next(iter(tree)).startswith("$") else tree


def from_json_tree(tree: Any) -> Any:
    """Return the value that `to_json_tree` wrote; lists, tuples and dicts come back as immutable lists and dicts.

    Raises:
        InvalidType: the tree is nested deeper than what `to_json_tree` writes.
    """
    return _from_tree(tree, _DEEPEST)


def _from_tree(tree: Any, depth: int) -> Any:
    if depth < 0:
        raise InvalidType(f"an attribute can't be nested deeper than {_DEEPEST} levels")
    if isinstance(tree, list):
        return FrozenList(_from_tree(item, depth - 1) for item in tree)
    if not isinstance(tree, dict):
        return tree.value if type(tree) is KeptObject else tree
    if len(tree) == 1 and next(iter(tree)).startswith("$"):
        match tree:
            case {"$float": number}:
                return from_number(number)
            case {"$datetime": str(text)}:
                return datetime.datetime.fromisoformat(text)
            case {"$dict": dict(inner)}:
                tree = inner
    # most entries are plain numbers and strings: one check here is cheaper than a call for each
    return FrozenDict(
        {key: _from_tree(item, depth - 1) if isinstance(item, dict | list) else item for key, item in tree.items()}
    )


def _checked_datetime(value: datetime.datetime) -> str:
    text = value.isoformat()
    try:
        datetime.datetime.fromisoformat(text)
    except ValueError:  # pandas' NaT ("not a time") is an instance of datetime, and writes itself as "NaT"
        raise InvalidType(f"a datetime in an attribute is a moment in time, got {value!r}") from None
    return text


class Identity(Struct, frozen=True, array_like=True):
    """The record of a sampler, a pruner or a promoter in a journal.

    It is enough to tell whether two of them are the same. It holds no code: a journal may come from anywhere, and
    reading it must not run what somebody put into it.

    Attributes:
        name: The name of the class, or the module and name of a function.
        version: The version of the algorithm: the class's ``algorithm_version``, or 1 if it has none. It goes up when
            the same arguments no longer give the same answer.
        options: The fields of an attrs class as a JSON tree, with functions by module and name. None for anything else.
    """

    name: str
    version: int = 1
    options: Any = None


def identity_of(thing: object) -> Identity:
    """Return the identity of a sampler, a pruner or a promoter.

    Example:
        >>> from hpo.samplers import RandomSampler
        >>> identity_of(RandomSampler(seed=3))
        Identity(name='RandomSampler', version=1, options={'seed': 3})
    """
    kind = type(thing)
    version = int(getattr(thing, "algorithm_version", 1))
    if attrs.has(kind):
        # Options are what users give. Fields that the constructor does not take are caches and the like, and a private
        # one is for another part of the library, such as what a wrapper tells the sampler inside it.
        fields = [field for field in attrs.fields(kind) if field.init and not field.name.startswith("_")]
        return Identity(name_of(thing), version, {f.name: _option_tree(getattr(thing, f.name)) for f in fields})
    return Identity(name_of(thing), version)


def name_of(thing: object) -> str:
    """Return the name in the identity of `thing`: its class, or the module and name of a function."""
    kind = type(thing)
    # An attrs class stays the same sampler when it moves to another module; a function has nothing but its place.
    return kind.__name__ if attrs.has(kind) else _function_name(thing) or kind.__qualname__


def checked_callable(given: Any, what: str) -> Any:
    """Return `given` if it is callable and not a class.

    Args:
        given: A function, or an object whose class has `__call__`.
        what: What it should be, for the message: for example ``"a pruner is a function of (state, trial)"``.

    Raises:
        InvalidType: it cannot be called, or it is a class where an instance was meant.
    """
    # A class is callable as well: `sampler=RandomSampler` would fail only later, at the first trial.
    if callable(given) and not isinstance(given, type):
        return given
    raise InvalidType(f"{what}, or an object that can be called as one; got {shown_with_advice(given)}")


def shown_with_advice(given: object) -> str:
    """Return `given` as an error message shows it; for a class, with the advice to pass an instance.

    Example:
        >>> shown_with_advice(dict)
        'the class dict: pass an instance of it, dict()'
    """
    if isinstance(given, type):
        return f"the class {given.__name__}: pass an instance of it, {given.__name__}()"
    return repr(given)


def _option_tree(value: Any) -> Any:
    try:
        return to_json_tree(value)
    except InvalidType:
        if isinstance(value, tuple | list):
            return [_option_tree(item) for item in value]
        if attrs.has(type(value)):  # a sampler inside another one, for example the base of a wrapper
            nested = identity_of(value)
            return {"name": nested.name, "version": nested.version, "options": nested.options}
        # The `repr` of other objects holds an address in memory, which differs in every process.
        return _function_name(value) or type(value).__qualname__


def _function_name(value: object) -> str | None:
    name = getattr(value, "__qualname__", None)
    return None if name is None else f"{getattr(value, '__module__', '')}.{name}"
