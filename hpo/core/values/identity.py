"""Who a sampler or a pruner is: enough to tell whether two are the same, and never code to run."""

from __future__ import annotations

from typing import Any

import attrs
from msgspec import Struct

from hpo.core.values.json_tree import to_json_tree
from hpo.errors import InvalidType


class Identity(Struct, frozen=True, array_like=True):
    """What the journal records of a sampler or a pruner.

    Attributes:
        name: The class, or the module and name of a function.
        version: Of its algorithm: the class's ``algorithm_version``, 1 where it has none. It goes up when the same
            arguments no longer give the same answer.
        options: The fields of a frozen class as a JSON tree; functions among them by module and name. None where it has
            no such fields.
    """

    name: str
    version: int = 1
    options: Any = None


def identity_of(thing: object) -> Identity:
    """The identity of a sampler or a pruner.

    Example:
        >>> from hpo.samplers import RandomSampler
        >>> identity_of(RandomSampler(seed=3))
        Identity(name='RandomSampler', version=1, options={'seed': 3})
    """
    kind = type(thing)
    version = int(getattr(thing, "algorithm_version", 1))
    if attrs.has(kind):
        # a private field, such as what a wrapper tells a sampler, is not an option of the user
        fields = [field for field in attrs.fields(kind) if field.init and not field.name.startswith("_")]
        return Identity(name_of(thing), version, {f.name: _option(getattr(thing, f.name)) for f in fields})
    return Identity(name_of(thing), version)


def name_of(thing: object) -> str:
    """The name in the identity of a sampler or a pruner: the class, or the module and name of a function."""
    kind = type(thing)
    return kind.__name__ if attrs.has(kind) else _function_name(thing) or kind.__qualname__


def checked_callable(given: Any, what: str) -> Any:
    """`given`, if it can be asked as a sampler or a pruner is.

    Args:
        given: A function, or an object of a class with `__call__`.
        what: What it should be, for the message.

    Raises:
        InvalidType: it can't be called, or is a class, where one of its objects was meant.
    """
    if callable(given) and not isinstance(given, type):
        return given
    raise InvalidType(f"{what}, or an object that can be called as one; got {shown_with_advice(given)}")


def shown_with_advice(given: object) -> str:
    """`given` for a message, and what to do with a class where one of its objects was meant.

    Example:
        >>> shown_with_advice(dict)
        'the class dict: make one of it, dict()'
    """
    return f"the class {given.__name__}: make one of it, {given.__name__}()" if isinstance(given, type) else repr(given)


def _option(value: Any) -> Any:
    try:
        return to_json_tree(value)
    except InvalidType:
        if isinstance(value, tuple | list):
            return [_option(item) for item in value]
        if attrs.has(type(value)):
            nested = identity_of(value)
            return {"name": nested.name, "version": nested.version, "options": nested.options}
        return _function_name(value) or type(value).__qualname__


def _function_name(value: object) -> str | None:
    name = getattr(value, "__qualname__", None)
    return None if name is None else f"{getattr(value, '__module__', '')}.{name}"
