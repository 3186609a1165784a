"""The options of the TPE: what they may be, and the functions that they are by default."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from hpo.core import Choice, as_float
from hpo.errors import InvalidArgument, InvalidType

_MOST_GOOD = 25
_REMEMBERED = 25


def default_gamma(n: int) -> int:
    """How many of `n` trials count as good: 15 %, rounded up, at most 25.

    Example:
        >>> default_gamma(31)
        5
    """
    return min(math.ceil(0.15 * n), _MOST_GOOD)


def hyperopt_gamma(n: int) -> int:
    """How many of `n` trials Hyperopt counts as good: a quarter of the square root, rounded up, at most 25.

    Example:
        >>> hyperopt_gamma(100)
        3
    """
    return min(math.ceil(0.25 * math.sqrt(n)), _MOST_GOOD)


def default_weights(n: int) -> NDArray[np.float64]:
    """Weights of `n` trials, oldest first: 1 for the newest 25, older ones on a line down to ``1 / n``.

    Source: Bergstra, Yamins and Cox, "Making a Science of Model Search", ICML 2013 (linear forgetting).

    Example:
        >>> default_weights(3).tolist()
        [1.0, 1.0, 1.0]
    """
    old = n - _REMEMBERED
    if old <= 0:
        return np.ones(n)
    weights = np.ones(n)
    weights[:old] = 1.0 / n + np.arange(old) * ((1.0 - 1.0 / n) / max(old - 1, 1))
    return weights


def positive(instance: object, attribute: attrs.Attribute[float], value: object) -> None:
    """Validator: a finite number above 0."""
    number = None if isinstance(value, bool) else as_float(value)
    if number is None or not 0.0 < number < math.inf:
        raise InvalidArgument(f"{attribute.name} is a finite number above 0, got {value!r}")


def function(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """Validator: something that can be called."""
    if not callable(value):
        raise InvalidType(f"{attribute.name} is a function of a number of trials, got {value!r}")


def distances(given: Any) -> tuple[tuple[str, Callable[[Choice, Choice], float]], ...]:
    """Converter: functions of two choices by the name of a parameter, as pairs sorted by name; None for none."""
    if given is None:
        return ()
    pairs = given.items() if isinstance(given, Mapping) else given
    try:
        functions = dict(pairs)
    except (TypeError, ValueError):
        functions = None
    if functions is None or not all(isinstance(n, str) and callable(f) for n, f in functions.items()):
        raise InvalidType(f"categorical_distance_func gives functions of two choices by parameter, got {given!r}")
    return tuple(sorted(functions.items(), key=lambda pair: pair[0]))
