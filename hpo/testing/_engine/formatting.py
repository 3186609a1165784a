"""Any value as a string for a message: never an error, never too long, and the same string in every process."""

from __future__ import annotations

import re

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def shown(value: object, most: int | None = 500) -> str:
    """Return the `repr` of a value without its address in memory, or its type if the `repr` fails.

    Args:
        value: Anything.
        most: The number of characters after which the string is cut; None for all of it.

    Example:
        >>> shown(0.5), shown(object())
        ('0.5', '<object object>')
    """
    try:
        text = _ADDRESS.sub("", repr(value))
    except Exception as error:  # noqa: BLE001 - a broken repr must not hide what is reported
        return f"<{type(value).__name__} whose repr raises {type(error).__name__}>"
    return text if most is None or len(text) <= most else f"{text[:most]}... ({len(text)} characters)"


def shown_error(error: BaseException) -> str:
    """Return the type and the message of an exception.

    Example:
        >>> shown_error(ValueError("no"))
        'ValueError: no'
    """
    kind = type(error).__name__
    try:
        message = str(error)
    except Exception as another:  # noqa: BLE001 - a broken message must not hide what is reported
        message = f"<whose message raises {type(another).__name__}>"
    return f"{kind}: {message}" if message else kind
