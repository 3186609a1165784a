"""The posterior of the Gaussian process: predictions, their derivatives, and how well it predicts what was left out.

Notation: `n` data, `m` points, `f` features, `w` worlds: vectors of values at the same data, that are predicted from at
the cost of one.
"""

from __future__ import annotations

import math

import attrs
import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from hpo.numerics.gp.covariance import (
    MEAN_VARIANCE,
    covariance,
    covariance_and_slope,
    covariance_of,
    squared_distances,
)
from hpo.numerics.gp.fitting import VARIANCE_PRIOR, Hyperparameters

_LEAST_VARIANCE = 1e-12  # of a prediction, in units of the process's: what rounding may take below 0


@attrs.frozen(eq=False)
class Factor:
    """Where data are, and the inverse of the Cholesky factor of their covariance matrix; make it with `of`.

    Attributes:
        hyperparameters: The hyperparameters.
        scaled: The scaled features of the data, ``(n, f)``.
        noise: The variance of each value's noise, in units of the process's, ``(n,)``.
        whitening: The inverse of the lower triangular Cholesky factor, ``(n, n)``: it makes the data independent.
    """

    hyperparameters: Hyperparameters
    scaled: NDArray[np.float64]
    noise: NDArray[np.float64]
    whitening: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        hyperparameters: Hyperparameters,
        scaled: NDArray[np.float64],
        known_noise: NDArray[np.float64] | float = 0.0,
    ) -> Factor:
        """Return the factor for data at scaled features, ``(n, f)``, with their known noise, ``(n,)``; O(`n`^3)."""
        noise = np.full(len(scaled), hyperparameters.noise) + known_noise
        return cls(hyperparameters, scaled, noise, _whitening(covariance_of(scaled, noise)))

    def extended(self, scaled: NDArray[np.float64], known_noise: NDArray[np.float64] | float = 0.0) -> Factor:
        """Return the factor for more data, ``(k, f)``, behind these; O(`k` `n`^2) instead of O((`n` + `k`)^3)."""
        n, k = len(self.scaled), len(scaled)
        if not k:
            return self
        noise = np.full(k, self.hyperparameters.noise) + known_noise
        between = covariance(squared_distances(scaled, self.scaled)) @ self.whitening.T
        rest = covariance_of(scaled, noise) - between @ between.T
        corner = _whitening(rest)
        whitening = np.zeros((n + k, n + k))
        whitening[:n, :n] = self.whitening
        whitening[n:, n:] = corner
        whitening[n:, :n] = -corner @ (between @ self.whitening)
        data, noises = np.concatenate((self.scaled, scaled)), np.concatenate((self.noise, noise))
        return Factor(self.hyperparameters, data, noises, whitening)


