"""The three kinds of parameter: what values they allow, and how those are written and drawn.

Every distribution has two views of a value. The *external* one is what an objective sees: a builtin `float`,
`int`, or one of the choices. The *internal* one is what journals and columns keep: the same number, or the
index of the choice, so that ``True``, ``1`` and ``1.0`` stay three different choices.
"""

from __future__ import annotations

import json
import math
import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import force_setattr

from hpo.core.choices import Choice, builtin_choice, identity_of_choice
from hpo.core.numbers import as_float, as_int
from hpo.core.step_grid import grid_value, last_cell, least_step, nearest_cell
from hpo.errors import InvalidDistribution, InvalidType, ValueOutsideDistribution


class FloatDistribution(Struct, frozen=True, repr_omit_defaults=True):
    """A real parameter in ``[low, high]``.

    Args:
        low: Smallest value; finite; greater than 0 when `log`.
        high: Largest value; finite, at least `low`. With a `step` that does not divide the range it is lowered,
            with a warning, to the largest value on the grid.
        log: Whether the parameter acts through its logarithm.
        step: Distance of the grid points from `low` on, greater than 0; not together with `log`.

    Raises:
        InvalidDistribution: a bound is NaN, infinite or above the other; ``low <= 0`` with `log`; ``step <= 0``, or
            so small that neighbours on the grid are the same float; `log` together with `step`.

    Example:
        >>> FloatDistribution(0.0, 1.0, step=0.1).from_unit(0.35)
        0.3
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None

    def __post_init__(self) -> None:
        for end in ("low", "high"):
            force_setattr(self, end, _finite_bound("FloatDistribution", end, getattr(self, end)))
        _check_order("FloatDistribution", self.low, self.high)
        force_setattr(self, "log", bool(self.log))
        if self.log and self.low <= 0.0:
            raise InvalidDistribution(f"FloatDistribution with log=True needs low > 0, got low={self.low!r}")
        if self.step is not None:
            step = _finite_bound("FloatDistribution", "step", self.step)
            if self.log:
                raise InvalidDistribution(f"FloatDistribution takes either step or log=True, got both (step={step!r})")
            if step <= 0.0:
                raise InvalidDistribution(f"FloatDistribution needs step > 0, got step={step!r}")
            least = least_step(self.low, self.high)
            if step < least and self.low < self.high:
                raise InvalidDistribution(
                    f"FloatDistribution from {self.low!r} to {self.high!r} needs step >= {least!r}, where floats can "
                    f"still tell the values apart; got step={step!r}"
                )
            force_setattr(self, "step", step)
            last = last_cell(self.low, self.high, step)
            _lower_high("FloatDistribution", self, grid_value(self.low, self.high, step, last))

    def single(self) -> bool:
        """Whether the range holds exactly one value."""
        return self.low == self.high

    def n_values(self) -> int | None:
        """How many values there are: None for a continuum."""
        if self.step is not None:
            return last_cell(self.low, self.high, self.step) + 1
        return 1 if self.low == self.high else None

    def member(self, value: object) -> float | None:
        """`value` as it is kept, or None unless it is in the range and, with a step, on the grid (to 1e-8 of one)."""
        number = value if type(value) is float else as_float(value)
        if number is None or not self.low <= number <= self.high:
            return None
        if self.step is not None:
            cell = nearest_cell(self.low, self.high, self.step, number)
            if abs(number - grid_value(self.low, self.high, self.step, cell)) > 1e-8 * self.step:
                return None
        return number

    def contains(self, value: object) -> bool:
        """Whether `value` is one of the distribution's; see `member`."""
        return self.member(value) is not None

    def to_internal(self, value: object) -> float:
        """`value` as it is kept.

        Raises:
            ValueOutsideDistribution: it is no finite number. A number outside the range is kept as it is.
        """
        number = value if type(value) is float else as_float(value)
        if number is None or not math.isfinite(number):
            raise ValueOutsideDistribution(value, self)
        return number

    def to_external(self, internal: float) -> float:
        """The `float` that an objective sees."""
        return float(internal)

    def from_unit(self, u: float) -> float:
        """The value at `u` in [0, 1]; monotone, and both ends are reached.

        With a step, each grid point owns an equal share of [0, 1].
        """
        if self.step is not None:
            last = last_cell(self.low, self.high, self.step)
            return grid_value(self.low, self.high, self.step, min(int(u * (last + 1)), last))
        low, high = self.low, self.high
        if u <= 0.0 or u >= 1.0:  # rounding could miss the ends
            return low if u <= 0.0 else high
        if self.log:
            edge = math.log(low)
            value = math.exp(edge + u * (math.log(high) - edge))
        else:
            width = high - low
            # monotone, which the second form is only where an end is negative; there the width can overflow
            value = low + u * width if width <= _LARGEST else (1.0 - u) * low + u * high
        return low if value < low else high if value > high else value

    def to_unit(self, value: float) -> float:
        """The inverse of `from_unit`: the middle of the share of [0, 1] that gives `value`, clipped to [0, 1]."""
        if self.step is not None:
            cell = nearest_cell(self.low, self.high, self.step, min(max(value, self.low), self.high))
            return (cell + 0.5) / (last_cell(self.low, self.high, self.step) + 1)
        if self.low == self.high:
            return 0.5
        if self.log:
            if value <= 0.0:
                return 0.0
            low, high, value = math.log(self.low), math.log(self.high), math.log(value)
            unit = (value - low) / (high - low) if high > low else 0.5
        else:
            value = min(max(value, self.low), self.high)
            width = self.high - self.low
            half = 1.0 if width <= _LARGEST else 0.5  # of huge numbers, so that the differences stay finite
            unit = (value * half - self.low * half) / (self.high * half - self.low * half)
        return min(max(unit, 0.0), 1.0)


