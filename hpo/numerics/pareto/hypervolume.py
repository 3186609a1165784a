"""Hypervolume: how large a part of the space of losses a set of points dominates, up to a reference point.

And what each point alone adds to it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hpo.numerics.pareto.boxes import boxes_of, comparable, in_units
from hpo.numerics.pareto.subset import greedy_subset
from hpo.numerics.pareto.unions import exclusive_volume, on_grid, volume_of_union

__all__ = ["comparable", "contributions", "good_weights", "greedy_subset", "hypervolume"]

_CELLS_AT_ONCE = 2**17  # bounds the memory


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


def contributions(losses: NDArray[np.float64], reference: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what each point adds to the hypervolume of all the others, ``(n,)``.

    O(``n log n``) for up to 2 objectives, O(``n ** 2``) for 3, all in numpy; with more, `n` hypervolumes of at most ``n``
    points.

    Args:
        losses: As for `hypervolume`.
        reference: As for `hypervolume`.

    Returns:
        Numbers from 0 on: 0 for points that another one equals or dominates, and for those that add nothing to the
        hypervolume at all; infinity for others that have a loss of minus infinity.

    Source: While, Bradstreet and Barone, "A Fast Way of Calculating Exact Hypervolumes", 2012 (exclusive hypervolume);
    Emmerich and Fonseca, "Computing Hypervolume Contributions in Low Dimensions", 2011 (what is possible for 2 and 3).

    Example:
        >>> contributions(np.array([[1.0, 2.0], [2.0, 1.0], [2.0, 2.0]]), np.array([3.0, 3.0])).tolist()
        [1.0, 1.0, 0.0]
    """
    boxes, exponents = boxes_of(losses, reference)
    endless = np.isinf(boxes).any(axis=1)
    # of a box whose sides end, one without an end covers as much as one that is longer than all that end; these are below 1
    finite = np.where(np.isfinite(boxes), boxes, 2.0)
    inside = np.flatnonzero(boxes.all(axis=1))
    result = np.zeros(len(boxes))
    with np.errstate(over="ignore", under="ignore"):
        result[inside] = np.ldexp(_exclusive_volumes(finite[inside]), int(exponents.sum()))
    for position in np.flatnonzero(endless):
        covered = (np.delete(boxes, position, axis=0) >= boxes[position]).all(axis=1).any()
        result[position] = 0.0 if covered else math.inf
    return result


def good_weights(losses: NDArray[np.float64], *, floor: float = 0.1) -> NDArray[np.float64]:
    """Return weights of good trials, ``(n,)``, by their exclusive hypervolume contributions; the largest is 1.

    Args:
        losses: Shape ``(n, m)``, minimized; NaN and infinities as in `comparable`.
        floor: The least weight, from 0 to 1; dominated and repeated points, which contribute nothing, have it.

    Returns:
        Weights from `floor` to 1; all are 1 if no point contributes anything.

    Source: Ozaki, Tanigaki, Watanabe, Nomura and Onishi, "Multiobjective Tree-Structured Parzen Estimator", JAIR 2022.

    Example:
        >>> good_weights(np.array([[0.0, 2.0], [1.0, 1.0], [2.0, 0.0], [2.0, 1.0]])).round(2).tolist()
        [0.2, 1.0, 0.2, 0.1]
    """
    share = contributions(*comparable(losses))
    largest = share.max(initial=0.0)
    return np.maximum(share / largest, floor) if largest > 0.0 else np.ones(len(share))


def _exclusive_volumes(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the volume of the part of each box that is in no other one, ``(n,)``; boxes ``(n, m)`` with finite sides."""
    n, m = boxes.shape
    if n < 2:
        volumes: NDArray[np.float64] = boxes.prod(axis=1)
        return volumes
    if m == 1:
        return _lengths(boxes[:, 0])
    if m == 2:
        return _areas(boxes)
    if m == 3:
        return _volumes(boxes)
    contained = _contained(boxes)
    return np.array(
        [0.0 if contained[i] else exclusive_volume(boxes[i], np.delete(boxes, i, axis=0)) for i in range(n)]
    )


def _contained(boxes: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which boxes are contained in another one, or equal to it, ``(n,)``."""
    covers = np.ones((len(boxes), len(boxes)), dtype=np.bool_)
    for side in boxes.T:
        covers &= side[:, None] >= side
    contained: NDArray[np.bool_] = covers.sum(axis=0) > 1  # itself is the first
    return contained


def _lengths(sides: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return by how much the longest of at least two sides is longer than the second, ``(n,)``; 0 for the others."""
    second, first = np.partition(sides, len(sides) - 2)[-2:]
    return np.where(sides == first, first - second, 0.0)


def _areas(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the area of each rectangle that is in no other one, ``(n,)``, for ``(n, 2)``; O(``n log n``).

    The outermost ones form a staircase, by decreasing width and increasing height. What one of them has beyond both of
    its neighbours is a corner of its own; of that, the rectangles in it take the area of their union.
    """
    order = np.lexsort((-boxes[:, 1], -boxes[:, 0]))  # widest first, and the highest of equally wide ones
    areas = [0.0] * len(order)
    stair, below = -1, 0.0  # the last outermost one, and the height of the one before it
    corner: list[tuple[float, float]] = []  # widths, and what they add to the height, of those in its corner
    highest = reached = 0.0  # its height, and that of the others in its corner
    width_of_stair = 0.0
    for index, (width, height) in zip([*order.tolist(), -1], [*boxes[order].tolist(), [0.0, math.inf]], strict=True):
        if height <= highest:
            if height > reached:  # in this corner only, since the one before is not as high
                corner.append((width, height - reached))
                reached = height
            continue
        if stair >= 0:
            taken = sum([(each - width) * added for each, added in corner])
            areas[stair] = max((width_of_stair - width) * (highest - below) - taken, 0.0)
        stair, below, highest, reached, width_of_stair, corner = index, highest, height, highest, width, []
    return np.array(areas)


def _volumes(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the volume of each box that is in no other one, ``(n,)``, for ``(n, 3)``; O(``n ** 2``).

    Over each cell of the grid of the first two sides, the highest box owns what it has above the second highest.
    """
    n = len(boxes)
    order = np.argsort(-boxes[:, 2], kind="stable")  # boxes are called by their places in this order: 0 is the highest
    heights = np.append(boxes[order, 2], 0.0)
    places, widths = on_grid(boxes[order, :2])
    by_row = np.argsort(places[:, 0])
    columns = places[by_row, 1].tolist()
    highest, second = np.full(n, n), np.full(n, n)  # of the cells of a row; `n` for no box
    owned = np.zeros(n + 1)
    rows_at_once = max(_CELLS_AT_ONCE // n, 1)
    for start in range(0, n, rows_at_once):
        stop = min(start + rows_at_once, n)
        owners, next_ones = np.empty((2, stop - start, n), dtype=np.intp)
        for row in range(start, stop):
            box, reach = by_row[row], slice(columns[row], None)
            np.minimum(second[reach], np.maximum(highest[reach], box), out=second[reach])
            np.minimum(highest[reach], box, out=highest[reach])
            owners[row - start], next_ones[row - start] = highest, second
        alone = heights[owners] - heights[next_ones]
        alone *= widths[start:stop, 0, None] * widths[:, 1]
        owned += np.bincount(owners.ravel(), alone.ravel(), n + 1)
    result = np.empty(n)
    result[order] = owned[:n]
    return result
