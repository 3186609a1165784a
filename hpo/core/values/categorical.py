"""Categorical parameters, and what they choose between."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import force_setattr

from hpo.core.values.checks import as_int, checked_text
from hpo.errors import InvalidDistribution, InvalidType, ValueOutsideDistribution

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


class CategoricalDistribution(Struct, frozen=True, eq=False):
    """A parameter with named or otherwise unordered values.

    Args:
        choices: At least one of None, `bool`, `int`, `float` or `str`, all different. Type counts: ``True``, ``1``
            and ``1.0`` are three choices. They are kept as a tuple.

    Raises:
        InvalidDistribution: there is no choice, or one stands twice.
        InvalidType: a choice is of another type.

    Example:
        >>> CategoricalDistribution(["adam", "sgd"]).from_unit(0.7)
        'sgd'
    """

    choices: Sequence[Choice]

    def __post_init__(self) -> None:
        if isinstance(self.choices, str | bytes) or not isinstance(self.choices, Sequence):  # sets have no order
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
        """Whether there is one choice only."""
        return len(self.choices) == 1

    def n_values(self) -> int:
        """How many choices there are."""
        return len(self.choices)

    def member(self, value: object) -> int | None:
        """The index of `value` in the choices, or None unless it is, with its type, one of them."""
        for index, choice in enumerate(self.choices):
            if choice is value:
                return index
        try:
            key = identity_of_choice(builtin_choice(value))
        except InvalidType:
            return None
        return next((i for i, choice in enumerate(self.choices) if identity_of_choice(choice) == key), None)

    def contains(self, value: object) -> bool:
        """Whether `value` is one of the distribution's; see `member`."""
        return self.member(value) is not None

    def to_internal(self, value: object) -> int:
        """The index of `value` in the choices.

        Raises:
            ValueOutsideDistribution: it is none of them.
        """
        index = self.member(value)
        if index is None:
            raise ValueOutsideDistribution(value, self)
        return index

    def to_external(self, internal: float) -> Choice:
        """The choice with index `internal`."""
        return self.choices[int(internal)]

    def from_unit(self, u: float) -> Choice:
        """The choice whose equal share of [0, 1] holds `u`."""
        return self.choices[min(int(u * len(self.choices)), len(self.choices) - 1)]

    def to_unit(self, value: Choice) -> float:
        """The middle of the share of [0, 1] that gives `value`.

        Raises:
            ValueOutsideDistribution: it is none of the choices.
        """
        return (self.to_internal(value) + 0.5) / len(self.choices)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CategoricalDistribution):
            return NotImplemented
        return self is other or [*map(identity_of_choice, self.choices)] == [*map(identity_of_choice, other.choices)]

    def __ne__(self, other: object) -> bool:
        return not self == other  # the one of Struct would tell equal objects apart

    def __hash__(self) -> int:
        return hash(tuple(map(identity_of_choice, self.choices)))
