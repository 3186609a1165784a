"""Points with several losses as boxes that share a corner, and losses in units that can be compared.

Notation: `n` points, `m` objectives, all minimized. A point dominates a box with one corner in the point and the opposite
corner in the reference point, so the lengths of its sides describe it. Since the boxes of all points share a corner, one
contains another if none of its sides is shorter, and the intersection of two has the shorter of their sides. The
hypervolume is the volume of their union.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_MARGIN = 0.1  # of the range between the best and the worst: how far the reference lies beyond the worst
_MOST_PAIRS = 2**22  # boxes compared at once: bounds the memory


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
    if finite.all() and len(losses):  # the usual case, in a quarter of the time
        best = losses.min(axis=0)
        with np.errstate(over="ignore"):
            span = losses.max(axis=0) - best
        if ((span > 0.0) & (span < np.inf)).all():
            return (losses - best) / span, np.full(losses.shape[1], 1.0 + _MARGIN)
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


def boxes_of(
    losses: NDArray[np.float64], reference: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the sides of the boxes, ``(n, m)``, divided by powers of two, and the exponents of these, ``(m,)``.

    A point that dominates nothing has sides of 0. The longest finite side of each objective is at least a half and below
    1, so that products of sides do not overflow; dividing by powers of two changes no digit.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        sides = reference - losses
    if sides.size and sides.min() > 0.0 and (longest := sides.max(axis=0)).max() < np.inf:  # the usual case
        exponents = np.frexp(longest)[1].astype(np.int64)
        return np.ldexp(sides, -exponents), exponents
    sides = np.where(np.all(sides > 0.0, axis=1, keepdims=True), sides, 0.0)
    exponents = np.frexp(np.where(np.isfinite(sides), sides, 0.0).max(axis=0, initial=0.0))[1].astype(np.int64)
    with np.errstate(under="ignore"):
        return np.ldexp(sides, -exponents), exponents


def in_units(volume: float, exponents: NDArray[np.int64]) -> float:
    """Return a volume of boxes in the units of the losses.

    Args:
        volume: The volume in units of the boxes.
        exponents: What `boxes_of` returned with them.
    """
    with np.errstate(over="ignore", under="ignore"):
        return float(np.ldexp(volume, int(exponents.sum())))


def outermost(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
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
