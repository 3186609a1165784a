"""Draw plots with Plotly."""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from hpo.errors import MissingExtra
from hpo.visualization.data.parts import GRID, INK, PAPER, SCALE, STYLES, Axis, Layer, Panel, Plot, Style, Theme
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
    import plotly.graph_objects as go

_SHAPES = {
    "circle": "circle",
    "star": "star",
    "square": "square",
    "diamond": "diamond",
    "cross": "cross",
    "x": "x",
    "triangle": "triangle-up",
    "ring": "circle-open",
}
_SHAPES_IN_SPACE = _SHAPES | {"star": "diamond", "triangle": "diamond-open"}  # there are fewer of them
_TOP, _LINE, _LEFT, _RIGHT, _BOTTOM = 54, 15, 70, 24, 104  # pixels


def plotly_figure(plot: Plot, theme: Theme | None = None) -> go.Figure:
    """Return a plot as a Plotly figure; needs ``purehpo[plot]``.

    Args:
        plot: The plot.
        theme: ``"light"`` or ``"dark"``; by default that of ``plotly.io.templates.default``.

    Raises:
        MissingExtra: Plotly is not installed.
        InvalidType, InvalidArgument: an argument is not valid.
    """
    try:
        import plotly.graph_objects as go
        import plotly.io
    except ImportError as error:
        raise MissingExtra("a Plotly figure", "plot") from error
    if theme is None:
        theme = "dark" if "dark" in str(plotly.io.templates.default) else "light"
    document = plotly_document(plot, theme)
    return go.Figure(data=document["data"], layout=document["layout"])


def plotly_document(plot: Plot, theme: Theme = "light") -> dict[str, Any]:
    """Return a plot as what plotly.js takes, with arrays for columns; it needs no Plotly.

    Args:
        plot: The plot.
        theme: ``"light"`` or ``"dark"``.

    Raises:
        InvalidType, InvalidArgument: an argument is not valid.
    """
    plot, theme = checked_plot(plot), checked_theme(theme)
    named = entries(layer for _, layer in plot.layers)
    data: list[dict[str, Any]] = []
    layout = _layout(plot, theme)
    rows, columns = grid_of(plot)
    for place, panel in enumerate(plot.panels):
        suffix = "" if place == 0 else str(place + 1)
        domain = _domain(place, rows, columns)
        if panel.z is not None:
            layout["scene" + suffix] = _scene(panel, domain, theme)
            at: dict[str, Any] = {"scene": "scene" + suffix}
        else:
            x = _axis(panel.x, theme, columns=columns, horizontal=True, bare=repeats_x(plot, place))
            y = _axis(panel.y, theme, columns=columns, horizontal=False, bare=repeats_y(plot, place))
            layout["xaxis" + suffix] = x | {"domain": domain[0], "anchor": "y" + suffix}
            layout["yaxis" + suffix] = y | {"domain": domain[1], "anchor": "x" + suffix}
            at = {"xaxis": "x" + suffix, "yaxis": "y" + suffix}
        if panel.title:
            layout["annotations"].append(_panel_title(panel.title, domain))
        for layer in panel.layers:
            trace = _trace(plot, panel, layer, theme)
            legend = {"name": _safe(layer.name), "legendgroup": layer.name, "showlegend": id(layer) in named}
            data.append(trace | at | legend)
    return {"data": data, "layout": layout}


def _layout(plot: Plot, theme: Theme) -> dict[str, Any]:
    width, height = size_of(plot)
    lines = note_lines(plot)
    top = _TOP + _LINE * len(lines)
    right = _RIGHT + (70 if plot.color else 0)
    layout: dict[str, Any] = {
        "title": {
            "text": _safe(plot.title),
            "subtitle": {"text": "<br>".join(map(_safe, lines)), "font": {"size": 11}},
            "x": 0.01,
            "xanchor": "left",
            "y": 1 - 10 / (height + top + _BOTTOM),
            "yanchor": "top",
        },
        "paper_bgcolor": PAPER[theme],
        "plot_bgcolor": PAPER[theme],
        "font": {"color": INK[theme], "size": 12},
        "height": height + top + _BOTTOM,
        "margin": {"l": _LEFT, "r": right, "t": top, "b": _BOTTOM},
        "hovermode": "closest",
        "hoverlabel": {"align": "left"},
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 0, "yanchor": "bottom", "yref": "container"},
        "annotations": [],
    }
    if len(plot.panels) > 1:
        layout["width"] = width + _LEFT + right
    if plot.sentence:
        layout["annotations"].append(
            {"text": _safe(plot.sentence), "x": 0.5, "y": 0.5, "xref": "paper", "yref": "paper", "showarrow": False}
        )
        layout |= {"xaxis": {"visible": False}, "yaxis": {"visible": False}}
    if plot.color is not None:
        layout["coloraxis"] = _color_axis(plot)
    return layout


