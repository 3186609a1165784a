"""From losses to the values that the Gaussian process is fitted to, and back.

Notation: `n` losses.
"""

from __future__ import annotations

import math

import attrs
import numpy as np
from numpy.typing import NDArray

_POWERS = np.linspace(-3.0, 3.0, 25)  # of Yeo and Johnson; 1 changes nothing
_ENOUGH = 3.0  # by how much a power has to increase the log likelihood before it is applied
_FEWEST = 8  # losses from which a power is estimated
_DEVIATION = 1.4826  # of a normal distribution, in units of the median distance from its median
_DIGITS = 9  # what is left of a change of units beyond them is rounding
_STEP = 1e-3  # of targets, for differences


@attrs.frozen
class Standardization:
    """A change of units that gives some losses the mean 0 and the variance 1; make it with `of`.

    A loss is clipped to the range of the finite ones, measured from their median in units of the typical distance from it,
    raised to a power, and standardized.

    Attributes:
        low: The smallest finite loss.
        high: The largest finite loss.
        half: What losses are multiplied by first: less than 1 if the difference of `high` and `low` would overflow.
        median: The median, as a share of the range.
        typical: The typical distance from the median, as a share of the range; 0 if all losses are alike.
        power: The power of Yeo and Johnson; 1 changes nothing.
        mean: The mean of what results.
        deviation: Its standard deviation.
    """

    low: float
    high: float
    half: float = 1.0
    median: float = 0.0
    typical: float = 0.0
    power: float = 1.0
    mean: float = 0.0
    deviation: float = 1.0

    @classmethod
    def of(cls, losses: NDArray[np.float64]) -> Standardization:
        """Return the standardization of losses, ``(n,)``; not NaN.

        Where the losses are far from normal, the power is the most likely one, and 1 otherwise.

        Source: Yeo and Johnson, "A New Family of Power Transformations to Improve Normality or Symmetry", Biometrika
        87, 2000; Cowen-Rivers et al., "HEBO", JAIR 74, 2022, section 3 (its use before a Gaussian process).
        """
        finite = losses[np.isfinite(losses)]
        low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
        if low == high:
            # infinite ones among them are still worse, or better, than the others
            width = max(abs(low), 1.0)
            low, high = (low, low + width) if np.isposinf(losses).any() else (low - width, high)
        half = 0.25 if math.isinf(high - low) else 1.0  # the difference of the largest floats would overflow
        shares = _shares(losses, low, high, half)
        if len(shares) == 0 or (shares == shares[0]).all():
            return cls(low, high, half, median=float(shares[0]) if len(shares) else 0.0)
        median = float(np.median(shares))
        sizes = np.abs(shares - median)
        # if more than half of them are alike, what is typical is the distance of the others
        typical = _DEVIATION * (float(np.median(sizes)) or float(np.median(sizes[sizes > 0.0])))
        spread = (shares - median) / typical
        power = _likely_power(spread) if len(spread) >= _FEWEST else 1.0
        spread = _powered(spread, power)
        mean = float(spread.mean())
        deviation = math.sqrt(float(((spread - mean) ** 2).mean()))
        return cls(low, high, half, median, typical, power, mean, deviation)

    def targets(self, losses: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return losses as targets, ``(n,)``; zeros if all were alike. Infinite losses count as the extreme finite ones."""
        if not self.typical:
            return np.zeros(len(losses))
        spread = _powered((_shares(losses, self.low, self.high, self.half) - self.median) / self.typical, self.power)
        # exact equality of what is equal up to the unit makes suggestions the same, too
        targets: NDArray[np.float64] = np.round((spread - self.mean) / self.deviation, _DIGITS)
        return targets + 0.0  # and no -0

    def losses(self, targets: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what losses targets stand for, of any shape: the inverse of `targets`.

        Beyond the range of the losses the inverse goes on as a straight line, since a power may have a bound there.
        """
        if not self.typical:
            return np.full(targets.shape, self.low + self.median * (self.high - self.low))
        ends = (np.array([0.0, 1.0]) - self.median) / self.typical
        spread = targets * self.deviation + self.mean
        lowest, highest = _powered(ends, self.power)
        inside = _unpowered(np.clip(spread, lowest, highest), self.power)
        # the slopes of the power are (1 + |y|)^(p - 1) above 0, and with the sign of the exponent changed below
        slopes = (1.0 + np.abs(ends)) ** (np.sign(ends) * (1.0 - self.power))
        beyond = np.minimum(spread - lowest, 0.0) * slopes[0] + np.maximum(spread - highest, 0.0) * slopes[1]
        shares = (inside + beyond) * self.typical + self.median
        with np.errstate(over="ignore"):  # a loss may be predicted that no float can hold
            low, high = self.low * self.half * (1.0 - shares), self.high * self.half * shares
            result: NDArray[np.float64] = (low + high) / self.half
        return result

    def unit(self, targets: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how many units of the losses a unit of targets is, at targets of any shape; 0 if losses are all alike."""
        result: NDArray[np.float64] = (self.losses(targets + _STEP) - self.losses(targets - _STEP)) / (2.0 * _STEP)
        return result


def _shares(losses: NDArray[np.float64], low: float, high: float, half: float) -> NDArray[np.float64]:
    """Return where losses are in the range from `low`, which is 0, to `high`, which is 1."""
    shares: NDArray[np.float64] = (np.clip(losses, low, high) * half - low * half) / (high * half - low * half)
    return shares


def standardized(losses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return losses with the mean 0 and the variance 1, or zeros if they are all alike; ``(n,)``.

    The unit of the losses does not count, whatever their size. An infinite loss becomes the largest finite one, and
    minus infinity the smallest. See `Standardization`.

    Example:
        >>> standardized(np.array([1e-300, 3e-300, np.inf])).tolist()
        [-1.414213562, 0.707106781, 0.707106781]
    """
    return Standardization.of(losses).targets(losses)


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


def _powered(spread: NDArray[np.float64], power: float) -> NDArray[np.float64]:
    """Return numbers of any shape to a power of Yeo and Johnson."""
    if power == 1.0:
        return spread
    # above 0 it is ((1 + y)^p - 1) / p, below 0 the mirror image with 2 - p
    own = np.where(spread >= 0.0, power, 2.0 - power)
    sizes = np.log1p(np.abs(spread))
    with np.errstate(over="ignore"):
        grown = np.where(own == 0.0, sizes, np.expm1(own * sizes) / np.where(own == 0.0, 1.0, own))
    return np.copysign(grown, spread)


def _unpowered(powered: NDArray[np.float64], power: float) -> NDArray[np.float64]:
    """Return what numbers of any shape are powers of: the inverse of `_powered`."""
    if power == 1.0:
        return powered
    own = np.where(powered >= 0.0, power, 2.0 - power)
    sizes = np.abs(powered)
    logs = np.where(own == 0.0, sizes, np.log1p(own * sizes) / np.where(own == 0.0, 1.0, own))
    return np.copysign(np.expm1(logs), powered)


def _likely_power(spread: NDArray[np.float64]) -> float:
    """Return the power that makes numbers most likely as normal ones, or 1 if it is not likelier than that by enough."""
    jacobian = float((np.sign(spread) * np.log1p(np.abs(spread))).sum())
    with np.errstate(all="ignore"):  # powers that overflow are not likely
        variances = np.array([_powered(spread, power).var() for power in _POWERS.tolist()])
        likelihoods = -0.5 * len(spread) * np.log(variances) + (_POWERS - 1.0) * jacobian
    likelihoods[~np.isfinite(likelihoods)] = -math.inf
    best = int(likelihoods.argmax())
    none = int(np.flatnonzero(_POWERS == 1.0)[0])
    return float(_POWERS[best]) if likelihoods[best] > likelihoods[none] + _ENOUGH else 1.0
