"""Fewer marks where there are many: which ones stay is decided by a rule that is written into the plot.

The rule: the panel is divided into cells, and of the trials of one state in one cell only the best is drawn. The others
would have been drawn over each other. Nothing changes for a plot with few trials, and the best trial is always drawn.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hpo.visualization.data.parts.values import Axis

MOST_MARKS = 5_000
"""Marks of a plot, over all of its panels, up to which every trial is drawn."""
MOST_TEXTS = 1_000
"""Marks up to which the parameters of their trials are shown on hover; beyond, the trial's number and position are."""


def thinned(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    losses: NDArray[np.float64],
    axes: tuple[Axis, Axis],
    most: int,
    groups: NDArray[np.int8] | None = None,
) -> NDArray[np.intp]:
    """Return the indices of the marks to draw, ascending; all of them if there are no more than `most`.

    Args:
        x: Positions, ``(k,)``.
        y: Positions across, ``(k,)``.
        losses: What decides in a cell, ``(k,)``: the lowest stays, NaN counts as the highest, the first among equals.
        axes: The axes of the panel.
        most: How many cells there are at most.
        groups: Marks of different groups do not replace each other, ``(k,)``.
    """
    if len(x) <= most:
        return np.arange(len(x))
    side = max(math.isqrt(most), 1)
    cells = np.zeros(len(x), dtype=np.int64)
    for axis, positions in zip(axes, (x, y), strict=True):
        share = np.nan_to_num(axis.unit(positions), nan=0.0)
        cells = cells * side + np.clip((share * side).astype(np.int64), 0, side - 1)
    if groups is not None:
        cells += groups.astype(np.int64) * side * side
    order = np.lexsort((losses, cells))
    first = np.ones(len(order), dtype=np.bool_)
    first[1:] = cells[order][1:] != cells[order][:-1]
    return np.sort(order[first])


def rule_of(drawn: int, of: int) -> str | None:
    """Return the sentence that a plot shows when it is thinned, or None.

    Example:
        >>> rule_of(812, 10_000)
        '812 of 10,000 trials drawn: of those in one place the best.'
    """
    return None if drawn >= of else f"{drawn:,} of {of:,} trials drawn: of those in one place the best."
