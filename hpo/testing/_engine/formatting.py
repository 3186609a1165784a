"""Anything as text for a report: never an error, never without end, and the same text for the same thing."""

from __future__ import annotations

import re

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def shown(value: object, most: int | None = 500) -> str:
    """The `repr` of a value without its place in memory; its type, where it has none.

    Args:
        value: Anything.
        most: A longer text is cut after so many letters; None for all of it.

    Example:
        >>> shown(0.5), shown(object())
        ('0.5', '<object object>')
    """
    try:
        text = _ADDRESS.sub("", repr(value))
    except Exception as error:  # noqa: BLE001 - whatever it is, there is no text
        return f"<{type(value).__name__} whose repr raises {type(error).__name__}>"
    return text if most is None or len(text) <= most else f"{text[:most]}... ({len(text)} letters)"


def shown_error(error: BaseException) -> str:
    """An exception as its type and its message.

    Example:
        >>> shown_error(ValueError("no"))
        'ValueError: no'
    """
    kind = type(error).__name__
    try:
        message = str(error)
    except Exception as another:  # noqa: BLE001 - whatever it is, there is no message
        message = f"<whose text raises {type(another).__name__}>"
    return f"{kind}: {message}" if message else kind
