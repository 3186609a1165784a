"""Points at random, and points near others, in spaces of numbers, grids, choices and branches.

Notation: `m` points, `d` columns.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hpo.core import Key
from hpo.samplers.parts.feature_coding import FeatureCoding, learned_conditions, without_inactive

_WIDTHS = (0.2, 0.05, 0.01)  # of the neighbourhoods of the best trials
_FRESH = 0.1  # of the numbers that change: anywhere in the range
_BRANCHES = 512  # points from which it is learned which parameters depend on which


def neighbours(
    coding: FeatureCoding,
    generator: np.random.Generator,
    centres: NDArray[np.float64],
    widths: NDArray[np.float64],
    *,
    rate: float,
    fresh: float = _FRESH,
) -> NDArray[np.float64]:
    """Return points that differ from others in one column or more, ``(m, d)``.

    A number moves by about its width, and a value of a grid at least to the next one; a choice becomes any choice. Columns
    that a centre lacks are drawn at random.

    Args:
        coding: The columns.
        generator: The random numbers.
        centres: The other points, ``(m, d)``.
        widths: How far numbers move, in the unit interval, ``(m,)``.
        rate: The probability of each column to change. At least one of those that the centre has does.
        fresh: The probability that a number that changes becomes any number of its range.
    """
    m, d = centres.shape
    cube = coding.cube
    anywhere = coding.from_uniforms(generator.random((m, d)))
    # sums of uniform numbers are nearly normal, and the same on every machine
    steps = (generator.random((m, d, 4)).sum(axis=2) - 2.0) * np.sqrt(3.0) * widths[:, None]
    steps = np.copysign(np.maximum(np.abs(steps), np.where(coding.continuous, 0.0, cube.cell_width)), steps)
    jumps = generator.random((m, d)) < fresh
    moved = np.where(jumps | (cube.n_choices > 0), anywhere, np.clip(centres + steps, 0.0, 1.0))
    lots, missing = generator.random((m, d)), np.isnan(centres)
    change = lots < rate
    if d:
        first = np.where(missing, np.inf, lots).argmin(axis=1)
        change[np.arange(m), first] = True
    return coding.snapped(np.where(missing, anywhere, np.where(change, moved, centres)))


def candidates(
    coding: FeatureCoding, key: Key, best: NDArray[np.float64], n_anywhere: int, n_near: int
) -> NDArray[np.float64]:
    """Return random points of the space, followed by points near the best ones, ``(n_anywhere + n_near, d)``.

    Args:
        coding: The columns.
        key: The random stream.
        best: The best points, the best first, ``(k, d)``; NaN for what they lack. Without any, there are none near them.
        n_anywhere: How many random points there are.
        n_near: How many points near the best ones there are.
    """
    generator = key.child("candidates").generator()
    anywhere = coding.from_uniforms(generator.random((n_anywhere, coding.n_columns)))
    if not len(best) or not n_near:
        return anywhere
    places = np.arange(n_near)
    widths = np.array(_WIDTHS)[(places // len(best)) % len(_WIDTHS)]
    rate = max(0.25, min(1.0, 2.0 / max(coding.n_columns, 1)))
    return np.concatenate((anywhere, neighbours(coding, generator, best[places % len(best)], widths, rate=rate)))


def with_branches(coding: FeatureCoding, points: NDArray[np.float64], seen: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return points, ``(m, d)``, with NaN where the newest of the points that were seen show that a column is missing."""
    return without_inactive(points, learned_conditions(coding, seen[-_BRANCHES:]))