def _whitening(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    factor, _ = lapack.dpotrf(matrix, lower=1, clean=1)
    inverse, _ = lapack.dtrtri(factor, lower=1)
    return np.ascontiguousarray(inverse)


@attrs.frozen(eq=False)
class Posterior:
    """What the process is, given values at the data; make it with `of`.

    Attributes:
        factor: Where the data are.
        variance: The process's variance, its posterior mean.
        white: The values, made independent, ``(n, w)``.
        weights: The values, multiplied by the inverse of the covariance matrix, ``(n, w)``.
    """

    factor: Factor
    variance: float
    white: NDArray[np.float64]
    weights: NDArray[np.float64]

    @classmethod
    def of(cls, factor: Factor, targets: NDArray[np.float64]) -> Posterior:
        """Return the posterior given values, ``(n,)``, at the data."""
        white = factor.whitening @ targets
        fit = VARIANCE_PRIOR + float(white @ white)
        variance = fit / (len(targets) + VARIANCE_PRIOR)
        return cls(factor, variance, white[:, None], (factor.whitening.T @ white)[:, None])

    def with_more(self, scaled: NDArray[np.float64], normals: NDArray[np.float64]) -> Posterior:
        """Return the posterior given values at more points as well, in worlds drawn from this posterior.

        Args:
            scaled: The points, ``(k, f)``.
            normals: Standard normal numbers, ``(k, w)``: what the values of a world are made of.
        """
        if not len(scaled):
            return self
        factor = self.factor.extended(scaled)
        # White values are independent and have the process's variance; those of the data stay what they are. So a
        # world's white values at the new points are its normals, and no value has to be drawn.
        known = np.repeat(self.white[:, :1], normals.shape[1], axis=1)
        white = np.concatenate((known, math.sqrt(self.variance) * normals))
        return Posterior(factor, self.variance, white, factor.whitening.T @ white)

    def at(self, scaled: NDArray[np.float64]) -> Prediction:
        """Return the prediction at scaled features, ``(m, f)``."""
        between, slope = covariance_and_slope(squared_distances(scaled, self.factor.scaled))
        white = between @ self.factor.whitening.T
        shrunk = (1.0 + MEAN_VARIANCE) - np.einsum("ij,ij->i", white, white)
        variances = self.variance * np.maximum(shrunk, _LEAST_VARIANCE)
        return Prediction(self, scaled, between @ self.weights, variances, slope, white)

    def mean_and_variance(self, scaled: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the means, ``(m, w)``, and variances, ``(m,)``, at scaled features, ``(m, f)``, without derivatives."""
        between = covariance(squared_distances(scaled, self.factor.scaled))
        white = between @ self.factor.whitening.T
        shrunk = (1.0 + MEAN_VARIANCE) - np.einsum("ij,ij->i", white, white)
        return between @ self.weights, self.variance * np.maximum(shrunk, _LEAST_VARIANCE)

    def joint(self, scaled: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the means, ``(m,)``, in the first world and the covariances, ``(m, m)``, at features, ``(m, f)``."""
        between = covariance(squared_distances(scaled, self.factor.scaled))
        white = between @ self.factor.whitening.T
        squares = squared_distances(scaled, scaled)
        np.fill_diagonal(squares, 0.0)  # what rounding leaves there would be taken for a distance
        among = self.variance * (covariance(squares) - white @ white.T)
        return between @ self.weights[:, 0], among

    def left_out(self, targets: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the mean and variance, ``(n,)`` each, that are predicted of each value, noise included, without it.

        Source: Rasmussen and Williams, 2006, equation 5.12.
        """
        precisions = np.einsum("ij,ij->j", self.factor.whitening, self.factor.whitening)
        means: NDArray[np.float64] = targets - self.weights[:, 0] / precisions
        return means, self.variance / precisions


@attrs.frozen(eq=False)
class Prediction:
    """Means and variances of the process at points, without the noise.

    Attributes:
        posterior: Where they are from.
        scaled: The points, ``(m, f)``.
        means: The means in each world, ``(m, w)``.
        variances: The variances, which are the same in each world, ``(m,)``; above 0.
    """

    posterior: Posterior
    scaled: NDArray[np.float64]
    means: NDArray[np.float64]
    variances: NDArray[np.float64]
    _slope: NDArray[np.float64]
    _white: NDArray[np.float64]

    def gradient(self, by_mean: NDArray[np.float64], by_variance: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the derivatives by the scaled features, ``(m, f)``, of a function of the means and variances.

        Args:
            by_mean: Its derivatives by the means, ``(m, w)``.
            by_variance: Its derivatives by the variances, ``(m,)``.
        """
        factor = self.posterior.factor
        # both are sums over the data of covariances times something, so one sum does for both
        something = by_mean @ self.posterior.weights.T
        something -= (2.0 * self.posterior.variance * by_variance)[:, None] * (self._white @ factor.whitening)
        something *= self._slope
        gradient: NDArray[np.float64] = something @ factor.scaled - something.sum(axis=1)[:, None] * self.scaled
        return gradient
