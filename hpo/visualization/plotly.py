"""Plots of studies as Plotly figures, under Optuna's names; needs ``purehpo[plot]``."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable
from typing import TYPE_CHECKING, ParamSpec

from hpo.visualization import data
from hpo.visualization.renderers.fronts import drawing
from hpo.visualization.renderers.plotly_figure import plotly_figure

if TYPE_CHECKING:
    import plotly.graph_objects as go

P = ParamSpec("P")


def is_available() -> bool:
    """Return whether Plotly is installed."""
    return importlib.util.find_spec("plotly") is not None


def _drawn(name: str, of: Callable[P, data.Plot]) -> Callable[P, go.Figure]:
    return drawing(name, of, functools.partial(plotly_figure), "go.Figure", "A ``plotly.graph_objects.Figure``")


plot_optimization_history = _drawn("plot_optimization_history", data.optimization_history)
plot_slice = _drawn("plot_slice", data.slices)
