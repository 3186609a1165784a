"""The values of a stepped float range: what people read as ``low + k * step``, to the last digit.

``0.1 + 2 * 0.1`` is 0.30000000000000004 in floats, and 0.3 here: the numbers are taken as they are written in
decimals, and a grid value is the float nearest to the exact sum.
"""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache


@lru_cache(maxsize=1024)
def last_cell(low: float, high: float, step: float) -> int:
    """The largest k whose grid value, as a float, is not above `high`."""
    if low == high:
        return 0
    last = int((_exact(high) - _exact(low)) // _exact(step))
    while _exact_value(low, step, last + 1) <= high:  # a value just above may round to `high`
        last += 1
    return last


def grid_value(low: float, high: float, step: float, cell: int) -> float:
    """The float nearest to ``low + cell * step``, never above `high`."""
    decimals = _decimals(low, high, step)
    if decimals is None:
        return min(_exact_value(low, step, cell), high)
    value = round(low + cell * step, decimals) + 0.0  # 0.0 instead of -0.0
    return value if value < high else high


def nearest_cell(low: float, high: float, step: float, number: float) -> int:
    """The k of the grid value nearest to a number of the range."""
    if _decimals(low, high, step) is None:
        return round((_exact(number) - _exact(low)) / _exact(step))
    return round((number - low) / step)


def least_step(low: float, high: float) -> float:
    """The step below which the values of a grid from `low` to `high` run into each other as floats."""
    return 4.0 * math.ulp(max(abs(low), abs(high)))


@lru_cache(maxsize=1024)
def _decimals(low: float, high: float, step: float) -> int | None:
    """The decimals that `low` and `step` have, or None where a rounded sum of floats may miss the grid value."""
    decimals = max(-min(int(Decimal(repr(x)).as_tuple().exponent), 0) for x in (low, step))
    return decimals if decimals < 22 and (abs(low) + abs(high)) * 10.0**decimals < 1e14 else None


def _exact_value(low: float, step: float, cell: int) -> float:
    try:
        return float(_exact(low) + cell * _exact(step))
    except OverflowError:
        return math.inf


def _exact(number: float) -> Fraction:
    return Fraction(repr(number))
