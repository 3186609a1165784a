"""The options of the TPE that are functions: the published ones, and how they are checked."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hpo.core import Choice, as_int
from hpo.errors import InvalidArgument, InvalidType

DistanceFunctions: TypeAlias = tuple[tuple[str, Callable[[Choice, Choice], float]], ...]
"""Pairs of a parameter's name and a distance of two of its choices, at least 0; sorted by name."""

_MOST_GOOD = 25
_NEWEST = 25  # trials that are not forgotten at all


def default_gamma(n: int) -> int:
    """Return how many of `n` trials are good: 15 %, rounded up, and at most 25.

    Example:
        >>> default_gamma(31)
        5
    """
    return min(math.ceil(0.15 * n), _MOST_GOOD)


def hyperopt_gamma(n: int) -> int:
    """Return how many of `n` trials are good for Hyperopt: a quarter of the square root, rounded up, and at most 25.

    Example:
        >>> hyperopt_gamma(100)
        3
    """
    return min(math.ceil(0.25 * math.sqrt(n)), _MOST_GOOD)


def default_weights(n: int) -> NDArray[np.float64]:
    """Return the weights of `n` trials, oldest first: 1 for the newest 25, and a line down to ``1 / n`` for the others.

    Source: Bergstra, Yamins and Cox, "Making a Science of Model Search", ICML 2013 (linear forgetting).

    Example:
        >>> default_weights(3).tolist()
        [1.0, 1.0, 1.0]
    """
    old = n - _NEWEST
    if old <= 0:
        return np.ones(n)
    weights = np.ones(n)
    weights[:old] = 1.0 / n + np.arange(old) * ((1.0 - 1.0 / n) / max(old - 1, 1))
    return weights


def n_good_of(gamma: Any, n: int) -> int:
    """Return how many of `n` trials are good by the option `gamma`, at least 0 and at most `n`.

    Raises:
        InvalidType: `gamma` did not return a whole number.
    """
    given = gamma(n)
    n_good = as_int(given)  # which takes numpy's integers, and 3.0
    if n_good is None:
        raise InvalidType(f"gamma must return a whole number of good trials; for {n} trials it returned {given!r}")
    return min(max(n_good, 0), n)


def weights_of(weights: Any, n: int) -> NDArray[np.float64]:
    """Return what the option `weights` gives `n` trials, ``(n,)``.

    Raises:
        InvalidArgument: it did not return `n` finite numbers of at least 0 with a finite sum.
    """
    found = np.asarray(weights(n), dtype=np.float64)
    if weights is default_weights:
        return found
    with np.errstate(over="ignore"):  # weights whose sum overflows are refused for it
        usable = found.shape == (n,) and math.isfinite(found.sum()) and (found >= 0.0).all()
    if not usable:
        raise InvalidArgument(
            f"weights must return one finite weight of at least 0 per trial; for {n} trials it returned {found!r}"
        )
    return found


def checked_distances(given: Any) -> DistanceFunctions:
    """Return the option `categorical_distance_func` as pairs sorted by name; a converter.

    Raises:
        InvalidType: it does not map names to functions.
    """
    if given is None:
        return ()
    pairs = given.items() if isinstance(given, Mapping) else given
    try:
        functions = dict(pairs)
    except (TypeError, ValueError):
        functions = None
    if functions is None or not all(isinstance(name, str) and callable(f) for name, f in functions.items()):
        raise InvalidType(f"categorical_distance_func maps names to functions of two choices, got {given!r}")
    return tuple(sorted(functions.items(), key=lambda pair: pair[0]))
