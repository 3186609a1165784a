"""Densities of points by products of kernels, one for each column, with bandwidths by the rule of normal reference.

Columns of numbers are in the unit interval, where a kernel is a truncated normal. Categorical columns hold the indices of
choices; a kernel has the weight of one less its bandwidth for its own choice, and divides the rest among the others
(Aitchison and Aitken). What a point lacks is NaN, and uniformly distributed: it says nothing.

Notation: `n` data, `m` points, `d` columns.

Source: Falkner, Klein and Hutter, "BOHB: Robust and Efficient Hyperparameter Optimization at Scale", ICML 2018, section 4
and the authors' code; Aitchison and Aitken, "Multivariate Binary Discrimination by the Kernel Method", Biometrika 63, 1976;
Scott, "Multivariate Density Estimation", 1992, equation 6.42 (the rule).
"""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, ndtr, ndtri

Array = NDArray[np.float64]

_RULE = 1.06
_LOG_SQRT_TWO_PI = 0.5 * np.log(2.0 * np.pi)


@attrs.frozen(eq=False)
class ProductKernels:
    """A density; make it with `of`.

    Attributes:
        data: The centres of the kernels, ``(n, d)``.
        n_choices: The number of choices of each column, 0 for numbers, ``(d,)``.
        bandwidths: The standard deviations of normal kernels, and the share of other choices of categorical ones, ``(d,)``.
    """

    data: Array
    n_choices: NDArray[np.int64]
    bandwidths: Array

    @staticmethod
    def of(data: Array, n_choices: NDArray[np.int64], *, least: float) -> ProductKernels:
        """Return the density of data.

        A bandwidth is ``1.06 s n^(-1 / (4 + d))``, where ``s`` is the standard deviation of a column, as its choices are
        numbered; at least `least`, and for choices at most what makes all of them equally likely.

        Args:
            data: The data, ``(n, d)``, with at least one row.
            n_choices: The number of choices of each column, 0 for numbers, ``(d,)``.
            least: The least bandwidth, above 0.

        Raises:
            ValueError: there is no row, the shapes differ, or `least` is not above 0.

        Example:
            >>> data = np.array([[0.2], [0.4], [0.6]])
            >>> ProductKernels.of(data, np.array([0]), least=1e-3).bandwidths.round(3).tolist()
            [0.139]
        """
        n, d = data.shape
        if not n or n_choices.shape != (d,) or not least > 0.0:
            raise ValueError(f"kernels need at least one row, {d} numbers of choices and least > 0, got {data.shape}")
        known = ~np.isnan(data)
        counts = np.maximum(known.sum(axis=0), 1)
        means = np.where(known, data, 0.0).sum(axis=0) / counts
        spreads = np.sqrt(np.where(known, (data - means) ** 2, 0.0).sum(axis=0) / counts)
        widths = np.maximum(_RULE * spreads * counts ** (-1.0 / (4.0 + d)), least)
        uniform = np.where(n_choices > 0, 1.0 - 1.0 / np.maximum(n_choices, 1), np.inf)
        return ProductKernels(data, n_choices, np.minimum(widths, uniform))

    def log_density(self, points: Array) -> Array:
        """Return the logarithms of the density at points, ``(m, d)``: ``(m,)``; relative to the uniform one for choices too."""
        logs = np.zeros((len(points), len(self.data)))
        for column, (n_choices, width) in enumerate(
            zip(self.n_choices.tolist(), self.bandwidths.tolist(), strict=True)
        ):
            own, theirs = points[:, column, None], self.data[None, :, column]
            if n_choices:
                other = width * n_choices / max(n_choices - 1, 1)
                with np.errstate(divide="ignore"):
                    each = np.where(own == theirs, np.log((1.0 - width) * n_choices), np.log(other))
            else:
                z = (own - theirs) / width
                each = -0.5 * z * z - _LOG_SQRT_TWO_PI - np.log(width) - _log_mass(theirs, width)
            logs += np.where(np.isnan(own) | np.isnan(theirs), 0.0, each)
        density: Array = logsumexp(logs, axis=1) - np.log(len(self.data))
        return density

    def sample(self, uniforms: Array, *, widening: float) -> Array:
        """Return points, ``(m, d)``, drawn from kernels whose normal ones are wider.

        Args:
            uniforms: Numbers in [0, 1), ``(m, 1 + 2 d)``: which kernel, and where in it.
            widening: What the standard deviations of normal kernels are multiplied by.
        """
        n, d = self.data.shape
        points = self.data[np.minimum((uniforms[:, 0] * n).astype(np.intp), n - 1)]
        first, second = uniforms[:, 1 : d + 1], uniforms[:, d + 1 :]
        numeric = self.n_choices == 0
        widths = self.bandwidths * widening
        low, high = ndtr((0.0 - points) / widths), ndtr((1.0 - points) / widths)
        moved = np.clip(points + widths * ndtri(low + first * (high - low)), 0.0, 1.0)
        choices = np.floor(second * np.maximum(self.n_choices, 1))
        chosen = np.where(first < self.bandwidths, choices, points)
        anywhere = np.where(numeric, first, choices)
        drawn: Array = np.where(np.isnan(points), anywhere, np.where(numeric, moved, chosen))
        return drawn


def _log_mass(centres: Array, width: float) -> Array:
    """Return the logarithm of what normal kernels have inside the unit interval."""
    # at most half of a kernel is on the far side of either end, so that nothing is lost by the difference
    mass: Array = np.log(ndtr((1.0 - centres) / width) - ndtr(-centres / width))
    return mass
