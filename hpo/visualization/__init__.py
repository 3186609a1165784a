"""Plots of studies: how the values developed, what the parameters do, what was pruned, who did the work.

- ``hpo.visualization.plot_slice(study)`` and the other ``plot_...`` functions return Plotly figures, and
  ``hpo.visualization.matplotlib`` has the same functions for Matplotlib: Optuna's names and arguments, and a few more.
- ``hpo.visualization.data`` has the plots as data: pure functions from a study to a `Plot`, which can be compared, written
  as JSON, and read as a table. ``to_plotly(plot)`` and ``to_matplotlib(plot)`` draw any of them.

Plotly and Matplotlib come with ``purehpo[plot]`` and are imported when the first figure is drawn.
"""

from hpo._lazy import attach

_HOMES = {
    "hpo.visualization.data.parts.values": ("Plot",),
    "hpo.visualization.plotly": (
        "is_available",
        "plot_contour",
        "plot_edf",
        "plot_hypervolume_history",
        "plot_intermediate_values",
        "plot_lineage",
        "plot_optimization_history",
        "plot_parallel_coordinate",
        "plot_param_importances",
        "plot_pareto_front",
        "plot_pruning_audit",
        "plot_rank",
        "plot_slice",
        "plot_terminator_improvement",
        "plot_timeline",
        "plot_utilisation",
        "plot_why",
    ),
    "hpo.visualization.renderers": ("to_matplotlib", "to_plotly"),
}

__getattr__, __dir__, __all__ = attach(__name__, _HOMES, rooms=["data", "matplotlib", "plotly"])
