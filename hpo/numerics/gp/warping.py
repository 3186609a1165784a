"""Warped inputs: a monotone change of each number, so that an objective changes about as fast at one end as at the other.

    w(x) = 1 - (1 - x^a)^b,    0 <= x <= 1,

the cumulative distribution function of Kumaraswamy; ``a = b = 1`` changes nothing.

Source: Snoek, Swersky, Zemel and Adams, "Input Warping for Bayesian Optimization of Non-stationary Functions", ICML 2014,
section 3, who take the one of the beta distribution; this one has a formula.

Notation: `m` points, `f` features, `k` warped ones.
"""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray

_EDGE = 1e-9  # the slope may be infinite at the ends


@attrs.frozen(eq=False)
class Warping:
    """How some features are warped.

    Attributes:
        features: Which ones, ``(k,)``; they are in [0, 1].
        log_a: The logarithms of `a`, ``(k,)``.
        log_b: The logarithms of `b`, ``(k,)``.

    Example:
        >>> warping = Warping(np.array([0]), np.log([2.0]), np.log([1.0]))
        >>> warping.warped(np.array([[0.5, 0.5]])).round(9).tolist()
        [[0.25, 0.5]]
    """

    features: NDArray[np.intp]
    log_a: NDArray[np.float64]
    log_b: NDArray[np.float64]

    def warped(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return features, ``(m, f)``, with the warped ones replaced."""
        _, _, rest = self._parts(features)
        result = features.copy()
        result[:, self.features] = -np.expm1(np.exp(self.log_b) * rest)
        return result

    def slopes(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the derivatives of warped features by features, ``(m, f)``; 1 for those that stay."""
        x, power, rest = self._parts(features)
        a, b = np.exp(self.log_a), np.exp(self.log_b)
        result = np.ones(features.shape)
        result[:, self.features] = a * b * power / x * np.exp((b - 1.0) * rest)
        return result

    def by_logarithms(self, features: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the derivatives of the warped features by the logarithms of `a` and of `b`, ``(m, k)`` each."""
        x, power, rest = self._parts(features)
        a, b = np.exp(self.log_a), np.exp(self.log_b)
        return a * b * power * np.log(x) * np.exp((b - 1.0) * rest), -b * rest * np.exp(b * rest)

    def _parts(
        self, features: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return x, x^a and log(1 - x^a) of the warped features, ``(m, k)`` each."""
        x = np.clip(features[:, self.features], _EDGE, 1.0 - _EDGE)
        logs = np.exp(self.log_a) * np.log(x)
        return x, np.exp(logs), np.log(-np.expm1(logs))
