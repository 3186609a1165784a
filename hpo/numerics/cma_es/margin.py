"""A margin for discrete dimensions: a normal distribution keeps a least probability of leaving the cell that it is in.

Without a margin the distribution of a whole number shrinks into one cell, where all values are the same and nothing can
be learned any more.
"""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray

from hpo.numerics.cma_es.model import Model


@attrs.frozen(eq=False)
class Cells:
    """The discrete dimensions and the borders between their values.

    Attributes:
        columns: The discrete dimensions, ``(k,)``.
        borders: For each of them the points where one value becomes the next, in ascending order; at least one each.
    """

    columns: NDArray[np.intp]
    borders: tuple[NDArray[np.float64], ...]


def with_margin(model: Model, cells: Cells, alpha: float) -> Model:
    """Return `model` with its mean and stretch corrected in the discrete dimensions.

    If the mean is in an outermost cell, it is moved so that the next cell has a probability of at least `alpha`.
    Otherwise mean and stretch are set so that each side of the mean's cell has at least ``alpha / 2``.

    Args:
        model: A normal distribution.
        cells: Its discrete dimensions.
        alpha: The least probability, between 0 and 1/2; ``1 / (n * popsize)`` is the recommendation.

    Source: Hamano, Saito, Nomura and Shirakawa, "CMA-ES with Margin: Lower-Bounding Marginal Probability for
    Mixed-Integer Black-Box Optimization", GECCO 2022, sec. 3.

    Example:
        >>> from hpo.numerics.cma_es.model import initial_model, strategy_parameters
        >>> model = initial_model(strategy_parameters(1), np.array([0.1]), 1e-6)
        >>> cells = Cells(np.array([0]), (np.array([0.5]),))
        >>> round(0.5 - float(with_margin(model, cells, 0.1).mean[0]), 9)  # 1.28 standard deviations from the border
        1.282e-06
    """
    from scipy.special import ndtr, ndtri

    mean, stretch = model.mean.copy(), model.stretch.copy()
    deviation = model.sigma * np.sqrt(model.variances)
    for column, borders in zip(cells.columns.tolist(), cells.borders, strict=True):
        m, s = mean[column], deviation[column] * stretch[column]
        above = int(np.searchsorted(borders, m))
        if above in (0, len(borders)):  # an outermost cell: it has a neighbour on one side only
            # the mean moves towards the border, to where the tail beyond the border is alpha
            border = borders[0] if above == 0 else borders[-1]
            most = s * ndtri(1.0 - alpha)
            mean[column] = border + np.clip(m - border, -most, most)
            continue
        # the two normal quantiles fix both unknowns, the new mean and the new deviation
        low, high = borders[above - 1], borders[above]
        p_low, p_high = _raised(ndtr((low - m) / s), ndtr((m - high) / s), alpha)
        to_low, to_high = -ndtri(p_low), -ndtri(p_high)
        s_new = (high - low) / (to_low + to_high)
        mean[column] = low + to_low * s_new
        stretch[column] = s_new / deviation[column]
    return attrs.evolve(model, mean=mean, stretch=stretch)


def _raised(p_low: float, p_high: float, alpha: float) -> tuple[float, float]:
    """Return the probabilities of both sides, each at least ``alpha / 2``, such that they and the middle's sum to 1.

    What the raised ones need is taken from all three in proportion to what they have above ``alpha / 2``.
    """
    half = 0.5 * alpha
    p_middle = 1.0 - p_low - p_high
    low, high = max(p_low, half), max(p_high, half)
    surplus = low + high + p_middle - 3.0 * half
    share = (1.0 - low - high - p_middle) / surplus if surplus > 0.0 else 0.0
    return low + share * (low - half), high + share * (high - half)
