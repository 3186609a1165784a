"""The most probable hyperparameters of the Gaussian process: length scales and noise.

The process's variance `s` has an inverse gamma prior and is integrated out; what is left of the posterior density of the
others is, up to a constant and with ``A`` the covariance matrix in units of `s`,

    -log p = (n + c) / 2 log(c + z' A^-1 z) + log det(A) / 2 - log p(length scales) - log p(noise).

Length scales are log-normal, and the more dimensions there are, the longer: distances grow with the root of the number
of dimensions, and the process would be too complex otherwise. The noise is log-normal too.

Source: Hvarfner, Hellsten and Nardi, "Vanilla Bayesian Optimization Performs Great in High Dimensions", ICML 2024,
section 5 (the prior of length scales); Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006, equation
5.9 (derivatives).

Notation: `n` data, `d` dimensions, `f` features.
"""

from __future__ import annotations

import math

import attrs
import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack
from scipy.optimize import minimize

from hpo.numerics.gp.covariance import covariance_and_slope, squared_distances
from hpo.numerics.gp.warping import Warping

VARIANCE_PRIOR = 4.0
"""The `c` above: how many observations the prior of the variance is worth; its typical value is 1."""
LEAST_NOISE = 1e-6
"""The least variance of the noise, in units of the process's.

It is also the jitter. The covariance matrix of `n` data has no eigenvalue above ``n (1 + MEAN_VARIANCE)``, so that with
a thousand data its condition is below 2e9 wherever they are, and its factorization accurate to about 1e-7.
"""
_SCALE_MEAN, _SCALE_SPREAD = math.sqrt(2.0), math.sqrt(3.0)  # of the logarithms; the mean for one dimension
_NOISE_MEAN, _NOISE_SPREAD = -6.0, 2.5
_SCALE_RANGE = math.log(1e-2), math.log(1e3)
_NOISE_RANGE = math.log(LEAST_NOISE), math.log(100.0)
_WARP_SPREAD = 0.5  # of the logarithms of both exponents; their mean is 0, which warps nothing
_WARP_RANGE = -2.0, 2.0
_DIGITS = 6  # of the logarithms: far below what the data can tell, and the same on most machines


