"""Validators and converters for the options of samplers, pruners and callbacks.

The checks themselves are those of `attrs.validators`. `option_check` turns their errors into `InvalidArgument` and
`InvalidType`, with a message that names the option, what it allows and what it was given:

    size: int = attrs.field(converter=to_int_if_whole, validator=whole_from(1))
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs

from hpo.core.values.checks import as_float, as_int
from hpo.errors import InvalidArgument, InvalidType

if TYPE_CHECKING:
    Validator: TypeAlias = Callable[[Any, attrs.Attribute[Any], Any], None]
    """Takes an instance, one of its fields and the field's value, and raises unless the value is allowed."""


def option_check(
    allowed: str,
    *checks: Validator,
    optional: bool = False,
    error: type[InvalidArgument | InvalidType] | None = None,
) -> Validator:
    """Return a validator that applies `checks` in turn and reports a failure as one of hpo's errors.

    Args:
        allowed: What the option allows, as it completes the sentence "size is ..."; " or None" is added if `optional`.
        *checks: Validators, such as those of `attrs.validators`, that raise `ValueError` or `TypeError`.
        optional: Whether None is allowed as well; it is not passed to the checks.
        error: The class of the error that is raised. None means `InvalidType` where a check raises `TypeError` and
            `InvalidArgument` where it raises `ValueError`.

    Example:
        >>> @attrs.frozen
        ... class Batches:
        ...     share: float = attrs.field(validator=option_check("a share below 1", attrs.validators.lt(1.0)))
        >>> Batches(1.5)
        Traceback (most recent call last):
            ...
        hpo.errors.InvalidArgument: share is a share below 1, got 1.5
    """
    check_all = attrs.validators.and_(*checks)
    described = f"{allowed} or None" if optional else allowed

    def check(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if optional and value is None:
            return
        try:
            check_all(instance, attribute, value)
        except (TypeError, ValueError) as failure:
            # attrs' messages are for the authors of classes, ours for their users: its own is replaced, not chained
            kind = error or (InvalidType if isinstance(failure, TypeError) else InvalidArgument)
            raise kind(f"{attribute.name} is {described}, got {value!r}") from None

    return check


def to_int_if_whole(value: Any) -> Any:
    """Return `value` as a builtin int if it is a whole number of any type, and unchanged otherwise.

    A converter: what is not a whole number is left for a validator to refuse.

    Example:
        >>> to_int_if_whole(5.0), to_int_if_whole("five")
        (5, 'five')
    """
    whole = as_int(value)
    return value if whole is None else whole


def to_float_if_number(value: Any) -> Any:
    """Return `value` as a builtin float if it is a real number but not a bool, and unchanged otherwise.

    A converter: what is not a number is left for a validator to refuse.

    Example:
        >>> to_float_if_number(2), to_float_if_number(True)
        (2.0, True)
    """
    number = None if isinstance(value, bool) else as_float(value)
    return value if number is None else number


def whole_from(
    least: int, *, optional: bool = False, error: type[InvalidArgument | InvalidType] | None = InvalidArgument
) -> Validator:
    """Return a validator that accepts builtin ints of at least `least`, and None if `optional`.

    It raises `error`; None means `InvalidType` for what is not a whole number and `InvalidArgument` for one that is too
    small. Combine it with `to_int_if_whole` to accept 5.0 and numpy's integers.

    Example:
        >>> @attrs.frozen
        ... class Batches:
        ...     size: int = attrs.field(validator=whole_from(1))
        >>> Batches(0)
        Traceback (most recent call last):
            ...
        hpo.errors.InvalidArgument: size is a whole number from 1 on, got 0
    """
    return option_check(
        f"a whole number from {least} on",
        _is_builtin_int,
        attrs.validators.ge(least),
        optional=optional,
        error=error,
    )


def is_positive(*, optional: bool = False) -> Validator:
    """Return a validator that accepts finite numbers above 0, and None if `optional`; it raises `InvalidArgument`.

    Example:
        >>> @attrs.frozen
        ... class Noise:
        ...     scale: float = attrs.field(validator=is_positive())
        >>> Noise(0.0)
        Traceback (most recent call last):
            ...
        hpo.errors.InvalidArgument: scale is a finite number above 0, got 0.0
    """
    return option_check(
        "a finite number above 0",
        _is_number,
        attrs.validators.gt(0.0),  # which refuses NaN as well
        attrs.validators.lt(math.inf),
        optional=optional,
        error=InvalidArgument,
    )


def number_from(least: float, most: float = math.inf, *, optional: bool = False) -> Validator:
    """Return a validator that accepts finite numbers from `least` to `most`, and None if `optional`; it raises `InvalidArgument`.

    Example:
        >>> @attrs.frozen
        ... class Noise:
        ...     share: float = attrs.field(validator=number_from(0.0, 1.0))
        >>> Noise(1.5)
        Traceback (most recent call last):
            ...
        hpo.errors.InvalidArgument: share is a number from 0 to 1, got 1.5
    """
    checks: list[Validator] = [_is_number, attrs.validators.ge(least), attrs.validators.lt(math.inf)]
    if most < math.inf:
        checks.append(attrs.validators.le(most))
    described = f"a finite number from {least:g} on" if most == math.inf else f"a number from {least:g} to {most:g}"
    return option_check(described, *checks, optional=optional, error=InvalidArgument)


def one_of(*allowed: object, optional: bool = False) -> Validator:
    """Return a validator that accepts the given values, and None if `optional`; it raises `InvalidArgument`.

    Example:
        >>> @attrs.frozen
        ... class Restarts:
        ...     rule: str = attrs.field(validator=one_of("ipop", "bipop"))
        >>> Restarts("nipop")
        Traceback (most recent call last):
            ...
        hpo.errors.InvalidArgument: rule is 'ipop' or 'bipop', got 'nipop'
    """
    described = " or ".join(map(repr, allowed))
    return option_check(described, attrs.validators.in_(allowed), optional=optional, error=InvalidArgument)


def is_function(what: str, *, classes: bool = True, optional: bool = False) -> Validator:
    """Return a validator that accepts callables, and None if `optional`; it raises `InvalidType`.

    Args:
        what: What the option is, as in "a function of a number of trials".
        classes: Whether a class is accepted. Where an object is expected, a class is one without its parentheses.
        optional: Whether None is allowed as well.
    """
    callable_: Validator = attrs.validators.is_callable()
    if classes:
        return option_check(what, callable_, optional=optional)
    return option_check(what, callable_, _is_not_a_class, optional=optional)


def is_bool(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """Raise `InvalidType` unless `value` is True or False: a validator.

    Example:
        >>> @attrs.frozen
        ... class Scrambled:
        ...     scramble: bool = attrs.field(validator=is_bool)
        >>> Scrambled("no")
        Traceback (most recent call last):
            ...
        hpo.errors.InvalidType: scramble is True or False, got 'no'
    """
    _check_bool(instance, attribute, value)


def _is_builtin_int(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    # stricter than `instance_of(int)`, which lets True pass as 1
    if type(value) is not int:
        raise TypeError(value)


def _is_number(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    # numpy's scalars and Decimal are numbers without being instances of float
    if isinstance(value, bool) or as_float(value) is None:
        raise TypeError(value)


def _is_not_a_class(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if isinstance(value, type):
        raise TypeError(value)


_check_bool = option_check("True or False", attrs.validators.instance_of(bool))