def _color_axis(plot: Plot) -> dict[str, Any]:
    scale = plot.color
    assert scale is not None
    low, high = color_numbers(scale, np.array([scale.low, scale.high])).tolist()
    colors = SCALE[::-1] if scale.reverse else SCALE
    bar: dict[str, Any] = {"title": {"text": _safe(scale.title), "side": "right"}, "thickness": 14, "outlinewidth": 0}
    if scale.log:
        powers = range(math.ceil(low), math.floor(high) + 1)
        bar |= {"tickvals": [*powers], "ticktext": [f"{10.0**power:g}" for power in powers]}
    stops = [[place / (len(colors) - 1), color] for place, color in enumerate(colors)]
    return {"cmin": low, "cmax": high, "colorscale": stops, "colorbar": bar}


def _domain(place: int, rows: int, columns: int) -> tuple[list[float], list[float]]:
    row, column = divmod(place, columns)
    gap_x, gap_y = (0.22 / columns if columns > 1 else 0), (0.24 / rows if rows > 1 else 0)
    width, height = (1 - gap_x * (columns - 1)) / columns, (1 - gap_y * (rows - 1)) / rows
    left, top = column * (width + gap_x), 1 - row * (height + gap_y)
    return [left, min(left + width, 1.0)], [max(top - height, 0.0), top]


def _panel_title(title: str, domain: tuple[list[float], list[float]]) -> dict[str, Any]:
    return {
        "text": _safe(title),
        "x": domain[0][0],
        "y": domain[1][1],
        "xref": "paper",
        "yref": "paper",
        "xanchor": "left",
        "yanchor": "bottom",
        "showarrow": False,
    }


def _axis(axis: Axis, theme: Theme, *, columns: int, horizontal: bool, bare: bool = False) -> dict[str, Any]:
    low, high = axis.range
    log = axis.scale == "log"
    drawn: dict[str, Any] = {
        "title": {"text": _safe(axis.title)},
        "type": "log" if log else "linear",
        "range": [math.log10(low), math.log10(high)] if log else [low, high],
        "gridcolor": GRID[theme],
        "linecolor": GRID[theme],
        "zeroline": False,
        "automargin": True,
    }
    ticks = shown_ticks(axis, columns=columns, horizontal=horizontal)
    if ticks is not None:
        drawn |= {"tickvals": [position for position, _ in ticks], "ticktext": [_safe(text) for _, text in ticks]}
    elif horizontal and columns > 1:
        drawn["nticks"] = 5
    if log and ticks is None:
        drawn |= {"exponentformat": "power", "dtick": 1 if math.log10(high / low) > 1 else None}
    if bare:
        drawn |= {"title": {"text": ""}, "showticklabels": False}
    return drawn


def _scene(panel: Panel, domain: tuple[list[float], list[float]], theme: Theme) -> dict[str, Any]:
    assert panel.z is not None
    scene: dict[str, Any] = {"domain": {"x": domain[0], "y": domain[1]}}
    for name, axis in (("xaxis", panel.x), ("yaxis", panel.y), ("zaxis", panel.z)):
        drawn = _axis(axis, theme, columns=1, horizontal=False)
        drawn.pop("automargin")
        scene[name] = drawn | {"backgroundcolor": PAPER[theme]}
    return scene


