"""Normal vectors that are spread more evenly than chance: mirrored, and at right angles to each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def mirrored_orthogonal(normals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sets of standard normal vectors in pairs of opposite ones, at right angles to those of other pairs.

    Each vector by itself is standard normal, only their dependence is another: no direction is looked at twice while
    another one is not, and a step is judged together with its opposite. If there are more pairs than dimensions, right
    angles hold within each group of as many pairs as there are dimensions.

    Args:
        normals: Independent standard normal numbers, ``(sets, pairs, n)``.

    Returns:
        The vectors, ``(sets, 2 * pairs, n)``: row ``2 k + 1`` of a set is the opposite of row ``2 k``.

    Source: Wang, Emmerich and Bäck, "Mirrored Orthogonal Sampling for Covariance Matrix Adaptation Evolution
    Strategies", Evolutionary Computation 27 (2019).

    Example:
        >>> vectors = mirrored_orthogonal(np.array([[[3.0, 4.0], [1.0, 0.0]]]))[0]
        >>> abs(vectors @ vectors.T).round(9).tolist()
        [[25.0, 25.0, 0.0, 0.0], [25.0, 25.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0]]
    """
    sets, pairs, n = normals.shape
    lengths = np.sqrt((normals * normals).sum(axis=2, keepdims=True))  # independent of the directions, as it must be
    vectors = np.empty((sets, 2 * pairs, n))
    for first in range(0, pairs, n):
        group = slice(first, min(first + n, pairs))
        axes, triangles = np.linalg.qr(normals[:, group].transpose(0, 2, 1))
        signs = np.sign(np.diagonal(triangles, axis1=1, axis2=2))  # else the library's choice of them would show
        vectors[:, 2 * group.start : 2 * group.stop : 2] = (axes * signs[:, None]).transpose(0, 2, 1) * lengths[
            :, group
        ]
    vectors[:, 1::2] = -vectors[:, ::2]
    return vectors
