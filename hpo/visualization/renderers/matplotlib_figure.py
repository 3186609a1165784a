"""Draw plots with Matplotlib."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from hpo.errors import MissingExtra
from hpo.visualization.data.parts import (
    GRID,
    INK,
    PAPER,
    SCALE,
    STYLES,
    ColorScale,
    Layer,
    Panel,
    Plot,
    Theme,
    luminance,
    nice_ticks,
)
from hpo.visualization.renderers.arrangement import (
    checked_plot,
    checked_theme,
    color_numbers,
    entries,
    grid_of,
    note_lines,
    repeats_x,
    repeats_y,
    shown_ticks,
    size_of,
    with_gaps,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SHAPES = {
    "circle": "o",
    "star": "*",
    "square": "s",
    "diamond": "D",
    "cross": "P",
    "x": "X",
    "triangle": "^",
    "ring": "o",
}
_DASHES = {"solid": "-", "dash": "--", "dot": ":"}
_LETTERS = 112  # of labels that fit under the axes of a figure of the usual width
_PIXELS = 100  # in an inch
_POINTS = 0.72  # in a pixel


def matplotlib_figure(plot: Plot, theme: Theme | None = None, figure: Figure | None = None) -> Figure:
    """Return a plot as a Matplotlib figure; needs ``purehpo[plot]``.

    The figure belongs to no window and no list of open figures: save it, or show it in a notebook.

    Args:
        plot: The plot.
        theme: ``"light"`` or ``"dark"``; by default that of ``matplotlib.rcParams``.
        figure: An empty figure to draw into; a new one by default.

    Raises:
        MissingExtra: Matplotlib is not installed.
        InvalidType, InvalidArgument: an argument is not valid.
    """
    try:
        import matplotlib as mpl
        from matplotlib.colors import to_hex
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra("a Matplotlib figure", "plot") from error
    plot = checked_plot(plot)
    if theme is None:
        face = mpl.rcParams["figure.facecolor"]
        theme = "dark" if face != "none" and luminance(to_hex(face)) < 0.18 else "light"
    theme = checked_theme(theme)
    rows, columns = grid_of(plot)
    width, height = size_of(plot)
    if figure is None:
        figure = Figure(dpi=_PIXELS)
    lines = 3 + len(note_lines(plot))
    figure.set_size_inches((width + 90) / _PIXELS, (height + 60 + 16 * lines) / _PIXELS)
    figure.set_layout_engine("constrained")
    figure.set_facecolor(PAPER[theme])
    title = "\n".join([_shown(plot.title), *map(_shown, note_lines(plot))])
    figure.suptitle(title, x=0.01, ha="left", fontsize=10, color=INK[theme])
    if plot.sentence:
        axes = figure.add_subplot()
        axes.set_axis_off()
        axes.text(0.5, 0.5, _shown(plot.sentence), ha="center", va="center", color=INK[theme], transform=axes.transAxes)
        return figure
    handles: dict[str, Any] = {}
    named = entries(layer for _, layer in plot.layers)
    all_axes = []
    for place, panel in enumerate(plot.panels):
        in_space = {"projection": "3d"} if panel.z is not None else {}
        axes = figure.add_subplot(rows, columns, place + 1, **in_space)
        all_axes.append(axes)
        for order, layer in enumerate(panel.layers, 2):
            handle = _draw(axes, plot, panel, layer, theme, order)
            if id(layer) in named:
                handles[_shown(layer.name)] = handle
        _dress(axes, panel, theme, columns)
        if repeats_y(plot, place):
            axes.set_ylabel("")
            axes.tick_params(axis="y", labelleft=False)
        if repeats_x(plot, place):
            axes.set_xlabel("")
            axes.tick_params(axis="x", labelbottom=False)
    if plot.color is not None and plot.panels:
        _color_bar(figure, all_axes, plot.color, theme)
    if handles:
        legend = figure.legend(
            [*handles.values()],
            [*handles],
            loc="outside lower left",
            ncols=max(min(len(handles), width // (55 + 7 * max(map(len, handles)))), 1),
            frameon=False,
            fontsize=9,
        )
        for text in legend.get_texts():
            text.set_color(INK[theme])
    return figure


def _draw(axes: Any, plot: Plot, panel: Panel, layer: Layer, theme: Theme, order: int) -> Any:
    style = STYLES[layer.role]
    color = style.color(theme)
    line = {
        "color": color,
        "linewidth": style.width * _POINTS,
        "linestyle": _DASHES[style.dash],
        "alpha": style.opacity,
    }
    match layer.mark:
        case "points":
            return _points(axes, plot, panel, layer, theme, order)
        case "line":
            return axes.plot(layer.x, layer.y, zorder=order, **line)[0]
        case "steps":
            return axes.plot(layer.x, layer.y, drawstyle="steps-post", zorder=order, **line)[0]
        case "band":
            return axes.fill_between(
                layer.x, layer.low, layer.high, color=color, alpha=style.opacity, linewidth=0, zorder=order
            )
        case "bars":
            bars = axes.barh(layer.y, layer.x, height=0.6, color=color, zorder=order)
            if layer.low is not None and layer.high is not None and layer.x is not None:
                error = {"fmt": "none", "ecolor": INK[theme], "elinewidth": 1, "capsize": 2, "zorder": order + 1}
                axes.errorbar(layer.x, layer.y, xerr=[layer.x - layer.low, layer.high - layer.x], **error)
            return bars
        case "labels":
            assert layer.x is not None
            assert layer.y is not None
            box = {"boxstyle": "square,pad=0.1", "facecolor": PAPER[theme], "edgecolor": "none", "alpha": 0.75}
            for x, y, text in zip(layer.x, layer.y, layer.text, strict=True):
                axes.text(x, y, f" {_shown(text)}", fontsize=7, va="center", color=INK[theme], zorder=order, bbox=box)
            return None
        case "spans":
            along, across = with_gaps(layer)
            return axes.plot(along, across, color=color, linewidth=7 * _POINTS, solid_capstyle="butt", zorder=order)[0]
        case _:
            assert plot.color is not None
            assert layer.color is not None
            assert layer.x is not None
            numbers = color_numbers(plot.color, layer.color).reshape(-1, len(layer.x) - 1)
            return axes.pcolormesh(layer.x, layer.y, numbers, zorder=order, **_color_map(plot.color))


def _points(axes: Any, plot: Plot, panel: Panel, layer: Layer, theme: Theme, order: int) -> Any:
    style = STYLES[layer.role]
    look: dict[str, Any] = {
        "marker": _SHAPES[style.shape],
        "s": (style.size * _POINTS) ** 2 * 1.3,
        "alpha": style.opacity,
    }
    if layer.color is not None and plot.color is not None:
        look |= {"c": color_numbers(plot.color, layer.color), "edgecolors": INK[theme], "linewidths": 0.4}
        look |= _color_map(plot.color)
    elif style.shape == "ring":
        look |= {"facecolors": "none", "edgecolors": style.color(theme), "linewidths": 1.0}
    else:
        look |= {"color": style.color(theme), "edgecolors": PAPER[theme], "linewidths": 0.3}
    if layer.low is not None and layer.high is not None:
        assert layer.y is not None
        error = {"fmt": "none", "ecolor": style.color(theme), "elinewidth": 0.8, "capsize": 1.5, "zorder": order}
        axes.errorbar(layer.x, layer.y, yerr=[layer.y - layer.low, layer.high - layer.y], **error)
    where = (layer.x, layer.y) if panel.z is None else (layer.x, layer.y, layer.z)
    return axes.scatter(*where, zorder=order, clip_on=panel.z is not None, **look)


def _dress(axes: Any, panel: Panel, theme: Theme, columns: int) -> None:
    """Give axes their scales, ranges, ticks, titles and colours."""
    axes.set_facecolor(PAPER[theme])
    named = [("x", panel.x), ("y", panel.y)] + ([] if panel.z is None else [("z", panel.z)])
    for name, axis in named:
        if axis.scale == "log":
            getattr(axes, f"set_{name}scale")("log")
        getattr(axes, f"set_{name}lim")(*axis.range)
        getattr(axes, f"set_{name}label")(_shown(axis.title), color=INK[theme], fontsize=9)
        ticks = shown_ticks(axis, columns=columns, horizontal=name == "x")
        if ticks is None and axis.scale == "log":
            ticks = [*nice_ticks(*map(math.log, axis.range), log=True)]
        if ticks is not None:
            _set_ticks(axes, name, ticks, room=_LETTERS // columns)
        elif name == "x" and columns > 1 and axis.scale == "linear":
            axes.locator_params(axis="x", nbins=4)
        axes.tick_params(axis=name, which="both", colors=INK[theme], labelsize=8)
    axes.grid(visible=True, color=GRID[theme], linewidth=0.6)
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set_color(GRID[theme])
    if panel.title:
        axes.set_title(_shown(panel.title), loc="left", fontsize=9, color=INK[theme])


def _set_ticks(axes: Any, name: str, ticks: list[tuple[float, str]], room: int) -> None:
    from matplotlib.ticker import NullFormatter, NullLocator

    getattr(axes, f"set_{name}ticks")([position for position, _ in ticks], [_shown(text) for _, text in ticks])
    own = getattr(axes, f"{name}axis")
    own.set_minor_locator(NullLocator())
    own.set_minor_formatter(NullFormatter())
    if name == "x" and sum(len(text) + 2 for _, text in ticks) > room:
        for text in own.get_ticklabels():
            text.set_rotation(30)
            text.set_ha("right")
            text.set_rotation_mode("anchor")


def _color_map(scale: ColorScale) -> dict[str, Any]:
    from matplotlib.colors import LinearSegmentedColormap

    colors = SCALE[::-1] if scale.reverse else SCALE
    low, high = color_numbers(scale, np.array([scale.low, scale.high])).tolist()
    return {"cmap": LinearSegmentedColormap.from_list("cividis of hpo", colors), "vmin": low, "vmax": high}


def _color_bar(figure: Figure, axes: list[Any], scale: ColorScale, theme: Theme) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    colors = _color_map(scale)
    shown = ScalarMappable(Normalize(colors["vmin"], colors["vmax"]), colors["cmap"])
    bar = figure.colorbar(shown, ax=axes, fraction=0.05, pad=0.02)
    bar.set_label(_shown(scale.title), color=INK[theme], fontsize=9)
    bar.ax.tick_params(colors=INK[theme], labelsize=8)
    if scale.log:
        powers = range(int(np.ceil(colors["vmin"])), int(np.floor(colors["vmax"])) + 1)
        bar.set_ticks([*powers], labels=[f"{10.0**power:g}" for power in powers])


def _shown(text: str) -> str:
    """Return a text that Matplotlib draws as it is: without formulas, and with a box for what its font does not have."""
    known = _letters()
    text = "".join(letter if ord(letter) in known or letter == "\n" else "\u25a1" for letter in text)
    return (" " + text if text.startswith("_") else text).replace("$", r"\$")


@functools.cache
def _letters() -> frozenset[int]:
    from matplotlib.font_manager import FontProperties, findfont, get_font

    return frozenset(get_font(findfont(FontProperties())).get_charmap())
