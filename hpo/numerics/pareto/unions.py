"""Volumes of unions of boxes that share a corner, exact up to rounding.

A box is given by the lengths of its sides, all finite; see `hpo.numerics.pareto.boxes`.
"""

from __future__ import annotations

import math
from bisect import bisect_left

import numpy as np
from numpy.typing import NDArray

from hpo.numerics.pareto.boxes import outermost

_MOST_CELLS = 2**14  # of a grid that holds all sides but one; beyond, a recursion costs less
_MOST_ON_SHEET = 400  # boxes with four sides for which a sheet of n x n cells is swept; beyond, a recursion costs less


def volume_of_union(boxes: NDArray[np.float64]) -> float:
    """Return the volume of a union of boxes, ``(n, m)``.

    O(``n log n``) for up to 3 sides. With 4, each box passes once over a sheet of ``n x n`` cells, in numpy. With more, few
    boxes are put on a grid of all sides but one, and of many each one needs the volume of at most `n` boxes with one
    side less.

    Args:
        boxes: The lengths of the sides, from 0 on and finite.

    Source: Fonseca, Paquete and Lopez-Ibanez, "An Improved Dimension-Sweep Algorithm for the Hypervolume Indicator",
    2006 (3 sides); While, Bradstreet and Barone, "A Fast Way of Calculating Exact Hypervolumes", 2012 (the recursion).

    Example:
        >>> volume_of_union(np.array([[2.0, 1.0], [1.0, 2.0]]))
        3.0
    """
    match boxes.shape[1]:
        case 1:
            return float(boxes.max(initial=0.0))
        case 2:
            return _area(boxes)
        case 3:
            return _swept_volume(boxes)
    boxes = outermost(boxes)
    n, m = boxes.shape
    if n ** (m - 1) <= _MOST_CELLS:
        return _volume_on_grid(boxes)
    if m == 4 and n <= _MOST_ON_SHEET:
        return _volume_on_sheet(boxes)
    # by decreasing last side: earlier boxes are at least as thick, so what they leave of a box depends on the bases alone
    bases, thickness = boxes[:, :-1], boxes[:, -1].tolist()
    return math.fsum(thickness[i] * exclusive_volume(bases[i], bases[:i]) for i in range(n))


def exclusive_volume(box: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    """Return the volume of the part of a box that is in none of the others.

    Args:
        box: Its sides, ``(m,)``.
        others: Those of the others, ``(n, m)``.

    Source: While, Bradstreet and Barone, "A Fast Way of Calculating Exact Hypervolumes", 2012 (exclusive hypervolume).

    Example:
        >>> exclusive_volume(np.array([2.0, 2.0]), np.array([[1.0, 3.0]]))
        2.0
    """
    return max(float(box.prod()) - volume_of_union(np.minimum(others, box)), 0.0)


def on_grid(sides: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return where boxes are on the grid of all their sides, and the widths of its cells, both ``(n, m)``.

    The sides are cut where a box ends. Along each side, cells are counted from the farthest one, so that a box covers its
    own place and all higher ones.

    Args:
        sides: Sides of boxes, ``(n, m)``.

    Example:
        >>> places, widths = on_grid(np.array([[2.0], [5.0], [4.0]]))
        >>> places.T.tolist(), widths.T.tolist()
        ([[2, 0, 1]], [[1.0, 2.0, 2.0]])
    """
    order = np.argsort(-sides, axis=0, kind="stable")
    places = np.empty_like(order)
    np.put_along_axis(places, order, np.arange(len(sides))[:, None], 0)
    widths = np.take_along_axis(sides, order, 0)
    widths[:-1] -= widths[1:]
    return places, widths


def _volume_on_grid(boxes: NDArray[np.float64]) -> float:
    """Return the volume of a union of few boxes, ``(n, m)``, `m` at least 2; O(``n ** (m - 1)``) in numpy.

    Over each cell of the grid of all sides but the last, the union is as high as the highest box there.
    """
    n, m = boxes.shape
    places, widths = on_grid(boxes[:, :-1])
    heights = np.zeros((n,) * (m - 1))
    heights[tuple(places.T)] = boxes[:, -1]
    for side in range(m - 1):
        np.maximum.accumulate(heights, axis=side, out=heights)
    for width in widths.T[::-1]:
        heights = heights @ width
    return float(heights)


def _volume_on_sheet(boxes: NDArray[np.float64]) -> float:
    """Return the volume of a union of boxes with four sides, ``(n, 4)``, that are ordered by decreasing last side.

    Over each cell of the grid of the first two sides stands the highest third side of the boxes so far. After each box
    that gives a volume of three sides, and this one lasts from the box's last side to the next box's.
    """
    n = len(boxes)
    places, widths = on_grid(boxes[:, :2])
    first, second = np.ascontiguousarray(widths.T)
    heights, slices = np.zeros((n, n)), np.zeros(n)
    volumes = np.empty(n)
    for step, (row, column, height) in enumerate(zip(*places.T.tolist(), boxes[:, 2].tolist(), strict=True)):
        covered = heights[row:, column:]
        np.maximum(covered, height, out=covered)
        np.dot(heights[row:], second, out=slices[row:])
        volumes[step] = first.dot(slices)
    lasts = boxes[:, 3].copy()
    lasts[:-1] -= lasts[1:]
    return float(volumes @ lasts)


def _area(boxes: NDArray[np.float64]) -> float:
    """Return the area of a union of rectangles, ``(n, 2)``."""
    widest_first = boxes[np.argsort(-boxes[:, 0], kind="stable")]
    # a narrower rectangle adds its width times what it is higher than all wider ones
    heights = np.maximum.accumulate(widest_first[:, 1])
    return float(widest_first[:, 0] @ np.diff(heights, prepend=0.0))


def _swept_volume(boxes: NDArray[np.float64]) -> float:
    """Return the volume of a union of boxes with three sides, ``(n, 3)``.

    In the order of decreasing depth, earlier boxes cover the whole depth of the next one. Their bases form a staircase
    from the highest to the widest, and the next box adds its depth times the area of its base above the stairs.
    """
    widths, heights = [0.0, math.inf], [math.inf, 0.0]  # of the stairs: widths increase, heights decrease
    volume = 0.0
    for width, height, depth in boxes[np.argsort(-boxes[:, 2], kind="stable")].tolist():
        step = bisect_left(widths, width)
        if heights[step] >= height:
            continue  # a wider or equal stair is as high: the base is below the stairs
        first, right, area = step, width, 0.0
        while heights[first] < height:
            left = widths[first - 1]
            area += (right - left) * (height - heights[first])
            right, first = left, first - 1
        widths[first + 1 : step] = [width]
        heights[first + 1 : step] = [height]
        volume += area * depth
    return volume
