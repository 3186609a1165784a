"""Bayesian logistic regression that learns one outcome at a time.

Notation: `m` points, `f` features.
"""

from __future__ import annotations

import math

import attrs
import numpy as np
from numpy.typing import NDArray

_EXTREME = 30.0  # of an activation: exp(-30) is a rate of 1e-13


@attrs.frozen(eq=False)
class OnlineLogistic:
    """A normal distribution over the coefficients of a logistic regression; begin with `prior`.

    Attributes:
        mean: The mean of the coefficients, ``(f,)``.
        covariance: Their covariance, ``(f, f)``.

    Source: Spiegelhalter and Lauritzen, "Sequential Updating of Conditional Probabilities on Directed Graphical
    Structures", Networks 20, 1990, section 5 (the update); MacKay, "The Evidence Framework Applied to Classification
    Networks", Neural Computation 4, 1992, eq. 30 (the average of the rate over the coefficients).

    Example:
        >>> model, feature = OnlineLogistic.prior(np.array([4.0])), np.array([1.0])
        >>> for _ in range(5):
        ...     model = model.updated(feature, 1.0)
        >>> OnlineLogistic.prior(np.array([4.0])).rates(feature[None])[0], bool(model.rates(feature[None])[0] > 0.8)
        (np.float64(0.5), True)
    """

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]

    @staticmethod
    def prior(variances: NDArray[np.float64]) -> OnlineLogistic:
        """Return the model of no outcomes: coefficients around 0, with `variances`, ``(f,)``, at least 0."""
        return OnlineLogistic(np.zeros(len(variances)), np.diag(variances))

    def rates(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probabilities of the outcome 1, ``(m,)``, at points with these features, ``(m, f)``; O(m f^2)."""
        spread = np.einsum("mf,mf->m", features @ self.covariance, features)
        activation = (features @ self.mean) / np.sqrt(1.0 + (math.pi / 8.0) * spread)
        rates: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-np.clip(activation, -_EXTREME, _EXTREME)))
        return rates

    def updated(self, feature: NDArray[np.float64], outcome: float) -> OnlineLogistic:
        """Return the model after one more outcome, 0 or 1, of a point with these features, ``(f,)``; O(f^2)."""
        step = self.covariance @ feature
        spread = float(feature @ step)
        rate = float(self.rates(feature[None])[0])
        # one Newton step on the logarithm of the posterior, whose curvature along the feature is rate * (1 - rate)
        gain = 1.0 / (1.0 + rate * (1.0 - rate) * spread)
        return OnlineLogistic(
            self.mean + step * (gain * (outcome - rate)),
            self.covariance - np.outer(step, step) * (gain * rate * (1.0 - rate)),
        )
