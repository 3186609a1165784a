"""Numeric parameters: a range of floats or of whole numbers, linear or logarithmic, or a grid in it."""

from __future__ import annotations

import math
import sys
import warnings

from msgspec import Struct
from msgspec.structs import force_setattr

from hpo.core.values.checks import as_float, as_int
from hpo.core.values.grid import grid_value, last_cell, least_step, nearest_cell
from hpo.errors import InvalidDistribution, InvalidType, ValueOutsideDistribution

_LARGEST = sys.float_info.max


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
            edge, end = math.log(self.low - 0.5), math.log(self.high + 0.5)
            if edge < end:  # or the numbers are so large that floats don't tell their logarithms apart
                return min(max(round(math.exp(edge + u * (end - edge))), self.low), self.high)
        n = self.n_values()
        return self.low + min(int(u * n), n - 1) * self.step

    def to_unit(self, value: float) -> float:
        """The inverse of `from_unit`: a point in the share of [0, 1] that gives `value`, clipped to [0, 1]."""
        if self.low == self.high:
            return 0.5
        if self.log:
            low, high = math.log(self.low - 0.5), math.log(self.high + 0.5)
            if low < high:  # see `from_unit`
                unit = (math.log(value) - low) / (high - low) if value > 0 else 0.0
                return min(max(unit, 0.0), 1.0)
        unit = ((value - self.low) / self.step + 0.5) / self.n_values()
        return min(max(unit, 0.0), 1.0)


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
