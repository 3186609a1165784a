"""The values of a float range with a step: what people read as ``low + k * step``, to the last digit.

``0.1 + 2 * 0.1`` is 0.30000000000000004 in floats, and 0.3 here: the numbers are taken as they are written in
decimals, and a grid value is the float nearest to the exact sum. The index k of a grid value is called its cell.
"""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

GRID_TOLERANCE = 1e-8
"""How far from a grid value a number may lie and still stand for it, in steps.

Users compute grid values in floats or read them from rounded decimals, which is off by a few of the 16 digits. 1e-8 is
far above that and far below the half step at which a number would belong to the next value.
"""


@lru_cache(maxsize=1024)
def grid_end(low: float, high: float, step: float) -> float:
    """Return the last value of the grid from `low`: the largest one up to `high`, or one that `high` stands for.

    Example:
        >>> grid_end(0.0, 0.7 + 0.1, 0.1)  # the sum is 0.7999999999999999
        0.8
    """
    last = last_cell(low, high, step)
    beyond = _exact_value(low, step, last + 1)
    if low < high and beyond - high <= GRID_TOLERANCE * step:
        return beyond
    return grid_value(low, high, step, last)


@lru_cache(maxsize=1024)
def last_cell(low: float, high: float, step: float) -> int:
    """Return the largest cell whose grid value, as a float, is at most `high`."""
    if low == high:  # the step may be anything then, even too small to tell its values apart
        return 0
    last = int((_exact(high) - _exact(low)) // _exact(step))
    # A value that is above `high` in decimals may still be the same float as `high`.
    while _exact_value(low, step, last + 1) <= high:
        last += 1
    return last


def grid_value(low: float, high: float, step: float, cell: int) -> float:
    """Return the float nearest to ``low + cell * step``, never above `high`."""
    decimals = _decimals(low, high, step)
    if decimals is None:
        return min(_exact_value(low, step, cell), high)
    # The sum of floats is wrong in its last digits; rounded to the decimals of `low` and `step` it is right, which is
    # many times cheaper than fractions. Adding 0.0 turns -0.0 into 0.0: a grid has one zero.
    value = round(low + cell * step, decimals) + 0.0
    return value if value < high else high


def nearest_cell(low: float, high: float, step: float, number: float) -> int:
    """Return the cell of the grid value nearest to `number`, which lies in the range."""
    if _decimals(low, high, step) is None:
        return round((_exact(number) - _exact(low)) / _exact(step))
    return round((number - low) / step)


def least_step(low: float, high: float) -> float:
    """Return the step below which neighbours on a grid from `low` to `high` may be the same float."""
    # Floats are sparsest at the end that is farthest from zero. Rounding moves each of two neighbours by half a spacing
    # at most; four spacings leave a margin.
    return 4.0 * math.ulp(max(abs(low), abs(high)))


@lru_cache(maxsize=1024)
def _decimals(low: float, high: float, step: float) -> int | None:
    """Return how many decimals `low` and `step` have, or None if a rounded sum of floats could miss the grid value."""
    decimals = max(-min(int(Decimal(repr(x)).as_tuple().exponent), 0) for x in (low, step))
    # Floats have 53 bits, nearly 16 digits. While a value needs fewer than 14 of them, the error of the sum stays far
    # below half a unit of the last decimal, so rounding repairs it. 10**22 is the largest power of ten that is a float.
    return decimals if decimals < 22 and (abs(low) + abs(high)) * 10.0**decimals < 1e14 else None


def _exact_value(low: float, step: float, cell: int) -> float:
    try:
        return float(_exact(low) + cell * _exact(step))
    except OverflowError:  # one step beyond the largest float, as `last_cell` tries
        return math.inf


def _exact(number: float) -> Fraction:
    # `repr` gives the shortest decimal that reads back as this float: what the user wrote. `Fraction(number)` would be
    # the binary value, 0.1000000000000000055... for 0.1.
    return Fraction(repr(number))