def _trace(plot: Plot, panel: Panel, layer: Layer, theme: Theme) -> dict[str, Any]:
    style = STYLES[layer.role]
    color = style.color(theme)
    match layer.mark:
        case "points":
            return _points(plot, panel, layer, style, theme)
        case "line" | "steps":
            line = {
                "color": color,
                "width": style.width,
                "dash": style.dash,
                "shape": "hv" if layer.mark == "steps" else "linear",
            }
            return {
                "type": "scatter",
                "mode": "lines",
                "x": layer.x,
                "y": layer.y,
                "line": line,
                "opacity": style.opacity,
                "connectgaps": False,
                **_hover(panel, layer),
            }
        case "band":
            assert layer.x is not None
            assert layer.low is not None
            assert layer.high is not None
            around = {"x": np.append(layer.x, layer.x[::-1]), "y": np.append(layer.high, layer.low[::-1])}
            fill = {"fill": "toself", "fillcolor": _translucent(color, style.opacity), "line": {"width": 0}}
            return {"type": "scatter", "mode": "lines", **around, **fill, "hoverinfo": "skip"}
        case "bars":
            bars = {
                "type": "bar",
                "orientation": "h",
                "x": layer.x,
                "y": layer.y,
                "marker": {"color": color},
                "width": 0.6,
            }
            return bars | _error(layer, "x", theme) | _hover(panel, layer)
        case "labels":
            font = {"size": 10, "color": INK[theme]}
            texts = [_safe(text) for text in layer.text]
            where = {"x": layer.x, "y": layer.y, "text": texts, "textposition": "middle right", "textfont": font}
            return {"type": "scatter", "mode": "text", "hoverinfo": "skip", "cliponaxis": False, **where}
        case "spans":
            along, across = with_gaps(layer)
            line = {"color": color, "width": 7}
            hover = _hover(panel, layer)
            if "hovertext" in hover:  # three points of the line for each span
                hover["hovertext"] = [text for text in hover["hovertext"] for _ in range(3)]
            hover.pop("customdata", None)
            return {
                "type": "scatter",
                "mode": "lines",
                "x": along,
                "y": across,
                "line": line,
                "connectgaps": False,
                **hover,
            }
        case _:
            assert plot.color is not None
            assert layer.color is not None
            assert layer.x is not None
            numbers = color_numbers(plot.color, layer.color).reshape(-1, len(layer.x) - 1)
            title = _safe(plot.color.title)
            hover = {"hovertemplate": title + " %{z:.6g}<extra></extra>", "hoverongaps": False}
            return {"type": "heatmap", "x": layer.x, "y": layer.y, "z": numbers, "coloraxis": "coloraxis", **hover}


def _points(plot: Plot, panel: Panel, layer: Layer, style: Style, theme: Theme) -> dict[str, Any]:
    in_space = panel.z is not None
    marker: dict[str, Any] = {
        "symbol": (_SHAPES_IN_SPACE if in_space else _SHAPES)[style.shape],
        "size": style.size * (0.7 if in_space else 1.0),
        "opacity": style.opacity,
        "color": style.color(theme),
        "line": {"width": 0.5, "color": PAPER[theme]},
    }
    if layer.color is not None and plot.color is not None:
        marker |= {"color": color_numbers(plot.color, layer.color), "coloraxis": "coloraxis"}
        marker["line"] = {"width": 0.6, "color": INK[theme]}
    if style.shape == "ring":
        marker["line"] = {"width": 1.2, "color": style.color(theme)}
    trace = {
        "type": "scatter3d" if in_space else "scatter",
        "mode": "markers",
        "x": layer.x,
        "y": layer.y,
        "marker": marker,
    }
    if in_space:
        trace["z"] = layer.z
    return trace | _error(layer, "y", theme) | _hover(panel, layer)


def _error(layer: Layer, along: str, theme: Theme) -> dict[str, Any]:
    middle = getattr(layer, along)
    if layer.low is None or layer.high is None or middle is None:
        return {}
    ends = {"array": layer.high - middle, "arrayminus": middle - layer.low}
    return {
        f"error_{along}": {"type": "data", "symmetric": False, "thickness": 1, "width": 2, "color": INK[theme]} | ends
    }


def _hover(panel: Panel, layer: Layer) -> dict[str, Any]:
    if layer.text:
        texts = [_safe(text).replace("\n", "<br>") for text in layer.text]
        return {"hovertext": texts, "hovertemplate": "%{hovertext}<extra></extra>"}  # `text` would be drawn on bars
    where = f"{_safe(panel.x.title)} %{{x}}<br>{_safe(panel.y.title)} %{{y}}<extra></extra>"
    if layer.number is None:
        return {"hovertemplate": where}
    return {"customdata": layer.number, "hovertemplate": "trial %{customdata}<br>" + where}


def _safe(text: str) -> str:
    """Return a text that Plotly shows as it is: it would take tags for markup, and braces for fields of a template."""
    return html.escape(text, quote=False).replace("%{", "%\u200b{")


def _translucent(color: str, opacity: float) -> str:
    red, green, blue = (int(color[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"
