"""The choice of points that together dominate most."""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
from numpy.typing import NDArray

from hpo.numerics.pareto.boxes import boxes_of

_TIE = 1e-12  # gains that differ by less, relative to the larger one, count as equal: the difference is rounding
_AT_ONCE = 32  # candidates whose gains are computed together
_MOST_PIECES = 5_000  # of the space that is left, after which choosing further by gain would cost too much


def greedy_subset(losses: NDArray[np.float64], reference: NDArray[np.float64], size: int) -> NDArray[np.intp]:
    """Return the indices of points chosen one by one, each adding most to the hypervolume of those chosen before.

    Their hypervolume is at least ``1 - 1 / e`` of the largest that as many points can have. Among points that add the
    same, the first is chosen. Gains only shrink while points are chosen, so a point is looked at again only if its last
    known gain could win. The space that the chosen points leave is kept in pieces: 25 points of a sphere leave 26 pieces
    with two objectives (which need no pieces if all points are of one front), and about 70, 250 and 900 with three, four and five. Once there are more than 5,000 pieces, the
    remaining points are chosen by their last known gains, which bounds the work.

    Args:
        losses: As for `hypervolume`, but minus infinity counts as twice as far from the reference as the farthest
            finite loss.
        reference: As for `hypervolume`.
        size: How many points to choose; all of them if there are fewer.

    Returns:
        Indices into `losses` in the order chosen, shape ``(min(size, n),)``.

    Source: Nemhauser, Wolsey and Fisher, "An Analysis of Approximations for Maximizing Submodular Set Functions", 1978
    (the bound); Chen, Ishibuchi and Shang, "Lazy Greedy Hypervolume Subset Selection from Large Candidate Solution
    Sets", 2020.

    Example:
        >>> losses = np.array([[0.0, 3.0], [1.0, 1.0], [1.1, 0.9], [3.0, 0.0]])
        >>> greedy_subset(losses, np.array([4.0, 4.0]), 3).tolist()
        [1, 0, 3]
    """
    boxes, _ = boxes_of(losses, reference)
    longest = np.where(np.isfinite(boxes), boxes, 0.0).max(axis=0, initial=0.0)
    boxes = np.where(np.isfinite(boxes), boxes, np.where(longest > 0.0, 2.0 * longest, 1.0))
    if boxes.shape[1] == 2:
        order = np.lexsort((boxes[:, 1], -boxes[:, 0]))
        if (np.diff(boxes[order, 1]) >= 0.0).all():  # each is at least as high as all wider ones: none contains another
            return _greedy_stairs(boxes, order, min(size, len(boxes)))
    gains = boxes.prod(axis=1)
    lower, upper = np.zeros((1, boxes.shape[1])), boxes.max(axis=0, initial=0.0)[None, :]
    chosen: list[int] = []
    while len(chosen) < min(size, len(boxes)) and len(lower) <= _MOST_PIECES:
        best = _largest_gain(boxes, gains, lower, upper)
        if not gains[best]:
            break
        chosen.append(best)
        gains[best] = -1.0
        lower, upper = _outside(boxes[best], lower, upper)
    left = np.argsort(-gains, kind="stable")[: len(gains) - len(chosen)]
    return np.append(np.array(chosen, dtype=np.intp), left)[: max(size, 0)]


def _greedy_stairs(boxes: NDArray[np.float64], order: NDArray[np.intp], size: int) -> NDArray[np.intp]:
    """Return what `greedy_subset` does, for rectangles of which none contains another.

    What a rectangle adds is its corner beyond the next wider and the next narrower one of those chosen, so that a choice changes
    only the gains between these two. O(``n``) for each choice, in numpy.

    Args:
        boxes: The rectangles, ``(n, 2)``.
        order: Their indices by decreasing width, ``(n,)``.
        size: How many to choose, at most ``n``.
    """
    widths, heights = np.concatenate((boxes[order], np.zeros((1, 2)))).T  # what is beyond the ends has no sides
    gains = boxes.prod(axis=1)
    place_of = np.argsort(order).tolist()
    bounds = [-1, len(order)]  # places of those chosen, and two beyond the ends
    chosen: list[int] = []
    while len(chosen) < size and (highest := gains.max()) > 0.0:
        best = int((gains >= highest * (1.0 - _TIE)).argmax())
        chosen.append(best)
        gains[best] = -1.0
        place = place_of[best]
        at = bisect_left(bounds, place)
        wider, narrower = bounds[at - 1], bounds[at]
        bounds.insert(at, place)
        between = slice(wider + 1, place)
        gains[order[between]] = (widths[between] - widths[place]) * (heights[between] - heights[wider])
        between = slice(place + 1, narrower)
        gains[order[between]] = (widths[between] - widths[narrower]) * (heights[between] - heights[place])
    left = np.flatnonzero(gains >= 0.0)  # these add nothing, or are too many
    return np.append(np.array(chosen, dtype=np.intp), left)[: max(size, 0)]


def _largest_gain(
    boxes: NDArray[np.float64],
    gains: NDArray[np.float64],
    lower: NDArray[np.float64],
    upper: NDArray[np.float64],
) -> int:
    """Return the index of the first box with the largest gain, and update some of the upper bounds in `gains` in place.

    Args:
        boxes: Shape ``(n, m)``, finite.
        gains: Upper bounds of the gains, ``(n,)``; negative for boxes that are chosen already.
        lower: Lower corners of the pieces of space that the chosen boxes leave, ``(p, m)``.
        upper: Their upper corners, ``(p, m)``.
    """
    highest = 0.0
    promising = np.argsort(-gains, kind="stable")
    for start in range(0, len(promising), _AT_ONCE):
        some = promising[start : start + _AT_ONCE]
        # lazy: bounds only shrink, so boxes with a bound below the highest known gain can't win
        some = some[gains[some] > highest * (1.0 - _TIE)]
        if not len(some):
            break
        gains[some] = _volume_within(boxes[some], lower, upper)
        highest = max(highest, float(gains[some].max()))
    return int(np.argmax(gains >= highest * (1.0 - _TIE)))


def _volume_within(
    boxes: NDArray[np.float64], lower: NDArray[np.float64], upper: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the volume of each box within all pieces of space together, ``(n,)``."""
    volumes = np.ones((len(boxes), len(lower)))
    for side, low, high in zip(boxes.T, lower.T, upper.T, strict=True):
        volumes *= np.maximum(np.minimum(side[:, None], high) - low, 0.0)
    total: NDArray[np.float64] = volumes.sum(axis=1)
    return total


def _outside(
    box: NDArray[np.float64], lower: NDArray[np.float64], upper: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what is left of pieces of space without a box: the corners of pieces that do not overlap.

    A piece that reaches into the box is cut once per objective: the part beyond that side of the box is kept, and the
    rest is cut further; what remains in the end is inside the box.
    """
    touched = (lower < box).all(axis=1)
    low, high = lower[touched], upper[touched]
    lows, highs = [lower[~touched]], [upper[~touched]]
    for objective, side in enumerate(box):
        beyond = high[:, objective] > side
        kept = low[beyond]
        kept[:, objective] = side
        lows.append(kept)
        highs.append(high[beyond])
        high = high.copy()
        high[:, objective] = np.minimum(high[:, objective], side)
    return np.concatenate(lows), np.concatenate(highs)
