"""What a categorical parameter chooses between."""

from __future__ import annotations

import math
from typing import TypeAlias

from hpo.core.numbers import as_int, checked_text
from hpo.errors import InvalidType

Choice: TypeAlias = bool | int | float | str | None
"""What a categorical parameter may choose between."""


def builtin_choice(choice: object) -> Choice:
    """`choice` as the builtin that it is or stands for.

    Raises:
        InvalidType: it is none of them.
    """
    if hasattr(choice, "dtype") and hasattr(choice, "item") and getattr(choice, "ndim", 0) == 0:
        choice = choice.item()  # a numpy scalar stands for its builtin twin
    if isinstance(choice, str):
        return checked_text(choice, "a choice")
    if choice is None or isinstance(choice, bool):
        return choice
    if isinstance(choice, float):  # perhaps of a subclass; every NaN is the same object
        return float(choice) if choice == choice else math.nan
    if isinstance(choice, int) and (whole := as_int(choice)) is not None:
        return whole
    raise InvalidType(
        f"a choice is None, a bool, an int, a float or a str; got {choice!r} of type {type(choice).__name__}: "
        "choose between names and look the object up in the objective"
    )


def identity_of_choice(choice: Choice) -> tuple[str, object]:
    """What two equal choices have in common, and no others: the type counts, and so do the digits of a float."""
    return type(choice).__name__, (repr(choice) if isinstance(choice, float) else choice)