@attrs.frozen(eq=False)
class Hyperparameters:
    """What the covariance depends on.

    Attributes:
        log_scales: The logarithms of the length scales, ``(d,)``.
        log_noise: The logarithm of the noise's variance, in units of the process's.
        warping: How features are warped before they are scaled; None means that they are not.
    """

    log_scales: NDArray[np.float64]
    log_noise: float
    warping: Warping | None = None

    @property
    def noise(self) -> float:
        """The variance of the noise, in units of the process's."""
        return math.exp(self.log_noise)

    def scaled(self, features: NDArray[np.float64], dimensions: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return features, ``(m, f)``, warped and divided by the length scales of their dimensions."""
        warped = features if self.warping is None else self.warping.warped(features)
        scaled: NDArray[np.float64] = warped * np.exp(-self.log_scales)[dimensions]
        return scaled


def fitted_hyperparameters(
    features: NDArray[np.float64],
    targets: NDArray[np.float64],
    dimensions: NDArray[np.intp],
    *,
    known_noise: NDArray[np.float64] | None = None,
    warped: NDArray[np.intp] | None = None,
    deterministic: bool = False,
    most_evaluations: int = 60,
) -> Hyperparameters:
    """Return the hyperparameters with the largest posterior density that the search finds.

    O(evaluations x `n`^2 x (`n` + `f`)). The search starts at the prior's typical values and at shorter length scales
    with more noise, and the better end counts.

    Args:
        features: Where the data are, ``(n, f)``.
        targets: Their standardized values, ``(n,)``.
        dimensions: The dimension of each feature, ascending from 0, ``(f,)``.
        known_noise: The variances of the part of each target's noise that is known, ``(n,)``, in units of the targets' variance;
            None means that nothing is.
        warped: The features that are warped, ``(k,)``, each in [0, 1]; None means that none is.
        deterministic: Whether there is no other noise; its variance is `LEAST_NOISE` then.
        most_evaluations: How often the density is evaluated at most for each start.

    Source: Byrd, Lu, Nocedal and Zhu, "A Limited Memory Algorithm for Bound Constrained Optimization", 1995 (L-BFGS-B).
    """
    d, n_warped = int(dimensions[-1]) + 1 if len(dimensions) else 0, 0 if warped is None else len(warped)
    typical = _typical_log_scale(d)
    starts = [(min(typical, 0.5 * math.log(max(d, 1))), -6.0), (typical - 1.0, 0.0)]
    bounds = [_SCALE_RANGE] * d + [_NOISE_RANGE] * (not deterministic) + [_WARP_RANGE] * (2 * n_warped)

    def objective(theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        return negative_log_posterior(theta, features, targets, dimensions, known_noise, warped)

    def whole(log_scale: float, log_noise: float) -> NDArray[np.float64]:
        return np.array([log_scale] * d + [log_noise] * (not deterministic) + [0.0] * (2 * n_warped))

    best, found = math.inf, whole(typical, _NOISE_MEAN)
    for log_scale, log_noise in starts if len(found) else ():
        result = minimize(
            objective,
            np.clip(whole(log_scale, log_noise), *np.array(bounds).T),
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options={"maxfun": most_evaluations, "ftol": 1e-5, "gtol": 1e-3},
        )
        if result.fun < best:
            best, found = float(result.fun), result.x
    return _hyperparameters(np.round(found, _DIGITS), d, warped)


def _hyperparameters(theta: NDArray[np.float64], d: int, warped: NDArray[np.intp] | None) -> Hyperparameters:
    n_warped = 0 if warped is None else len(warped)
    first = len(theta) - 2 * n_warped  # of the exponents
    log_noise = float(theta[d]) if first > d else math.log(LEAST_NOISE)
    warping = None if warped is None else Warping(warped, theta[first : first + n_warped], theta[first + n_warped :])
    return Hyperparameters(theta[:d], log_noise, warping)


def negative_log_posterior(
    theta: NDArray[np.float64],
    features: NDArray[np.float64],
    targets: NDArray[np.float64],
    dimensions: NDArray[np.intp],
    known_noise: NDArray[np.float64] | None = None,
    warped: NDArray[np.intp] | None = None,
) -> tuple[float, NDArray[np.float64]]:
    """Return minus the logarithm of the posterior density, up to a constant, and its gradient.

    Args:
        theta: The logarithms of the length scales, ``(d,)``, of the noise if it is not `LEAST_NOISE`, and of the exponents of
            the warping, if there is one: all `a`, then all `b`.
        features: Where the data are, ``(n, f)``.
        targets: Their values, ``(n,)``.
        dimensions: The dimension of each feature, ``(f,)``.
        known_noise: As for `fitted_hyperparameters`.
        warped: As for `fitted_hyperparameters`.
    """
    n, d = len(targets), int(dimensions[-1]) + 1 if len(dimensions) else 0
    hyper = _hyperparameters(theta, d, warped)
    has_noise = len(theta) - (0 if warped is None else 2 * len(warped)) > d
    scaled = hyper.scaled(features, dimensions)
    scaled -= scaled.mean(axis=0)  # so that less cancels
    squares = squared_distances(scaled, scaled)
    np.fill_diagonal(squares, 0.0)
    matrix, slope = covariance_and_slope(squares)
    matrix.flat[:: n + 1] += hyper.noise if known_noise is None else hyper.noise + known_noise
    factor, _ = lapack.dpotrf(matrix, lower=1, overwrite_a=1)
    log_det = 2.0 * float(np.log(factor.diagonal()).sum())
    inverse, _ = lapack.dpotri(factor, lower=1)
    inverse = np.tril(inverse) + np.tril(inverse, -1).T
    alpha = inverse @ targets
    fit = VARIANCE_PRIOR + float(targets @ alpha)
    value = 0.5 * (n + VARIANCE_PRIOR) * math.log(fit) + 0.5 * log_det
    # eq. 5.9: tr((A^-1 - c a a') dA) / 2, and dA by the logarithm of a length scale is the slope times (u - v)^2
    weights = inverse - ((n + VARIANCE_PRIOR) / fit) * np.outer(alpha, alpha)
    gradient = np.empty(len(theta))
    if has_noise:
        gradient[d] = 0.5 * hyper.noise * float(np.trace(weights))
    weights *= slope
    # minus the derivatives by the scaled features; those by a length scale follow from them
    by_scaled = weights.sum(axis=1)[:, None] * scaled - weights @ scaled
    gradient[:d] = np.bincount(dimensions, np.einsum("if,if->f", scaled, by_scaled), minlength=d)
    if hyper.warping is not None:
        warping, k = hyper.warping, len(hyper.warping.features)
        by_warped = by_scaled[:, warping.features] * np.exp(-hyper.log_scales)[dimensions[warping.features]]
        for first, by_log in zip((len(theta) - 2 * k, len(theta) - k), warping.by_logarithms(features), strict=True):
            logs = theta[first : first + k]
            value += 0.5 * float(logs @ logs) / _WARP_SPREAD**2
            gradient[first : first + k] = logs / _WARP_SPREAD**2 - np.einsum("if,if->f", by_warped, by_log)
    # the priors: of the length scales as a density of their own, not of their logarithms, hence the middle term
    spread = (theta[:d] - _SCALE_MEAN - 0.5 * math.log(max(d, 1))) / _SCALE_SPREAD
    value += 0.5 * float(spread @ spread) + float(theta[:d].sum())
    gradient[:d] += spread / _SCALE_SPREAD + 1.0
    if has_noise:
        spread_of_noise = (float(theta[d]) - _NOISE_MEAN) / _NOISE_SPREAD
        value += 0.5 * spread_of_noise**2
        gradient[d] += spread_of_noise / _NOISE_SPREAD
    return value, gradient


def _typical_log_scale(d: int) -> float:
    """Return the logarithm of the most probable length scale without data."""
    return _SCALE_MEAN + 0.5 * math.log(max(d, 1)) - _SCALE_SPREAD**2
