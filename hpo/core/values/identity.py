"""Serialisable fingerprints of samplers, pruners and promoters: name, version, options."""

from __future__ import annotations

from typing import Any

import attrs
from msgspec import Struct

from hpo.core.values.json_tree import to_json_tree
from hpo.errors import InvalidType


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
