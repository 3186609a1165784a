"""Numeric parameters: ranges of floats or of whole numbers, linear, logarithmic or with a step."""

from __future__ import annotations

import math
import sys
import warnings

from msgspec import Struct
from msgspec.structs import force_setattr

from hpo.core.values.checks import as_float, as_int
from hpo.core.values.grid import GRID_TOLERANCE, grid_end, grid_value, last_cell, least_step, nearest_cell
from hpo.core.values.kinds import KindOfDistribution
from hpo.errors import InvalidDistribution, InvalidType, ValueOutsideDistribution

_LARGEST_FLOAT = sys.float_info.max


class FloatDistribution(Struct, frozen=True, repr_omit_defaults=True, metaclass=KindOfDistribution):
    """A real parameter in ``[low, high]``.

    Args:
        low: Smallest value; finite, and greater than 0 with `log`.
        high: Largest value; finite, and at least `low`. If the `step` does not divide the range, `high` is lowered to
            the largest value on the grid, with a warning. A sum of floats that is within 1e-8 steps of a grid value is
            that value.
        log: Whether the parameter acts through its logarithm.
        step: Distance between the values, which start at `low`; greater than 0, and not together with `log`.

    Raises:
        InvalidDistribution: a bound is NaN or infinite; ``low > high``; ``low <= 0`` with `log`; ``step <= 0``, or so
            small that neighbours on the grid could be the same float; or `log` together with `step`.
        InvalidType: a bound or the step is not a number.

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
                    f"FloatDistribution from {self.low!r} to {self.high!r} needs step >= {least!r}, because "
                    f"floats cannot tell closer values apart; got step={step!r}"
                )
            force_setattr(self, "step", step)
            # The end is moved onto the grid, so that `high` is a value like any other and two ranges with the same
            # values are equal.
            last = grid_end(self.low, self.high, step)
            if abs(last - self.high) <= GRID_TOLERANCE * step:
                force_setattr(self, "high", last)
            _lower_high("FloatDistribution", self, last)

    def single(self) -> bool:
        """Return whether the range contains exactly one value."""
        return self.low == self.high

    def n_values(self) -> int | None:
        """Return the number of values, or None for a continuum."""
        if self.step is not None:
            return last_cell(self.low, self.high, self.step) + 1
        return 1 if self.low == self.high else None

    def member(self, value: object) -> float | None:
        """Return `value` as it is kept, or None if it is outside the range or, with a step, not on the grid.

        A value counts as on the grid if it is within 1e-8 steps of a grid value.
        """
        number = value if type(value) is float else as_float(value)
        if number is None:
            return None
        if self.step is None:
            return number if self.low <= number <= self.high else None
        # the number itself and not the grid value: what was evaluated is what the journal says
        return None if self._on_grid(number) is None else min(max(number, self.low), self.high)

    def contains(self, value: object) -> bool:
        """Return whether `value` is in the range and, with a step, on the grid."""
        return self.member(value) is not None

    def nearest(self, value: float) -> float:
        """Return the grid value that `value` stands for, or `value` itself if it is within 1e-8 steps of none.

        Example:
            >>> FloatDistribution(0, 1, step=0.1).nearest(0.1 + 0.2)  # the sum is 0.30000000000000004
            0.3
        """
        on_grid = self._on_grid(value)
        return value if on_grid is None else on_grid

    def _on_grid(self, value: float) -> float | None:
        """Return the grid value that `value` is within 1e-8 steps of, or None."""
        # rounding may also go beyond the ends; NaN fails every comparison
        if self.step is None or not self.low - self.step <= value <= self.high + self.step:
            return None
        cell = nearest_cell(self.low, self.high, self.step, min(max(value, self.low), self.high))
        on_grid = grid_value(self.low, self.high, self.step, cell)
        return on_grid if abs(value - on_grid) <= GRID_TOLERANCE * self.step else None

    def to_internal(self, value: object) -> float:
        """Return `value` as it is kept; a number outside the range is kept as it is.

        Raises:
            ValueOutsideDistribution: it is not a finite number.
        """
        # Users may enqueue values outside the range, and ranges may change during a study: facts are kept as they are.
        number = value if type(value) is float else as_float(value)
        if number is None or not math.isfinite(number):
            raise ValueOutsideDistribution(value, self)
        return number

    def to_external(self, internal: float) -> float:
        """Return the `float` that an objective sees."""
        return float(internal)

    def to_external_repr(self, param_value_in_internal_repr: float) -> float:
        """Return what `to_external` does; Optuna's name."""
        return self.to_external(param_value_in_internal_repr)

    def to_internal_repr(self, param_value_in_external_repr: object) -> float:
        """Return what `to_internal` does, as a float; Optuna's name."""
        return float(self.to_internal(param_value_in_external_repr))

    def from_unit(self, u: float) -> float:
        """Return the value at `u` in [0, 1]; it grows with `u`, and both ends of the range are reached.

        With a step, every grid value has an equal share of [0, 1].
        """
        if self.step is not None:
            last = last_cell(self.low, self.high, self.step)
            return grid_value(self.low, self.high, self.step, min(int(u * (last + 1)), last))  # u = 1.0 is in the last
        low, high = self.low, self.high
        if u <= 0.0 or u >= 1.0:  # the formulas below may miss the ends by a rounding error
            return low if u <= 0.0 else high
        if self.log:
            edge = math.log(low)
            value = math.exp(edge + u * (math.log(high) - edge))
        else:
            width = high - low
            # In floats the first form never decreases as u grows. Where the width overflows, the ends have opposite
            # signs; there, and only there, both terms of the second form grow with u.
            value = low + u * width if width <= _LARGEST_FLOAT else (1.0 - u) * low + u * high
        return low if value < low else high if value > high else value

    def to_unit(self, value: float) -> float:
        """Return the point of [0, 1] where `from_unit` gives `value`; values outside the range go to the nearer end.

        With a step it is the middle of the share that gives `value`.
        """
        if self.step is not None:
            cell = nearest_cell(self.low, self.high, self.step, min(max(value, self.low), self.high))
            return (cell + 0.5) / (last_cell(self.low, self.high, self.step) + 1)
        if self.low == self.high:  # every point gives the only value
            return 0.5
        if self.log:
            if value <= 0.0:  # kept from a range without `log`: it has no logarithm, and lies below the range
                return 0.0
            low, high, value = math.log(self.low), math.log(self.high), math.log(value)
            unit = (value - low) / (high - low) if high > low else 0.5  # neighbouring floats may share a logarithm
        else:
            value = min(max(value, self.low), self.high)
            width = self.high - self.low
            half = 1.0 if width <= _LARGEST_FLOAT else 0.5  # halves of huge numbers have finite differences
            unit = (value * half - self.low * half) / (self.high * half - self.low * half)
        return min(max(unit, 0.0), 1.0)


