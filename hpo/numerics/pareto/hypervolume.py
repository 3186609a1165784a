"""Hypervolume: how large a part of the space of losses a set of points dominates, up to a reference point."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hpo.numerics.pareto.boxes import boxes_of, comparable, in_units
from hpo.numerics.pareto.contributions import contributions, good_weights
from hpo.numerics.pareto.subset import greedy_subset
from hpo.numerics.pareto.unions import volume_of_union

__all__ = ["comparable", "contributions", "good_weights", "greedy_subset", "hypervolume"]


def hypervolume(losses: NDArray[np.float64], reference: NDArray[np.float64]) -> float:
    """Return the volume that the points dominate up to the reference point, exact up to rounding.

    O(``n log n``) for up to 3 objectives and at most O(``n ** 3``) for 4; beyond, exponential in `m` at worst, and far less if many
    points dominate each other once they are cut. See `hpo.numerics.pareto.unions`.

    Args:
        losses: Losses, ``(n, m)``, minimized, `m` at least 1. A point adds nothing unless it is better than the
            reference in every objective, which NaN and infinity never are. Minus infinity in a point that adds something
            makes the hypervolume infinite.
        reference: The reference point, ``(m,)``, finite.

    Returns:
        A number from 0 on, in the product of the objectives' units; infinity if a float cannot hold it.

    Source: Fonseca, Paquete and Lopez-Ibanez, "An Improved Dimension-Sweep Algorithm for the Hypervolume Indicator",
    2006 (3 objectives); While, Bradstreet and Barone, "A Fast Way of Calculating Exact Hypervolumes", 2012 (more).

    Example:
        >>> hypervolume(np.array([[1.0, 2.0], [2.0, 1.0]]), np.array([3.0, 3.0]))
        3.0
    """
    boxes, exponents = boxes_of(losses, reference)
    return math.inf if np.isinf(boxes).any() else in_units(volume_of_union(boxes[boxes.all(axis=1)]), exponents)
