"""The expected improvement of a hypervolume, as a logarithm that stays exact where it underflows, with its derivatives.

Notation: `m` points, `k` losses, `b` boxes, `w` worlds (see `hpo.numerics.gp.posterior`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs
import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from hpo.numerics.gp.acquisition import log_expected_excess

_LOG_ROOT_2PI = 0.5 * math.log(2.0 * math.pi)
_NEVER = -1e300  # the logarithm of the share of a box that has no width, instead of -inf - (-inf)


@attrs.frozen(eq=False)
class Boxes:
    """The region to be gained, in one world, as disjoint boxes; make it with `of`.

    A box begins and ends, in each loss, at a value of the front or of the reference point. Each such value is looked
    at once, however many boxes share it.

    Attributes:
        edges: The values of each loss at which boxes begin or end, ascending, ``(e_j,)`` each; the first is -inf.
        first: For each box the place of its lower end among the edges, ``(b, k)``.
        last: The same of its upper end, ``(b, k)``.
    """

    edges: tuple[NDArray[np.float64], ...]
    first: NDArray[np.intp]
    last: NDArray[np.intp]

    @classmethod
    def of(cls, lows: NDArray[np.float64], highs: NDArray[np.float64]) -> Boxes:
        """Return boxes from their ends, ``(b, k)`` each; lower ends may be -inf."""
        edges = tuple(
            np.unique(np.concatenate(([-np.inf], low, high))) for low, high in zip(lows.T, highs.T, strict=True)
        )
        first = [np.searchsorted(values, low) for values, low in zip(edges, lows.T, strict=True)]
        last = [np.searchsorted(values, high) for values, high in zip(edges, highs.T, strict=True)]
        return cls(edges, np.stack(first, axis=1), np.stack(last, axis=1))


def log_expected_hypervolume_improvement(
    means: Sequence[NDArray[np.float64]], variances: Sequence[NDArray[np.float64]], worlds: Sequence[Boxes]
) -> tuple[NDArray[np.float64], list[NDArray[np.float64]], list[NDArray[np.float64]]]:
    """Return the logarithm of the expected gain of hypervolume, and its derivatives.

    A point with independent normal losses gains, in a box that begins at `l` and ends at `u`, on average the product over the
    losses of what it stays below `u` on average, less what it stays below `l`. With several worlds, it is the gain of the
    average world.

    Source: Yang, Emmerich, Deutz and Bäck, "Efficient computation of expected hypervolume improvement using box
    decomposition algorithms", Journal of Global Optimization 75, 2019, equation 15; in logarithms as by Ament et al.,
    "Unexpected Improvements to Expected Improvement for Bayesian Optimization", NeurIPS 2023, without their smoothing: a
    difference of two logarithms is as exact as they are.

    Args:
        means: The predicted means of each loss in each world, ``(m, w)`` each.
        variances: The predicted variances of each loss, ``(m,)`` each.
        worlds: What can be gained in each world, `w` of them.

    Returns:
        The logarithms, ``(m,)``, and for each loss their derivatives by the means, ``(m, w)``, and by the variances, ``(m,)``.
    """
    n, k = len(variances[0]), len(means)
    logs = np.empty((n, len(worlds)))
    by_mean = [np.empty((n, len(worlds))) for _ in range(k)]
    by_variance = [np.empty((n, len(worlds))) for _ in range(k)]
    deviations = [np.sqrt(each) for each in variances]
    for world, boxes in enumerate(worlds):
        parts = [
            _parts(means[j][:, world], deviations[j], boxes.edges[j], boxes.first[:, j], boxes.last[:, j])
            for j in range(k)
        ]
        gains = sum(part[0] for part in parts)  # of each box, (m, b)
        assert not isinstance(gains, int)  # there are losses
        highest = gains.max(axis=1, initial=_NEVER)
        shares = np.exp(gains - highest[:, None])
        total = shares.sum(axis=1)
        logs[:, world] = highest + np.log(total)
        shares /= total[:, None]
        for j, (_, mean_part, variance_part) in enumerate(parts):
            by_mean[j][:, world] = np.einsum("ij,ij->i", shares, mean_part)
            by_variance[j][:, world] = np.einsum("ij,ij->i", shares, variance_part)
    highest = logs.max(axis=1)
    shares = np.exp(logs - highest[:, None])
    total = shares.sum(axis=1)
    shares /= total[:, None]
    values: NDArray[np.float64] = highest + np.log(total / len(worlds))
    return (
        values,
        [each * shares for each in by_mean],
        [np.einsum("ij,ij->i", each, shares) for each in by_variance],
    )


def _parts(
    means: NDArray[np.float64],
    deviations: NDArray[np.float64],
    edges: NDArray[np.float64],
    first: NDArray[np.intp],
    last: NDArray[np.intp],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the logarithm of a loss's factor in each box and its derivatives by mean and variance, ``(m, b)`` each."""
    z = (edges[1:] - means[:, None]) / deviations[:, None]  # the first edge is -inf
    never = np.full((len(means), 1), -np.inf)
    excess = np.concatenate((never, log_expected_excess(z)), axis=1)
    below = np.concatenate((never, log_ndtr(z)), axis=1)
    density = np.concatenate((never, -0.5 * z * z - _LOG_ROOT_2PI), axis=1)
    low, high = excess[:, first], excess[:, last]
    # log(exp(high) - exp(low)); where both are equal, as far as can be told, the box has no width
    with np.errstate(divide="ignore"):
        width = high + np.log(-np.expm1(np.minimum(low - high, 0.0)))
    width = np.maximum(width, _NEVER)
    by_mean = -(np.exp(np.minimum(below[:, last] - width, 700.0)) - np.exp(np.minimum(below[:, first] - width, 700.0)))
    by_deviation = np.exp(np.minimum(density[:, last] - width, 700.0)) - np.exp(
        np.minimum(density[:, first] - width, 700.0)
    )
    scale = deviations[:, None]
    return np.log(scale) + width, by_mean / scale, by_deviation / (2.0 * scale * scale)
