"""Maximization inside a box from many starts that are evaluated together.

Notation: `m` starts, `d` dimensions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Slopes: TypeAlias = Callable[[NDArray[np.float64]], tuple[NDArray[np.float64], NDArray[np.float64]]]
"""From points, ``(m, d)``, to values, ``(m,)``, and gradients, ``(m, d)``."""

_ENOUGH = 1e-4  # Armijo's share of the increase that the slope promises
_LONGEST = 0.25  # of a step, in any dimension
_STEPS_BACK = 8


def maximized(
    slopes: Slopes,
    starts: NDArray[np.float64],
    *,
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    first_steps: NDArray[np.float64],
    iterations: int,
    tolerance: float = 1e-7,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return points at which a function is at least as large as at the starts, ``(m, d)``, and its values, ``(m,)``.

    Each start has its own quasi-Newton iteration (BFGS), with the dimensions fixed that would leave the box, and a step
    that is halved until it pays. All of them call the function together, which costs little more than one call.

    Args:
        slopes: The function with its gradient.
        starts: The starts, inside the box, ``(m, d)``.
        low: The lower ends of the box, ``(d,)``.
        high: The upper ends of the box, ``(d,)``.
        first_steps: How far the first step goes about, in each dimension, ``(d,)``; 0 for dimensions to keep.
        iterations: How many steps there are at most.
        tolerance: The increase in one step up to which a start is done.

    Source: Nocedal and Wright, "Numerical Optimization", 2006, equation 6.17 (BFGS), and section 5 of Bertsekas,
    "Projected Newton Methods for Optimization Problems with Simple Constraints", 1982.
    """
    points, d = starts.copy(), starts.shape[1]
    values, gradients = slopes(points)
    shape = np.diag(first_steps * first_steps)
    inverses = np.repeat(shape[None], len(points), axis=0)  # of the Hessian matrices, times -1
    fresh = np.ones(len(points), dtype=np.bool_)
    active = np.arange(len(points)) if d else np.arange(0)
    for _ in range(iterations):
        if not len(active):
            break
        x, g = points[active], gradients[active]
        free = ~(((x <= low) & (g < 0.0)) | ((x >= high) & (g > 0.0))) & (first_steps > 0.0)
        inside = np.where(free, g, 0.0)
        direction = np.where(free, np.einsum("mij,mj->mi", inverses[active], inside), 0.0)
        uphill = np.einsum("mi,mi->m", direction, inside)
        lost = ~(uphill > 0.0) & (np.abs(inside).max(axis=1) > 0.0)
        if lost.any():  # what was learned of the curvature misleads: start it again
            direction[lost] = inside[lost] * (first_steps * first_steps)
            inverses[active[lost]], fresh[active[lost]] = shape, True
        longest = np.abs(direction / np.where(first_steps > 0.0, first_steps, 1.0)).max(axis=1)
        limit = np.where(fresh[active], 1.0, np.inf)  # the first step is as long as was said
        scale = np.minimum(1.0, limit / np.maximum(longest, 1e-300))
        scale = np.minimum(scale, _LONGEST / np.maximum(np.abs(direction).max(axis=1), 1e-300))
        moved = np.zeros(len(active), dtype=np.bool_)
        waiting = np.arange(len(active))
        for _ in range(_STEPS_BACK):
            tried = np.clip(x[waiting] + scale[waiting, None] * direction[waiting], low, high)
            there, slope_there = slopes(tried)
            promised = np.einsum("mi,mi->m", g[waiting], tried - x[waiting])
            good = (there >= values[active[waiting]] + _ENOUGH * promised) & (promised > 0.0)
            for k, who in zip(np.flatnonzero(good), waiting[good], strict=True):
                index = active[who]
                moved[who] = there[k] - values[index] > tolerance
                step, change = tried[k] - x[who], g[who] - slope_there[k]
                curvature = float(step @ change)
                if curvature > 1e-12 * float(np.linalg.norm(step) * np.linalg.norm(change)):
                    inverses[index] = _updated(inverses[index], step, change, curvature, fresh=bool(fresh[index]))
                    fresh[index] = False
                points[index], values[index], gradients[index] = tried[k], there[k], slope_there[k]
            waiting = waiting[~good]
            if not len(waiting):
                break
            scale[waiting] *= 0.25
        active = active[moved]
    return points, values


def _updated(
    inverse: NDArray[np.float64],
    step: NDArray[np.float64],
    change: NDArray[np.float64],
    curvature: float,
    *,
    fresh: bool,
) -> NDArray[np.float64]:
    if fresh:  # eq. 6.20: the size of the first matrix is a guess, and this is the first measurement
        inverse = inverse * (curvature / float(change @ inverse @ change))
    moved = inverse @ change
    # eq. 6.17, multiplied out
    result: NDArray[np.float64] = (
        inverse
        - (np.outer(step, moved) + np.outer(moved, step)) / curvature
        + np.outer(step, step) * ((curvature + float(change @ moved)) / curvature**2)
    )
    return result
