"""Converters and validators for the options of samplers and callbacks: fields of attrs classes that name themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs

from hpo.core.values.checks import as_int
from hpo.errors import InvalidArgument, InvalidType

if TYPE_CHECKING:
    Validator: TypeAlias = Callable[[Any, attrs.Attribute[Any], Any], None]
    """Takes an instance, one of its fields and the field's value, and raises unless the value is allowed."""


def to_int_if_whole(value: Any) -> Any:
    """Converter: a builtin int where `value` is a whole number of any type, else `value`, for a validator to refuse.

    Example:
        >>> to_int_if_whole(5.0), to_int_if_whole("five")
        (5, 'five')
    """
    whole = as_int(value)
    return value if whole is None else whole


def whole_from(least: int, *, optional: bool = False) -> Validator:
    """The validator of a whole number from `least` on, or None where it is `optional`.

    It raises InvalidArgument.

    Example:
        >>> @attrs.frozen
        ... class Batches:
        ...     size: int = attrs.field(validator=whole_from(1))
        >>> Batches(0)
        Traceback (most recent call last):
            ...
        hpo.errors.InvalidArgument: size is a whole number from 1 on, got 0
    """
    allowed = f"None or a whole number from {least} on" if optional else f"a whole number from {least} on"

    def check(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if not (optional and value is None) and not (type(value) is int and value >= least):
            raise InvalidArgument(f"{attribute.name} is {allowed}, got {value!r}")

    return check


def is_bool(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """Validator: raises InvalidType unless `value` is True or False.

    Example:
        >>> @attrs.frozen
        ... class Scrambled:
        ...     scramble: bool = attrs.field(validator=is_bool)
        >>> Scrambled("no")
        Traceback (most recent call last):
            ...
        hpo.errors.InvalidType: scramble is True or False, got 'no'
    """
    if not isinstance(value, bool):
        raise InvalidType(f"{attribute.name} is True or False, got {value!r}")
