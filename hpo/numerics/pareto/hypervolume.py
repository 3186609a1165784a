"""Hypervolume: how large a part of the space of losses a set of points dominates, up to a reference point.

Notation: `n` points, `m` objectives, all minimized. A point dominates a box with one corner in the point and the opposite
corner in the reference point, so the lengths of its sides describe it. Since the boxes of all points share a corner, one
contains another if none of its sides is shorter, and the intersection of two has the shorter of their sides. The
hypervolume is the volume of their union.
"""

from __future__ import annotations

import math
from bisect import bisect_left

import numpy as np
from numpy.typing import NDArray

_MARGIN = 0.1  # of the range between the best and the worst: how far the reference lies beyond the worst
_TIE = 1e-12  # gains that differ by less, relative to the larger one, count as equal: the difference is rounding
_AT_ONCE = 32  # candidates whose gains are computed together
_MOST_PIECES = 5_000  # of the space that is left, after which choosing further by gain would cost too much
_MOST_PAIRS = 2**22  # boxes compared at once: bounds the memory


def hypervolume(losses: NDArray[np.float64], reference: NDArray[np.float64]) -> float:
    """Return the volume that the points dominate up to the reference point, exact up to rounding.

    O(``n log n``) for up to 3 objectives. With more, each point needs the hypervolume of at most ``n`` points in one
    dimension less: exponential in `m` at worst, and far less if many points dominate each other once they are cut.

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
    boxes, exponents = _boxes(losses, reference)
    return math.inf if np.isinf(boxes).any() else _in_units(_volume(boxes[boxes.all(axis=1)]), exponents)


def contributions(losses: NDArray[np.float64], reference: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what each point adds to the hypervolume of all the others, ``(n,)``.

    Costs up to ``n`` hypervolumes of ``n`` points.

    Args:
        losses: As for `hypervolume`.
        reference: As for `hypervolume`.

    Returns:
        Numbers from 0 on: 0 for points that another one equals or dominates, and for those that add nothing to the
        hypervolume at all; infinity for others that have a loss of minus infinity.

    Source: While, Bradstreet and Barone, "A Fast Way of Calculating Exact Hypervolumes", 2012 (exclusive hypervolume).

    Example:
        >>> contributions(np.array([[1.0, 2.0], [2.0, 1.0], [2.0, 2.0]]), np.array([3.0, 3.0])).tolist()
        [1.0, 1.0, 0.0]
    """
    boxes, exponents = _boxes(losses, reference)
    inside = np.flatnonzero(boxes.all(axis=1))
    result = np.zeros(len(boxes))
    for position in inside:
        box, others = boxes[position], boxes[inside[inside != position]]
        if not (others >= box).all(axis=1).any():
            endless = bool(np.isinf(box).any())
            result[position] = math.inf if endless else _in_units(_exclusive(box, others), exponents)
    return result