class IntDistribution(Struct, frozen=True, repr_omit_defaults=True):
    """A whole-number parameter in ``[low, high]``, both included.

    Args:
        low: Smallest value; at least 1 when `log`.
        high: Largest value. A `step` that does not divide the range lowers it, with a warning.
        log: Whether small values are favoured: each value owns the share of the logarithmic axis between
            half below and half above it.
        step: Distance between values, at least 1; only 1 together with `log`.

    Raises:
        InvalidDistribution: ``low > high``, ``low < 1`` with `log`, ``step < 1``, or a step with `log`.
        InvalidType: a bound or the step is not a whole number.

    Example:
        >>> [IntDistribution(1, 7, step=3).from_unit(u) for u in (0.0, 0.5, 1.0)]
        [1, 4, 7]
    """

    low: int
    high: int
    log: bool = False
    step: int = 1

    def __post_init__(self) -> None:
        for field in ("low", "high", "step"):
            given = getattr(self, field)
            whole = as_int(given)
            if whole is None:
                raise InvalidType(f"IntDistribution needs a whole number for {field}, got {given!r}")
            force_setattr(self, field, whole)
        _check_order("IntDistribution", self.low, self.high)
        force_setattr(self, "log", bool(self.log))
        if self.step < 1:
            raise InvalidDistribution(f"IntDistribution needs step >= 1, got step={self.step}")
        if self.log and self.low < 1:
            raise InvalidDistribution(f"IntDistribution with log=True needs low >= 1, got low={self.low}")
        if self.log and self.step != 1:
            raise InvalidDistribution(f"IntDistribution takes either step or log=True, got both (step={self.step})")
        _lower_high("IntDistribution", self, self.low + (self.n_values() - 1) * self.step)

    def single(self) -> bool:
        """Whether the range holds exactly one value."""
        return self.low == self.high

    def n_values(self) -> int:
        """How many values there are."""
        return (self.high - self.low) // self.step + 1

    def member(self, value: object) -> int | None:
        """`value` as it is kept, or None unless it is a whole number in the range and on the grid."""
        number = value if type(value) is int else as_int(value)
        if number is None or not self.low <= number <= self.high or (number - self.low) % self.step:
            return None
        return number

    def contains(self, value: object) -> bool:
        """Whether `value` is one of the distribution's; see `member`."""
        return self.member(value) is not None

    def to_internal(self, value: object) -> int:
        """`value` as it is kept.

        Raises:
            ValueOutsideDistribution: it is no whole number. A whole number outside the range is kept as it is.
        """
        number = as_int(value)
        if number is None:
            raise ValueOutsideDistribution(value, self)
        return number

    def to_external(self, internal: float) -> int:
        """The `int` that an objective sees."""
        return int(internal)

    def from_unit(self, u: float) -> int:
        """The value at `u` in [0, 1]; monotone, and both ends are reached."""
        if u <= 0.0 or u >= 1.0:  # rounding could miss the ends
            return self.low if u <= 0.0 else self.high
        if self.log:
            edge = math.log(self.low - 0.5)
            return min(max(round(math.exp(edge + u * (math.log(self.high + 0.5) - edge))), self.low), self.high)
        n = self.n_values()
        return self.low + min(int(u * n), n - 1) * self.step

    def to_unit(self, value: float) -> float:
        """The inverse of `from_unit`: a point in the share of [0, 1] that gives `value`, clipped to [0, 1]."""
        if self.low == self.high:
            return 0.5
        if self.log:
            low, high = math.log(self.low - 0.5), math.log(self.high + 0.5)
            unit = (math.log(value) - low) / (high - low) if value > 0 else 0.0
        else:
            unit = ((value - self.low) / self.step + 0.5) / self.n_values()
        return min(max(unit, 0.0), 1.0)


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


