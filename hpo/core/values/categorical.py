"""Categorical parameters and their choices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import force_setattr

from hpo.core.values.checks import as_int, checked_text
from hpo.errors import InvalidDistribution, InvalidType, ValueOutsideDistribution

Choice: TypeAlias = bool | int | float | str | None
"""A value that a categorical parameter may have."""


def builtin_choice(choice: object) -> Choice:
    """Return `choice` as a builtin value.

    Raises:
        InvalidType: it is not None, a bool, an int, a float or a string, nor a numpy scalar of one of these.
    """
    # Journals hold builtins, and a choice that comes back from one must be the same choice.
    if hasattr(choice, "dtype") and hasattr(choice, "item") and getattr(choice, "ndim", 0) == 0:
        choice = choice.item()  # a numpy scalar stands for its builtin twin
    if isinstance(choice, str):
        return checked_text(choice, "a choice")
    if choice is None or isinstance(choice, bool):  # before int, because a bool is one
        return choice
    if isinstance(choice, float):  # perhaps a subclass; every NaN becomes one object, as in `from_number`
        return float(choice) if choice == choice else math.nan
    if isinstance(choice, int) and (whole := as_int(choice)) is not None:
        return whole
    raise InvalidType(
        f"a choice is None, a bool, an int, a float or a str; got {choice!r} of type {type(choice).__name__}: "
        "choose between names and look the object up in the objective"
    )


def identity_of_choice(choice: Choice) -> tuple[str, object]:
    """Return what two choices share if and only if they are the same choice: their type, and a float's digits."""
    # By `==`, True, 1 and 1.0 would be one choice, and so would 0.0 and -0.0, while NaN would not equal itself. The
    # digits of a float settle the last two.
    return type(choice).__name__, (repr(choice) if isinstance(choice, float) else choice)


class CategoricalDistribution(Struct, frozen=True, eq=False):
    """A parameter with a finite set of values that have no order.

    Args:
        choices: One or more different values, each None, a `bool`, an `int`, a `float` or a `str`. Types count:
            ``True``, ``1`` and ``1.0`` are three choices. They are kept as a tuple.

    Raises:
        InvalidDistribution: there is no choice, or the same choice is given twice.
        InvalidType: a choice has another type.

    Example:
        >>> CategoricalDistribution(["adam", "sgd"]).from_unit(0.7)
        'sgd'
    """

    choices: Sequence[Choice]

    def __post_init__(self) -> None:
        # A set has no order, so the index of a choice, which journals keep, would differ from process to process.
        # A string is a sequence, but its letters are never meant as choices.
        if isinstance(self.choices, str | bytes) or not isinstance(self.choices, Sequence):
            raise InvalidType(f"CategoricalDistribution needs a sequence of choices, got {self.choices!r}")
        choices = tuple(builtin_choice(choice) for choice in self.choices)
        if not choices:
            raise InvalidDistribution("CategoricalDistribution needs at least one choice, got none")
        identities = [identity_of_choice(choice) for choice in choices]
        if len(set(identities)) < len(identities):
            twice = next(c for c, key in zip(choices, identities, strict=True) if identities.count(key) > 1)
            raise InvalidDistribution(
                f"CategoricalDistribution needs different choices, got {twice!r} twice in {choices!r}"
            )
        force_setattr(self, "choices", choices)

    def single(self) -> bool:
        """Return whether there is only one choice."""
        return len(self.choices) == 1

    def n_values(self) -> int:
        """Return the number of choices."""
        return len(self.choices)

    def member(self, value: object) -> int | None:
        """Return the index of `value` in the choices, or None if it is not one of them; types count."""
        for index, choice in enumerate(self.choices):
            if choice is value:  # the usual case: the very object that was suggested
                return index
        try:
            key = identity_of_choice(builtin_choice(value))
        except InvalidType:
            return None
        return next((i for i, choice in enumerate(self.choices) if identity_of_choice(choice) == key), None)

    def contains(self, value: object) -> bool:
        """Return whether `value` is one of the choices; types count."""
        return self.member(value) is not None

    def to_internal(self, value: object) -> int:
        """Return the index of `value` in the choices.

        Raises:
            ValueOutsideDistribution: it is not one of the choices.
        """
        index = self.member(value)
        if index is None:
            raise ValueOutsideDistribution(value, self)
        return index

    def to_external(self, internal: float) -> Choice:
        """Return the choice at index `internal`."""
        return self.choices[int(internal)]

    def from_unit(self, u: float) -> Choice:
        """Return the choice whose share of [0, 1] contains `u`; all shares are equal."""
        # u = 1.0 belongs to the last share
        return self.choices[min(int(u * len(self.choices)), len(self.choices) - 1)]

    def to_unit(self, value: Choice) -> float:
        """Return the middle of the share of [0, 1] that gives `value`.

        Raises:
            ValueOutsideDistribution: it is not one of the choices.
        """
        return (self.to_internal(value) + 0.5) / len(self.choices)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CategoricalDistribution):
            return NotImplemented
        # The tuples themselves would be equal for the choices (1, 0) and (True, False).
        return self is other or [*map(identity_of_choice, self.choices)] == [*map(identity_of_choice, other.choices)]

    def __ne__(self, other: object) -> bool:
        # msgspec's Struct has a `__ne__` of its own, which Python would prefer to the negation of `__eq__`
        return not self == other

    def __hash__(self) -> int:
        return hash(tuple(map(identity_of_choice, self.choices)))