def greedy_subset(losses: NDArray[np.float64], reference: NDArray[np.float64], size: int) -> NDArray[np.intp]:
    """Return the indices of points chosen one by one, each adding most to the hypervolume of those chosen before.

    Their hypervolume is at least ``1 - 1 / e`` of the largest that as many points can have. Among points that add the
    same, the first is chosen. Gains only shrink while points are chosen, so a point is looked at again only if its last
    known gain could win. The space that the chosen points leave is kept in pieces: 25 points of a sphere leave 26 pieces
    with two objectives, and about 70, 250 and 900 with three, four and five. Once there are more than 5,000 pieces, the
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
    boxes, _ = _boxes(losses, reference)
    longest = np.where(np.isfinite(boxes), boxes, 0.0).max(axis=0, initial=0.0)
    boxes = np.where(np.isfinite(boxes), boxes, np.where(longest > 0.0, 2.0 * longest, 1.0))
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


def comparable(losses: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the losses in units of each objective's own range, ``(n, m)``, and a reference point for them, ``(m,)``.

    The best finite loss of an objective becomes 0 and the worst 1; the reference is 1.1. So choices by hypervolume depend
    neither on the units of an objective nor on where its zero is, and points that are worst in one objective, the ends
    of a front, still dominate something. A reference that is a multiple of the worst loss would depend on the zero: near
    it, the ends would count for nothing, and far from it, nothing but the ends would count.

    Args:
        losses: Losses, ``(n, m)``, minimized. Infinity and NaN become 1.1, from where nothing is dominated, and minus
            infinity becomes -1, so that all results are finite. An objective with only one value becomes 0.

    Example:
        >>> comparable(np.array([[10.0, 7.0], [20.0, 7.0]]))[0].tolist()
        [[0.0, 0.0], [1.0, 0.0]]
    """
    finite = np.isfinite(losses)
    best = np.where(finite, losses, np.inf).min(axis=0, initial=np.inf)
    worst = np.where(finite, losses, -np.inf).max(axis=0, initial=-np.inf)
    with np.errstate(invalid="ignore", over="ignore"):
        halved = np.where(np.isfinite(worst - best), 1.0, 0.5)  # the range of huge losses overflows
        span = worst * halved - best * halved
        result = (losses * halved - best * halved) / np.where(span > 0.0, span, 1.0)
    reference = np.full(losses.shape[1], 1.0 + _MARGIN)
    result = np.where(finite, result, np.where(losses == -np.inf, -1.0, reference))
    single = np.equal(result, result[:1]).all(axis=0)
    return np.where(single, 0.0, result), reference


def _boxes(
    losses: NDArray[np.float64], reference: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the sides of the boxes, ``(n, m)``, divided by powers of two, and the exponents of these, ``(m,)``.

    A point that dominates nothing has sides of 0. The longest finite side of each objective is at least a half and below
    1, so that products of sides do not overflow; dividing by powers of two changes no digit.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        sides = reference - losses
    sides = np.where(np.all(sides > 0.0, axis=1, keepdims=True), sides, 0.0)
    exponents = np.frexp(np.where(np.isfinite(sides), sides, 0.0).max(axis=0, initial=0.0))[1].astype(np.int64)
    with np.errstate(under="ignore"):
        return np.ldexp(sides, -exponents), exponents


def _in_units(volume: float, exponents: NDArray[np.int64]) -> float:
    """Return a volume of boxes in the units of the losses."""
    with np.errstate(over="ignore", under="ignore"):
        return float(np.ldexp(volume, int(exponents.sum())))


def _volume(boxes: NDArray[np.float64]) -> float:
    """Return the volume of a union of boxes with finite sides, ``(n, m)``."""
    match boxes.shape[1]:
        case 1:
            return float(boxes.max(initial=0.0))
        case 2:
            return _area(boxes)
        case 3:
            return _swept_volume(boxes)
    boxes = _outermost(boxes)
    # by decreasing last side: earlier boxes are at least as thick, so what they leave of a box depends on the bases alone
    bases, thickness = boxes[:, :-1], boxes[:, -1].tolist()
    return math.fsum(thickness[i] * _exclusive(bases[i], bases[:i]) for i in range(len(boxes)))


def _exclusive(box: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    """Return the volume of the part of a box that is in none of the others (While et al. 2012)."""
    return max(float(box.prod()) - _volume(np.minimum(others, box)), 0.0)


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


def _outermost(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the boxes that no other contains, each once, by decreasing last side.

    In that order, with ties decided by the other sides, a box can only be contained in an earlier one.
    """
    ordered = boxes[np.lexsort(boxes.T)[::-1]]
    n = len(ordered)
    contained = np.zeros(n, dtype=np.bool_)
    rows = max(_MOST_PAIRS // max(n, 1), 1)
    for start in range(0, n, rows):
        end = min(start + rows, n)
        inside = np.tri(end - start, end, start - 1, dtype=np.bool_)
        for side in ordered.T:
            inside &= side[start:end, None] <= side[:end]
        contained[start:end] = inside.any(axis=1)
    return ordered[~contained]


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
