"""Normal vectors that are spread more evenly than independent ones: mirrored and orthogonal."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def mirrored_orthogonal(normals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return sets of standard normal vectors in opposite pairs that are orthogonal to each other.

    Each vector is marginally standard normal; only their joint distribution differs. No direction is tried twice while
    another one is not tried at all, and a step is judged together with its opposite. If there are more pairs than
    dimensions, pairs are orthogonal within each group of as many pairs as there are dimensions.

    Args:
        normals: Independent standard normal numbers, ``(sets, pairs, n)``.

    Returns:
        Vectors, ``(sets, 2 * pairs, n)``: row ``2 k + 1`` of a set is the opposite of row ``2 k``.

    Source: Wang, Emmerich and Bäck, "Mirrored Orthogonal Sampling for Covariance Matrix Adaptation Evolution
    Strategies", Evolutionary Computation 27 (2019).

    Example:
        >>> vectors = mirrored_orthogonal(np.array([[[3.0, 4.0], [1.0, 0.0]]]))[0]
        >>> abs(vectors @ vectors.T).round(9).tolist()
        [[25.0, 25.0, 0.0, 0.0], [25.0, 25.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0]]
    """
    sets, pairs, n = normals.shape
    lengths = np.sqrt(
        (normals * normals).sum(axis=2, keepdims=True)
    )  # chi distributed, and independent of the directions
    vectors = np.empty((sets, 2 * pairs, n))
    for first in range(0, pairs, n):
        group = slice(first, min(first + n, pairs))
        # an orthonormal basis with random orientation (Haar measure), once the signs are those of the triangle
        axes, triangles = np.linalg.qr(normals[:, group].transpose(0, 2, 1))
        signs = np.sign(np.diagonal(triangles, axis1=1, axis2=2))  # otherwise the convention of the library would show
        vectors[:, 2 * group.start : 2 * group.stop : 2] = (axes * signs[:, None]).transpose(0, 2, 1) * lengths[
            :, group
        ]
    vectors[:, 1::2] = -vectors[:, ::2]
    return vectors