Distribution: TypeAlias = FloatDistribution | IntDistribution | CategoricalDistribution
"""Any of the three; the union is closed."""

_LARGEST = sys.float_info.max

_BY_NAME: Mapping[str, type[Distribution]] = {
    kind.__name__: kind for kind in (FloatDistribution, IntDistribution, CategoricalDistribution)
}


def distribution_to_json(distribution: Distribution) -> str:
    """`distribution` as JSON text: ``{"name": "IntDistribution", "attributes": {"low": 1, ...}}``.

    A choice that is not finite is written as Python's `json` does: ``NaN``, ``Infinity``.

    Example:
        >>> distribution_to_json(CategoricalDistribution(["a", None]))
        '{"name": "CategoricalDistribution", "attributes": {"choices": ["a", null]}}'
    """
    attributes = {field: getattr(distribution, field) for field in distribution.__struct_fields__}
    return json.dumps({"name": type(distribution).__name__, "attributes": attributes})


def json_to_distribution(text: str) -> Distribution:
    """The distribution that `distribution_to_json` wrote.

    Raises:
        InvalidDistribution: the text is no JSON object of that form, or names an unknown distribution.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidDistribution(f"a distribution is written as JSON, got {text!r}: {error}") from None
    return distribution_from_document(document)


def distribution_from_document(document: object) -> Distribution:
    """The distribution that a decoded JSON document describes; see `json_to_distribution`."""
    match document:
        case {"name": str(name), "attributes": dict(attributes)} if name in _BY_NAME:
            kind = _BY_NAME[name]
            unknown = set(attributes) - set(kind.__struct_fields__)
            required = set(kind.__struct_fields__[: -len(kind.__struct_defaults__) or None])
            if unknown or not required <= set(attributes):
                raise InvalidDistribution(
                    f"{name} has the attributes {', '.join(kind.__struct_fields__)}; got {', '.join(attributes)}"
                )
            return kind(**attributes)
    raise InvalidDistribution(
        f'a distribution is written as {{"name": ..., "attributes": {{...}}}} with a name out of '
        f"{', '.join(_BY_NAME)}; got {document!r}"
    )


def check_distribution_compatibility(old: Distribution, new: Distribution) -> None:
    """Make sure that one parameter can have both distributions during a study.

    Numeric ranges may drift; the kind may not change, and neither may the choices.

    Raises:
        InvalidDistribution: the kinds differ, or the choices do.
    """
    if type(old) is not type(new):
        raise InvalidDistribution(f"a parameter can't change its kind: it was {old!r}, now it is {new!r}")
    if isinstance(old, CategoricalDistribution) and old != new:
        raise InvalidDistribution(f"a parameter can't change its choices: they were {old!r}, now {new!r}")


def _finite_bound(kind: str, field: str, given: object) -> float:
    number = as_float(given)
    if number is None:
        raise InvalidType(f"{kind} needs a number for {field}, got {given!r}")
    if not math.isfinite(number):
        raise InvalidDistribution(f"{kind} needs a finite {field}, got {field}={number!r}")
    return number + 0.0  # 0.0 instead of -0.0: ranges that are equal give the same digits


def _check_order(kind: str, low: float, high: float) -> None:
    if low > high:
        raise InvalidDistribution(f"{kind} needs low <= high, got low={low!r}, high={high!r}")


def _lower_high(kind: str, distribution: FloatDistribution | IntDistribution, largest: float) -> None:
    if largest != distribution.high:
        warnings.warn(
            f"{kind}: the range from {distribution.low!r} to {distribution.high!r} is no multiple of "
            f"step={distribution.step!r}; high is lowered to {largest!r}",
            stacklevel=4,
        )
        force_setattr(distribution, "high", largest)