class IntDistribution(Struct, frozen=True, repr_omit_defaults=True, metaclass=KindOfDistribution):
    """A whole-number parameter in ``[low, high]``, both included.

    Args:
        low: Smallest value; at least 1 with `log`.
        high: Largest value. If the `step` does not divide the range, `high` is lowered to the largest value on the
            grid, with a warning.
        log: Whether the parameter acts through its logarithm. The value n then has the share of the logarithmic axis
            from n - 0.5 to n + 0.5.
        step: Distance between the values, which start at `low`; at least 1, and exactly 1 with `log`.

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
        # `high` is moved onto the grid, as for floats
        _lower_high("IntDistribution", self, self.low + (self.n_values() - 1) * self.step)

    def single(self) -> bool:
        """Return whether the range contains exactly one value."""
        return self.low == self.high

    def n_values(self) -> int:
        """Return the number of values."""
        return (self.high - self.low) // self.step + 1

    def member(self, value: object) -> int | None:
        """Return `value` as it is kept, or None if it is not a whole number in the range and on the grid."""
        number = value if type(value) is int else as_int(value)
        if number is None or not self.low <= number <= self.high or (number - self.low) % self.step:
            return None
        return number

    def contains(self, value: object) -> bool:
        """Return whether `value` is a whole number in the range and on the grid."""
        return self.member(value) is not None

    def to_internal(self, value: object) -> int:
        """Return `value` as it is kept; a whole number outside the range is kept as it is.

        Raises:
            ValueOutsideDistribution: it is not a whole number.
        """
        number = as_int(value)
        if number is None:
            raise ValueOutsideDistribution(value, self)
        return number

    def to_external(self, internal: float) -> int:
        """Return the `int` that an objective sees."""
        return int(internal)

    def to_external_repr(self, param_value_in_internal_repr: float) -> int:
        """Return what `to_external` does; Optuna's name."""
        return self.to_external(param_value_in_internal_repr)

    def to_internal_repr(self, param_value_in_external_repr: object) -> float:
        """Return what `to_internal` does, as a float; Optuna's name."""
        return float(self.to_internal(param_value_in_external_repr))

    def from_unit(self, u: float) -> int:
        """Return the value at `u` in [0, 1]; it grows with `u`, and both ends of the range are reached."""
        if u <= 0.0 or u >= 1.0:  # the formulas below may miss the ends by a rounding error
            return self.low if u <= 0.0 else self.high
        if self.log:
            # The axis goes half a unit beyond both ends, so that the first and the last value have a share on both
            # sides of them, as every other value has. Hence low >= 1: the logarithm of low - 0.5 must exist.
            edge, end = math.log(self.low - 0.5), math.log(self.high + 0.5)
            if edge < end:  # the logarithms of huge neighbours are the same float; then the range is taken as linear
                return min(max(round(math.exp(edge + u * (end - edge))), self.low), self.high)
        n = self.n_values()
        return self.low + min(int(u * n), n - 1) * self.step

    def to_unit(self, value: float) -> float:
        """Return a point of [0, 1] where `from_unit` gives `value`; values outside the range go to the nearer end."""
        if self.low == self.high:  # every point gives the only value
            return 0.5
        if self.log:
            low, high = math.log(self.low - 0.5), math.log(self.high + 0.5)
            if low < high:  # else the range is taken as linear, as in `from_unit`
                unit = (math.log(value) - low) / (high - low) if value > 0 else 0.0
                return min(max(unit, 0.0), 1.0)
        unit = ((value - self.low) / self.step + 0.5) / self.n_values()  # the middle of the share
        return min(max(unit, 0.0), 1.0)


def _finite_bound(kind: str, field: str, given: object) -> float:
    number = as_float(given)
    if number is None:
        raise InvalidType(f"{kind} needs a number for {field}, got {given!r}")
    if not math.isfinite(number):
        raise InvalidDistribution(f"{kind} needs a finite {field}, got {field}={number!r}")
    # Adding 0.0 turns -0.0 into 0.0. The two are equal, so ranges with them are equal as well; equal ranges must also
    # be written with the same digits and give the same values.
    return number + 0.0


def _check_order(kind: str, low: float, high: float) -> None:
    if low > high:
        raise InvalidDistribution(f"{kind} needs low <= high, got low={low!r}, high={high!r}")


def _lower_high(kind: str, distribution: FloatDistribution | IntDistribution, largest: float) -> None:
    if largest != distribution.high:
        warnings.warn(
            f"{kind}: the range from {distribution.low!r} to {distribution.high!r} is not a multiple of "
            f"step={distribution.step!r}; high is lowered to {largest!r}",
            stacklevel=4,  # points at the line that makes the distribution
        )
        force_setattr(distribution, "high", largest)
