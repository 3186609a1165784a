"""Parzen estimators over the unit cube: a mixture of one kernel per observation and the uniform distribution.

Notation: `n` observations, `m` points, `d` columns. A numeric column holds numbers in [0, 1], a categorical one the
indices of choices. Every density is relative to the uniform distribution over the same space. So the uniform component
is 1 everywhere, in continuous, gridded and categorical columns alike, and densities of different spaces are comparable.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import attrs
import numpy as np
from numpy.typing import NDArray

_LOG_SQRT_2PI = 0.5 * math.log(2.0 * math.pi)
_UNIFORM_VARIANCE = 1.0 / 12.0
_TINY = float(np.finfo(np.float64).tiny)
_NARROWEST = 1e-4  # of the range: keeps squared distances in kernel widths, about 1e8, exact to 1e-8

Cells = Mapping[int, tuple[NDArray[np.float64], NDArray[np.float64]]]
"""For columns on a grid: lower and upper ends, both ``(m,)``, of the cells that the points are in, by column."""
Distances = Mapping[int, NDArray[np.float64]]
"""For categorical columns with distances: those of any two choices, ``(choices, choices)``, from 0 to 1, by column."""


@attrs.frozen(eq=False)
class ParzenEstimator:
    """A mixture of product kernels; make it with `fit_parzen`.

    In a numeric column a kernel is a normal distribution around its observation, truncated to [0, 1]. In a categorical
    column it is the observed choice, mixed with the uniform distribution over all choices. If choices have distances,
    nearer ones are likelier, and the furthest ones are as unlikely relative to the observed one as all others are without
    distances.

    Attributes:
        observations: Kernel centres, ``(n, d)``.
        n_choices: Number of choices of each column, ``(d,)``; 0 for numeric ones.
        widths: Standard deviations before truncation, ``(d,)``; the same for all kernels.
        strayed: For each categorical column the probability that a kernel forgets its choice, ``(d,)``.
        weights: Mixture weights, ``(n + 1,)``, which sum to 1; the last one is that of the uniform component.
        distances: The distances of choices, by column.
    """

    observations: NDArray[np.float64]
    n_choices: NDArray[np.int64]
    widths: NDArray[np.float64]
    strayed: NDArray[np.float64]
    weights: NDArray[np.float64]
    distances: Distances = attrs.field(factory=dict)

    def sample(self, uniforms: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return points, ``(m, d)``, drawn from the mixture by inverting its distribution functions.

        Args:
            uniforms: Numbers in [0, 1), ``(m, 1 + 2 d)``: the first column picks the kernel, and two more belong to each
                column of the space.
        """
        from scipy.special import ndtr, ndtri

        n, d = self.observations.shape
        # the last component, index n, is the uniform one; rounding may leave the sum of the weights below a uniform
        picked = np.minimum(np.searchsorted(np.cumsum(self.weights), uniforms[:, 0], side="right"), n)
        place, stray = uniforms[:, 1 : d + 1], uniforms[:, d + 1 :]
        from_kernel = (picked < n)[:, None]
        centres = np.vstack([self.observations, np.full(d, 0.5)])[picked]
        categorical = self.n_choices > 0
        if categorical.any():
            # a kernel keeps its choice unless it strays; then, as in the uniform component, all choices are alike
            kept = from_kernel & (stray >= self.strayed)
            drawn = np.minimum(np.floor(place * self.n_choices), np.maximum(self.n_choices - 1, 0))
            points: NDArray[np.float64] = np.where(kept, centres, drawn)
            for column in self.distances:
                shares = np.cumsum(self._choice_density(column), axis=1)[centres[picked < n, column].astype(np.intp)]
                reached = place[picked < n, column, None] * shares[:, -1:]
                points[picked < n, column] = np.minimum((shares <= reached).sum(axis=1), self.n_choices[column] - 1)
        else:
            points = np.array(place)
        numeric = ~categorical
        if numeric.any():
            # truncated to [0, 1]: only the part of the normal distribution between its ends is inverted
            mean, width, place = centres[:, numeric], self.widths[numeric], place[:, numeric]
            below, above = ndtr(-mean / width), ndtr((1.0 - mean) / width)
            normal = mean + width * ndtri(below + place * (above - below))
            points[:, numeric] = np.where(from_kernel, normal.clip(0.0, 1.0), place)
        return points

    def log_density(self, points: NDArray[np.float64], cells: Cells | None = None) -> NDArray[np.float64]:
        """Return the logarithms of the mixture's density relative to the uniform distribution, ``(m,)``.

        They are finite, since the uniform component is nowhere 0. O(``m n d``), as a matrix product for continuous
        columns.

        Args:
            points: Points, ``(m, d)``, as `sample` returns them.
            cells: For numeric columns on a coarse grid, the cells to integrate over.
        """
        log_kernels = self.log_kernels(points, cells)
        log_uniform = math.log(self.weights[-1])
        # log-sum-exp: the largest term is taken out, so that no exponential overflows and not all become 0
        highest = np.maximum(log_kernels.max(axis=1, initial=-np.inf), log_uniform)
        log_kernels -= highest[:, None]
        total = np.exp(log_kernels, out=log_kernels).sum(axis=1) + np.exp(log_uniform - highest)
        density: NDArray[np.float64] = highest + np.log(total)
        return density

    def given(self, known: NDArray[np.intp], point: NDArray[np.float64], cells: Cells | None = None) -> ParzenEstimator:
        """Return the estimator of the other columns, given some: kernels count by how likely the known values are.

        The conditional density of a mixture of products is again one, with the weights ``w_i k_i(known)`` (Bayes' rule).

        Args:
            known: Indices of the columns that are known.
            point: Their values, ``(d,)``; those of other columns are not looked at.
            cells: As for `log_density`, of the one point.
        """
        d = self.observations.shape[1]
        about = self._restricted(known)
        inside = {known.tolist().index(column): ends for column, ends in (cells or {}).items() if column in known}
        logs = np.append(about.log_kernels(point[None, known], inside)[0], math.log(self.weights[-1]))
        weights = np.exp(logs - logs.max())
        weights[-1] = max(weights[-1], _TINY)
        return attrs.evolve(self._restricted(np.setdiff1d(np.arange(d), known)), weights=weights / weights.sum())

    def _restricted(self, columns: NDArray[np.intp]) -> ParzenEstimator:
        """Return the marginal mixture of some columns."""
        return ParzenEstimator(
            observations=self.observations[:, columns],
            n_choices=self.n_choices[columns],
            widths=self.widths[columns],
            strayed=self.strayed[columns],
            weights=self.weights,
            distances={new: self.distances[old] for new, old in enumerate(columns.tolist()) if old in self.distances},
        )

    def log_kernels(self, points: NDArray[np.float64], cells: Cells | None = None) -> NDArray[np.float64]:
        """Return the logarithms of the weighted kernels at points, ``(m, n)``; arguments as for `log_density`."""
        log_kernels = self._log_numeric(points, cells or {})
        for column, (lower, upper) in (cells or {}).items():
            log_kernels += self._log_gridded(column, lower, upper)
        for column in np.flatnonzero(self.n_choices).tolist() if self.n_choices.any() else ():
            if column in self.distances:
                seen, found = self.observations[:, column].astype(np.intp), points[:, column].astype(np.intp)
                log_kernels += np.log(self._choice_density(column))[seen, found[:, None]]
            else:
                equal = points[:, column, None] == self.observations[:, column]
                log_kernels += np.where(equal, math.log(self._same(column)), math.log(self.strayed[column]))
        return log_kernels

    def _same(self, column: int) -> float:
        """Return the density of a categorical kernel at its own choice, relative to the uniform distribution."""
        strayed = float(self.strayed[column])
        return strayed + (1.0 - strayed) * int(self.n_choices[column])

    def _choice_density(self, column: int) -> NDArray[np.float64]:
        """Return the densities of the kernels of all choices, in rows, at all choices, relative to the uniform distribution."""
        # so steep that the furthest choice, at distance 1, is to the own one as without distances
        steepness = math.log(self._same(column) / float(self.strayed[column]))
        kernels = np.exp(-steepness * self.distances[column] ** 2)
        density: NDArray[np.float64] = kernels * (len(kernels) / kernels.sum(axis=1, keepdims=True))
        return density

    def _log_numeric(self, points: NDArray[np.float64], cells: Cells) -> NDArray[np.float64]:
        """Return the logarithms of the weighted products of truncated normal densities, ``(m, n)``.

        ``-(x - mu)^2 / 2 = x mu - x^2 / 2 - mu^2 / 2`` makes it one matrix product. Columns on a grid add only what
        truncation takes from them.
        """
        numeric = self.n_choices == 0
        mean, width, x = self.observations, self.widths, points
        if not numeric.all():
            mean, width, x = mean[:, numeric], width[numeric], x[:, numeric]
        outside = _upper_tail(np.concatenate((mean, 1.0 - mean)) / width)
        inside = 1.0 - outside[: len(mean)] - outside[len(mean) :]  # at least 0.34: centres are inside, widths <= 1
        with np.errstate(divide="ignore"):  # an observation may have no weight
            log_factor = np.log(self.weights[:-1]) - np.log(inside).sum(axis=1)
        if cells:
            continuous = np.array([column not in cells for column in np.flatnonzero(numeric)], dtype=np.bool_)
            mean, width, x = mean[:, continuous], width[continuous], x[:, continuous]
        x, mu = (x - 0.5) / width, (mean - 0.5) / width  # centred, which keeps the digits of the differences
        log_peak = (np.log(width) + _LOG_SQRT_2PI).sum()
        result: NDArray[np.float64] = x @ mu.T
        result += log_factor - 0.5 * np.einsum("nd,nd->n", mu, mu) - log_peak
        result -= 0.5 * np.einsum("md,md->m", x, x)[:, None]
        return result

    def _log_gridded(self, column: int, lower: NDArray[np.float64], upper: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the logarithms of the mean densities of untruncated normals over cells, ``(m, n)``.

        Points and observations on a grid repeat, so each pair of different ones is computed once.
        """
        from scipy.special import ndtr

        width = self.widths[column]
        centre = 0.5 * (lower + upper)
        # a cell far narrower than the kernel would lose its mass to rounding, and its mean density hardly differs
        half = np.maximum(0.5 * (upper - lower), 5e-4 * width)
        _, first, which = np.unique(centre, return_index=True, return_inverse=True)
        means, observed = np.unique(self.observations[:, column], return_inverse=True)
        distance = np.abs(centre[first, None] - means) / width  # in the lower tail small masses keep their digits
        reach = half[first, None] / width
        mass = ndtr(reach - distance) - ndtr(-reach - distance)
        with np.errstate(divide="ignore"):  # nothing of a far kernel is in the cell
            log_mean = np.log(mass) - np.log(2.0 * half[first, None])
        result: NDArray[np.float64] = np.take(log_mean[which], observed, axis=1)
        return result


def _upper_tail(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probability that a standard normal number is larger than `x`, which is not negative; 0 from 8.3 on.

    Beyond, it is smaller than the distance from 1 to the next float, and more expensive the further out it is.
    """
    from scipy.special import ndtr

    tail = np.zeros_like(x)
    near = x < 8.3
    tail[near] = ndtr(-x[near])
    return tail


def fit_parzen(
    observations: NDArray[np.float64],
    n_choices: NDArray[np.int64],
    weights: NDArray[np.float64],
    *,
    prior_weight: float = 1.0,
    weight_left_out: float = 0.0,
    shrinkage: float = 0.3,
    narrowing: float = 1.0,
    min_width: float | NDArray[np.float64] = 0.0,
    consider_endpoints: bool = False,
    distances: Distances | None = None,
) -> ParzenEstimator:
    """Return the Parzen estimator of weighted observations.

    The width of a numeric column is the weighted standard deviation of its observations, with the uniform distribution
    counted as one more observation of weight `shrinkage`, times ``n ** (-1 / (d + 4))`` for the effective number `n` of
    observations. So a single observation has a wide kernel, and many that agree have a narrow one. Of the shrinkages 0,
    0.1, 0.2, 0.3, 1 and 3 the default found the best values on spheres, Rosenbrock's and Ackley's functions.

    Args:
        observations: Shape ``(n, d)``: numbers in [0, 1] and indices of choices; `n` may be 0.
        n_choices: Number of choices of each column, ``(d,)``; 0 for numeric ones.
        weights: One weight per observation, ``(n,)``, at least 0.
        prior_weight: The weight of the uniform component relative to them, above 0.
        weight_left_out: The weight of observations that are not given; they count as uniformly distributed.
        shrinkage: The weight of the uniform distribution in the widths, at least 0.
        narrowing: What the widths are multiplied by, above 0.
        min_width: Smallest width of a kernel, as a share of the range, for all columns or for each, ``(d,)``; 1e-4 at
            least.
        consider_endpoints: Whether 0 and 1 count as observations, with the mean weight, when widths are computed.
        distances: The distances of choices, by column; None for no distances.

    Source: Parzen, "On Estimation of a Probability Density Function and Mode", 1962; Scott, "Multivariate Density
    Estimation", 1992, section 6.3 (the exponent); Aitchison and Aitken, "Multivariate binary discrimination by the
    kernel method", 1976 (the categorical kernel).

    Example:
        >>> two = fit_parzen(np.array([[0.2], [0.3]]), np.array([0]), np.ones(2))
        >>> density = np.exp(two.log_density(np.array([[0.25], [0.9]])))
        >>> bool(density[0] > 1.0 > density[1])
        True
    """
    n, d = observations.shape
    total = float(weights.sum())
    uniform_weight = prior_weight + weight_left_out
    mixture = np.empty(n + 1)
    mixture[:n], mixture[n] = weights, uniform_weight
    mixture /= total + uniform_weight
    mixture[-1] = max(mixture[-1], _TINY)  # the density must not be 0 anywhere
    # Kish's effective sample size: as many observations of equal weight would say as much
    shares = weights / max(total, _TINY)
    effective = 1.0 / max(float(shares @ shares), _TINY) if total > 0.0 else 1.0
    spread = np.sqrt(_variances(observations, weights, shrinkage, consider_endpoints=consider_endpoints))
    return ParzenEstimator(
        observations=observations,
        n_choices=n_choices,
        widths=np.clip(spread * (narrowing * effective ** (-1.0 / (d + 4))), np.maximum(min_width, _NARROWEST), 1.0),
        # additive smoothing: with n kernels it is as if every choice had `prior_weight` more observations
        strayed=np.maximum(n_choices / (n_choices + max(n, 1) / prior_weight), _TINY),
        weights=mixture,
        distances=distances or {},
    )


def _variances(
    observations: NDArray[np.float64], weights: NDArray[np.float64], shrinkage: float, *, consider_endpoints: bool
) -> NDArray[np.float64]:
    """Return the variance of each column, ``(d,)``, for `fit_parzen`; that of a categorical column means nothing."""
    points = observations
    if consider_endpoints:
        n, d = observations.shape
        end_weight = weights.mean() if n else 1.0
        points = np.vstack([observations, np.zeros(d), np.ones(d)])
        weights = np.append(weights, [end_weight, end_weight])
    total = max(float(weights.sum()), _TINY)
    deviations = points - weights @ points / total
    scatter = weights @ (deviations * deviations)
    result: NDArray[np.float64] = (scatter + shrinkage * _UNIFORM_VARIANCE) / (total + shrinkage)
    return result
