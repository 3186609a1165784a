"""From losses to the values that the Gaussian process is fitted to.

Notation: `n` losses.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

_POWERS = np.linspace(-3.0, 3.0, 25)  # of Yeo and Johnson; 1 changes nothing
_ENOUGH = 3.0  # by how much a power has to increase the log likelihood before it is applied
_FEWEST = 8  # losses from which a power is estimated
_DEVIATION = 1.4826  # of a normal distribution, in units of the median distance from its median
_DIGITS = 9  # what is left of a change of units beyond them is rounding


def standardized(losses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return losses with the mean 0 and the variance 1, or zeros if they are all alike; ``(n,)``.

    The unit of the losses does not count, whatever their size. An infinite loss becomes the largest finite one, and
    minus infinity the smallest. Where the losses are far from normal, a power of Yeo and Johnson is applied first, the
    most likely one.

    Args:
        losses: The losses, ``(n,)``; not NaN.

    Source: Yeo and Johnson, "A New Family of Power Transformations to Improve Normality or Symmetry", Biometrika 87,
    2000; Cowen-Rivers et al., "HEBO", JAIR 74, 2022, section 3 (its use before a Gaussian process).

    Example:
        >>> standardized(np.array([1e-300, 3e-300, np.inf])).tolist()
        [-1.414213562, 0.707106781, 0.707106781]
    """
    spread = _in_robust_units(losses)
    if spread is None:
        return np.zeros(len(losses))
    if len(spread) >= _FEWEST:
        powered = _powered(spread)
        spread = spread if powered is None else powered
    centred = spread - spread.mean()
    # exact equality of what is equal up to the unit makes suggestions the same, too
    result: NDArray[np.float64] = np.round(centred / math.sqrt(float(centred @ centred) / len(centred)), _DIGITS)
    return result + 0.0  # and no -0


def standardized_limits(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return constraint values in a unit of their own, with large ones made smaller; 0 stays 0, ``(n,)``.

    Infinite values become the largest finite ones of their sign, or 1 of the unit.

    Source: Eriksson and Poloczek, "Scalable Constrained Bayesian Optimization", AISTATS 2021 (the bilog transformation).
    """
    finite = values[np.isfinite(values)]
    unit = float(np.median(np.abs(finite))) if len(finite) else 0.0
    if unit == 0.0:
        unit = float(np.abs(finite).max(initial=0.0)) or 1.0
    largest = max(float(np.abs(finite).max(initial=0.0)), unit)
    limited = np.clip(values, -largest, largest) / unit
    return np.round(np.sign(limited) * np.log1p(np.abs(limited)), _DIGITS) + 0.0


def _in_robust_units(losses: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Return losses relative to their median, in units of their typical distance from it; None if all are alike."""
    finite = losses[np.isfinite(losses)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    if low == high:
        # infinite ones among them are still worse, or better, than the others
        low, high = (low, low + max(abs(low), 1.0)) if np.isposinf(losses).any() else (low - max(abs(low), 1.0), high)
    half = 0.25 if math.isinf(high - low) else 1.0  # the difference of the largest floats would overflow
    shares = (np.clip(losses, low, high) * half - low * half) / (high * half - low * half)
    if len(shares) == 0 or (shares == shares[0]).all():
        return None
    distances = shares - np.median(shares)
    sizes = np.abs(distances)
    # if more than half of them are alike, what is typical is the distance of the others
    typical = float(np.median(sizes)) or float(np.median(sizes[sizes > 0.0]))
    return distances / (_DEVIATION * typical)


def _powered(spread: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Return the most likely power of losses in robust units, or None if that is not likelier than none by enough."""
    sizes, signs = np.log1p(np.abs(spread)), np.where(spread >= 0.0, 1.0, -1.0)
    jacobian = float((signs * sizes).sum())
    powers = _POWERS[:, None]
    # above 0 it is ((1 + y)^p - 1) / p, below 0 the mirror image with 2 - p
    own = np.where(signs > 0.0, powers, 2.0 - powers)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        results = signs * np.where(own == 0.0, sizes, np.expm1(own * sizes) / np.where(own == 0.0, 1.0, own))
        likelihoods = -0.5 * len(spread) * np.log(results.var(axis=1)) + (_POWERS - 1.0) * jacobian
    likelihoods[~np.isfinite(likelihoods)] = -math.inf
    best = int(likelihoods.argmax())
    none = int(np.flatnonzero(_POWERS == 1.0)[0])
    return results[best] if likelihoods[best] > likelihoods[none] + _ENOUGH else None
