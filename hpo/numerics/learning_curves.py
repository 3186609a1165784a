"""The end of a learning curve, predicted from its beginning by an ensemble of parametric curves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import attrs
import numpy as np
from numpy.typing import NDArray

# The non-linear parameters of the families are on a grid, so that a fit is linear regression in closed form.
_EXPONENTS = (0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)  # of power laws
_RATES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)  # of exponentials, per whole training
_SHAPES = (0.5, 2.0)  # of stretched exponentials and of Hill curves
_MIDDLES = (0.05, 0.15, 0.4)  # of these, as shares of the whole training
_MOST_POINTS = 64  # of a curve: longer ones are thinned out

# The prior, in units of the range that the curve has had so far. The widths of the coefficients are relative to the noise.
_PRECISION = 1e-4
_NOISE_SHAPE, _NOISE_SCALE = 1.0, 1e-4
_MOST_CERTAINTY = 12.0  # degrees of freedom: neighbouring points err alike, so that many say little more than some


@attrs.frozen(eq=False)
class CurveEnd:
    """What a curve is expected to end with: a mixture of Student's t distributions, one for each parametric curve.

    Attributes:
        weights: The probability of each curve, ``(m,)``; their sum is 1.
        centres: The end of each curve, ``(m,)``, in units of the values.
        scales: How uncertain it is, ``(m,)``, at least 0, in the same units.
        freedom: The degrees of freedom of all of them, above 2.
    """

    weights: NDArray[np.float64]
    centres: NDArray[np.float64]
    scales: NDArray[np.float64]
    freedom: float

    @property
    def mean(self) -> float:
        """The expected end."""
        return float(self.weights @ self.centres)

    @property
    def std(self) -> float:
        """The standard deviation of the end, at least 0."""
        if not math.isfinite(self.mean):
            return 0.0
        largest = float(np.abs(self.centres - self.mean).max() + self.scales.max())
        if not largest:
            return 0.0
        # in units of the largest deviation, so that squares of huge ones do not overflow
        apart, scales = (self.centres - self.mean) / largest, self.scales / largest
        variance = scales**2 * (self.freedom / (self.freedom - 2.0)) + apart**2
        return largest * math.sqrt(float(self.weights @ variance))

    def widened(self, error: float) -> CurveEnd:
        """Return this with the uncertainty of an independent error, whose standard deviation is `error`, at least 0."""
        return attrs.evolve(self, scales=np.hypot(self.scales, error * math.sqrt(1.0 - 2.0 / self.freedom)))

    def probability_below(self, limit: float) -> float:
        """Return the probability that the end is below `limit`, from 0 to 1."""
        from scipy.special import stdtr

        certain = self.scales == 0.0
        with np.errstate(over="ignore"):
            distance = (limit - self.centres) / np.where(certain, 1.0, self.scales)
        below = np.where(certain, self.centres < limit, stdtr(self.freedom, distance))
        return min(max(float(self.weights @ below), 0.0), 1.0)


def certain_end(value: float) -> CurveEnd:
    """Return an end that is known, which may be infinite.

    Example:
        >>> end = certain_end(math.inf)
        >>> end.mean, end.std, end.probability_below(1.0)
        (inf, 0.0, 0.0)
    """
    return CurveEnd(np.ones(1), np.array([value]), np.zeros(1), 2.0 + _MOST_CERTAINTY)


def curve_end(steps: Sequence[int], values: Sequence[float], final: int) -> CurveEnd:
    """Return what a curve is expected to end with, by Bayesian averaging over parametric curves.

    Each curve is ``c + a * g(t)`` with normal noise, where g is a power law, an inverse logarithm, an exponential, a stretched
    exponential or a Hill curve with fixed parameters, and c and a have a conjugate prior. So the evidence of each curve, and what it
    predicts, have closed forms. O(curves x points).

    Source: Domhan, Springenberg and Hutter, "Speeding Up Automatic Hyperparameter Optimization of Deep Neural Networks by
    Extrapolation of Learning Curves", IJCAI 2015 (the families; they sample the parameters by Markov chains); Bishop, "Pattern
    Recognition and Machine Learning", 2006, section 3.3 and exercise 3.12 (the posterior, with unknown noise).

    Args:
        steps: The steps of the reports, ``(n,)``, at least one, in ascending order and at least 0.
        values: The values there, ``(n,)``, finite.
        final: The step at which the curve ends. At the last step or before it, the end is the last value.

    Example:
        >>> steps = range(1, 11)
        >>> end = curve_end(steps, [0.2 + 1.0 / step for step in steps], 100)
        >>> 0.18 < end.mean < 0.25, end.probability_below(0.1) < 0.05
        (True, True)
    """
    if final <= steps[-1]:
        return certain_end(values[-1])
    kept = _thinned(len(steps))
    design = _design(tuple(steps[place] for place in kept), final)
    curve = np.array([values[place] for place in kept], dtype=np.float64)
    size = float(np.abs(curve).max()) or 1.0
    curve = curve / size  # huge values would overflow when they are subtracted
    last, spread = float(curve[-1]), float(np.ptp(curve))
    # A curve that has not moved gives no scale. It may still move a little, by the size of its values.
    unit = max(spread, 1e-3)
    z = (curve - last) / unit
    n = len(z)
    products = np.stack([np.full(len(design.shapes), z.sum()), design.shapes @ z], axis=1)
    coefficients = np.einsum("mij,mj->mi", design.covariance, products)
    # the rest that the regression leaves: z'z - b'(X'X + prior)b, never below zero but for rounding
    rest = np.maximum(float(z @ z) - (coefficients * products).sum(axis=1), 0.0)
    noise = _NOISE_SCALE + 0.5 * rest
    ends = coefficients[:, 0] + coefficients[:, 1] * design.at_end
    # two points fit every curve: those that fall about as much again as the curve has fallen so far are likelier
    evidence = 0.5 * design.log_volume - (_NOISE_SHAPE + 0.5 * n) * np.log(noise) - 0.5 * ends**2
    weights = np.exp(evidence - evidence.max())
    scales = np.sqrt(noise / (_NOISE_SHAPE + 0.5 * n) * design.spread_at_end)
    freedom = 2.0 + min(2.0 * _NOISE_SHAPE + n - 2.0, _MOST_CERTAINTY)
    with np.errstate(over="ignore"):
        centres = np.clip((last + ends * unit) * size, -_LARGEST, _LARGEST)
        return CurveEnd(weights / weights.sum(), centres, np.minimum(scales * unit * size, _LARGEST), freedom)


_LARGEST = 1e307  # ends beyond are cut off, so that sums of them are finite


class _Design(NamedTuple):
    """What all curves with reports at the same steps share.

    Attributes:
        shapes: Each g at the steps, ``(m, n)``: 1 at the first one and 0 at the last one.
        at_end: Each g at the end of the curve, ``(m,)``.
        covariance: Of the coefficients c and a, relative to the noise, ``(m, 2, 2)``.
        log_volume: The logarithm of its determinant, ``(m,)``.
        spread_at_end: The variance of the end relative to the noise, ``(m,)``.
    """

    shapes: NDArray[np.float64]
    at_end: NDArray[np.float64]
    covariance: NDArray[np.float64]
    log_volume: NDArray[np.float64]
    spread_at_end: NDArray[np.float64]


@lru_cache(maxsize=512)
def _design(steps: tuple[int, ...], final: int) -> _Design:
    first = 1 if steps[0] < 1 else 0  # a power law has no value at 0
    at = np.array([*steps, final], dtype=np.float64) + first
    raw = _families(at, at[-1])
    start, now = raw[:, :1], raw[:, len(steps) - 1 : len(steps)]
    fall = start - now
    # the shape of a curve that has not moved yet, or of a single point, is its distance from the last value
    shapes = (raw - now) / np.where(fall > 1e-9, fall, 1.0)
    g, at_end = shapes[:, :-1], shapes[:, -1]
    n, total = float(g.shape[1]), g.sum(axis=1)
    precision = np.empty((len(g), 2, 2))
    precision[:, 0, 0], precision[:, 1, 1] = n + _PRECISION, (g * g).sum(axis=1) + _PRECISION
    precision[:, 0, 1] = precision[:, 1, 0] = total
    covariance = np.linalg.inv(precision).astype(np.float64, copy=False)  # which it is
    row = np.stack([np.ones(len(g)), at_end], axis=1)
    spread = 1.0 + np.einsum("mi,mij,mj->m", row, covariance, row)
    return _Design(g, at_end, covariance, -np.linalg.slogdet(precision)[1], spread)


def _families(at: NDArray[np.float64], whole: float) -> NDArray[np.float64]:
    """Return the falling shapes at points in time, ``(n,)``, of a training as long as `whole`: ``(m, n)``."""
    share = at / whole
    rows = [at**-exponent for exponent in _EXPONENTS]  # pow3 of Domhan et al.
    rows.append(1.0 / np.log(at + 1.0))  # ilog2
    rows += [np.exp(-rate * share) for rate in _RATES]  # exp3
    for middle in _MIDDLES:
        rows += [np.exp(-((share / middle) ** shape)) for shape in _SHAPES]  # Weibull
        rows += [1.0 / (1.0 + (share / middle) ** shape) for shape in _SHAPES]  # MMF, or Hill3
    rows.append(np.zeros_like(at))  # a curve that stays where it is
    return np.array(rows)


def _thinned(n: int) -> Sequence[int]:
    """Return the places of at most 64 of n points: closer at the beginning, with both ends."""
    if n <= _MOST_POINTS:
        return range(n)
    places: list[int] = np.unique(np.rint(np.geomspace(1.0, n, _MOST_POINTS)).astype(int) - 1).tolist()
    return places
