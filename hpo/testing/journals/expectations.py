"""Checks for the laws of journals; they also work when Python skips assert statements (``-O``)."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import TypeVar

from hpo.core import AnyEvent, encode_events

E = TypeVar("E", bound=BaseException)
T = TypeVar("T")

_LONGEST = 500
"""The maximum number of characters of a value that a message shows."""


def expect(got: object, wanted: object, what: str) -> None:
    """Check that two values are equal.

    Raises:
        AssertionError: they differ; the message begins with `what`.

    Example:
        >>> expect(1, 2, "the number of studies")
        Traceback (most recent call last):
        AssertionError: the number of studies: wanted 2, got 1
    """
    if got != wanted:
        difference = _first_difference(got, wanted)
        raise AssertionError(f"{what}: {difference or f'wanted {_shown(wanted)}, got {_shown(got)}'}")


def expect_events(got: Sequence[AnyEvent], wanted: Sequence[AnyEvent], what: str) -> None:
    """Check that two sequences of events are the same; ``0.0`` differs from ``-0.0``, and ``1`` from ``1.0``.

    Raises:
        AssertionError: they differ; the message begins with `what`.

    Example:
        >>> from hpo.core import ValueReported
        >>> expect_events([ValueReported(0, 0, 0.0)], [ValueReported(0, 0, -0.0)], "what is read")
        Traceback (most recent call last):
        AssertionError: what is read: event 0 is ValueReported(number=0, step=0, value=0.0, origin=None), not ValueReported(number=0, step=0, value=-0.0, origin=None)
    """
    for i, (event, other) in enumerate(zip(got, wanted, strict=False)):
        if event != other or encode_events([event]) != encode_events([other]):
            raise AssertionError(f"{what}: event {i} is {_shown(event)}, not {_shown(other)}")
    expect(len(got), len(wanted), f"{what}: number of events")


def expect_error(act: Callable[[], object], kind: type[E], what: str) -> E:
    """Return the error that `act` raises.

    Raises:
        AssertionError: `act` raises another error, or none.

    Example:
        >>> expect_error(lambda: int("x"), ValueError, "a letter")
        ValueError("invalid literal for int() with base 10: 'x'")
    """
    try:
        result = act()
    except kind as error:
        return error
    except Exception as error:
        raise AssertionError(f"{what}: wanted {kind.__name__}, got {error!r}") from error
    raise AssertionError(f"{what}: wanted {kind.__name__}, got the result {_shown(result)}")


def expect_copy(thing: T, what: str) -> T:
    """Return a pickled copy of `thing`, as another process gets it.

    Raises:
        AssertionError: `thing` can't be pickled.

    Example:
        >>> expect_copy([1], "a list")
        [1]
    """
    try:
        copy: T = pickle.loads(pickle.dumps(thing))  # noqa: S301 - made right here
    except Exception as error:
        raise AssertionError(
            f"{what} can't be pickled and sent to other processes ({error!r}); "
            "set across_processes=False if only one process can use it"
        ) from error
    return copy


def _first_difference(got: object, wanted: object) -> str | None:
    """Return the first difference of two lists that are too long to be read; None for other values."""
    if not (isinstance(got, list) and isinstance(wanted, list)) or len(repr(wanted)) <= _LONGEST:
        return None
    nothing = object()
    for i, (item, other) in enumerate(zip_longest(got, wanted, fillvalue=nothing)):
        if item is nothing or other is nothing or item != other:
            shown, right = ("nothing" if value is nothing else _shown(value) for value in (item, other))
            return f"item {i} of {len(wanted)}: wanted {right}, got {shown}"
    return None


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}... ({len(text)} characters)"
