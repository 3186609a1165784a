"""What figures of all libraries share: the grid of panels, ticks that fit, notes in lines, entries of the legend."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from hpo.errors import InvalidArgument, InvalidType
from hpo.visualization.data.parts import Axis, ColorScale, Layer, Plot, Theme

PANEL_HEIGHT, PANEL_WIDTH = 300, 240  # pixels of one panel among several
ALONE = 760, 430  # of a panel that stands alone
_NOTE_WIDTH = 110  # characters of a line of notes, in a figure of the usual width
_MOST_TICKS = 14


def checked_plot(plot: object) -> Plot:
    """Return `plot`.

    Raises:
        InvalidType: it is not a `Plot`.
    """
    if not isinstance(plot, Plot):
        raise InvalidType(f"a renderer draws a Plot, got {plot!r} of type {type(plot).__name__}")
    return plot


def checked_theme(theme: object) -> Theme:
    """Return `theme`.

    Raises:
        InvalidArgument: it is neither ``"light"`` nor ``"dark"``.
    """
    if theme == "light":
        return "light"
    if theme == "dark":
        return "dark"
    raise InvalidArgument(f"a theme is 'light' or 'dark', got {theme!r}")


def grid_of(plot: Plot) -> tuple[int, int]:
    """Return the numbers of rows and columns of panels."""
    columns = max(min(plot.columns, len(plot.panels)), 1)
    return max(math.ceil(len(plot.panels) / columns), 1), columns


def size_of(plot: Plot) -> tuple[int, int]:
    """Return the width and the height of the panels together, in pixels."""
    rows, columns = grid_of(plot)
    if rows == columns == 1:
        return ALONE
    return max(columns * PANEL_WIDTH, ALONE[0]), max(rows * PANEL_HEIGHT, 360)


def repeats_y(plot: Plot, place: int) -> bool:
    """Return whether a panel has the vertical axis of the one to its left, so that its labels can be left out."""
    _, columns = grid_of(plot)
    return place % columns > 0 and plot.panels[place].z is None and plot.panels[place].y == plot.panels[place - 1].y


def repeats_x(plot: Plot, place: int) -> bool:
    """Return whether a panel has the horizontal axis of the one below it, so that its labels can be left out."""
    _, columns = grid_of(plot)
    below = place + columns
    return below < len(plot.panels) and plot.panels[place].z is None and plot.panels[place].x == plot.panels[below].x


def note_lines(plot: Plot) -> list[str]:
    """Return the notes, broken into lines of about the width of the figure."""
    if not plot.notes:
        return []
    width = max(int(_NOTE_WIDTH * size_of(plot)[0] / ALONE[0]), 40)
    return textwrap.wrap(" ".join(plot.notes), width)


def shown_ticks(axis: Axis, *, columns: int, horizontal: bool) -> list[tuple[float, str]] | None:
    """Return the ticks that have room on an axis, or None if the library chooses them.

    Of many categories every second, third, ... is named; the lane of those that are not set is always named.
    """
    if axis.ticks is None:
        return None
    room = max(_MOST_TICKS // columns, 4) if horizontal else 16
    ticks = list(axis.ticks)
    if len(ticks) <= room:
        return ticks
    lane = [ticks.pop(0)] if ticks[0][0] < 0 and axis.scale == "category" else []
    return [*lane, *ticks[:: math.ceil(len(ticks) / (room - len(lane)))]]


def entries(layers: Iterable[Layer]) -> set[int]:
    """Return the ids of the layers that have an entry in the legend: the first one of each name."""
    first: dict[str, int] = {}
    for layer in layers:
        if layer.name:
            first.setdefault(layer.name, id(layer))
    return {*first.values()}


def color_numbers(scale: ColorScale, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return numbers as positions on a linear colour scale: their logarithms if the scale is logarithmic."""
    if not scale.log:
        return numbers
    with np.errstate(divide="ignore", invalid="ignore"):
        positions: NDArray[np.float64] = np.log10(numbers)
    return positions


def with_gaps(layer: Layer) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the spans of a layer as one line with gaps: positions along and across, ``(3 k,)``."""
    assert layer.low is not None
    assert layer.high is not None
    assert layer.y is not None
    gaps = np.full(len(layer), np.nan)
    return np.column_stack([layer.low, layer.high, gaps]).ravel(), np.repeat(layer.y, 3)
