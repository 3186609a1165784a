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
