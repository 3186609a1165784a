"""Plots of studies as axes of Matplotlib, under Optuna's names; needs ``purehpo[plot]``."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any, ParamSpec

from hpo.errors import MissingExtra
from hpo.visualization import data
from hpo.visualization.renderers.arrangement import grid_of
from hpo.visualization.renderers.fronts import drawing
from hpo.visualization.renderers.matplotlib_figure import matplotlib_figure

P = ParamSpec("P")


def is_available() -> bool:
    """Return whether Matplotlib is installed."""
    return importlib.util.find_spec("matplotlib") is not None


def _shown(plot: data.Plot) -> Any:
    """Draw a plot into a figure of pyplot, and return its axes: one, a row of them, or an array with None for no panel."""
    import numpy as np

    try:
        from matplotlib import pyplot as plt
    except ImportError as error:
        raise MissingExtra("a Matplotlib figure", "plot") from error
    figure = matplotlib_figure(plot, figure=plt.figure())
    n = max(len(plot.panels), 1)
    if n == 1:
        return figure.axes[0]
    rows, columns = grid_of(plot)
    axes = np.full(rows * columns, None, dtype=object)
    axes[:n] = figure.axes[:n]  # the colour bar comes last
    return axes if rows == 1 else axes.reshape(rows, columns)


def _drawn(name: str, of: Callable[P, data.Plot]) -> Callable[P, Any]:
    return drawing(name, of, _shown, "Any", "Axes of Matplotlib, or an array of them")


plot_contour = _drawn("plot_contour", data.contour)
plot_edf = _drawn("plot_edf", data.edf)
plot_hypervolume_history = _drawn("plot_hypervolume_history", data.hypervolume_history)
plot_intermediate_values = _drawn("plot_intermediate_values", data.intermediate_values)
plot_lineage = _drawn("plot_lineage", data.lineage)
plot_optimization_history = _drawn("plot_optimization_history", data.optimization_history)
plot_parallel_coordinate = _drawn("plot_parallel_coordinate", data.parallel_coordinate)
plot_param_importances = _drawn("plot_param_importances", data.param_importances)
plot_pareto_front = _drawn("plot_pareto_front", data.pareto_front)
plot_pruning_audit = _drawn("plot_pruning_audit", data.pruning_audit)
plot_rank = _drawn("plot_rank", data.rank)
plot_slice = _drawn("plot_slice", data.slices)
plot_terminator_improvement = _drawn("plot_terminator_improvement", data.terminator_improvement)
plot_timeline = _drawn("plot_timeline", data.timeline)
plot_utilisation = _drawn("plot_utilisation", data.utilisation)
plot_why = _drawn("plot_why", data.why)
