"""Plots as data: pure functions from studies to `Plot`, a frozen value that says what is drawn, and nothing about how.

Each function takes a study or its state, and returns a `Plot`: panels with axes and layers of marks, the sentences under
the title, and one sentence if there is nothing to draw. A plot can be compared, be written as JSON (`Plot.to_json`), and be
read as a table (`Plot.to_frame`). `hpo.visualization.to_plotly` and `hpo.visualization.to_matplotlib` draw any plot.

To add a plot:

1. Write a function here, in a module of its own: ``(study, ..., **select: Unpack[Select]) -> Plot``. `parts.trials.columns_of`
   gives the selected trials as columns, `parts.axes` places values and parameters, `parts.points.trial_layers` makes the points of
   a panel with a shape for each state, `parts.points.notes_of` the sentences. Say what is left out in `notes`; return
   `parts.points.nothing` with a sentence instead of raising if there is nothing to draw.
2. Look for a role in `parts.styles.STYLES` for each layer, or add one there. The renderers know marks and roles, and no plot.
3. Put its name into `PLOTS` below, and the two functions that draw it into `hpo/visualization/__init__.py` and
   `hpo/visualization/matplotlib.py`. `tests/visualization` then holds it to what every plot promises.
"""

from collections.abc import Callable

from hpo.visualization.data.curves import intermediate_values, pruning_audit
from hpo.visualization.data.fronts import hypervolume_history, pareto_front
from hpo.visualization.data.history import optimization_history
from hpo.visualization.data.importances import param_importances
from hpo.visualization.data.origins import lineage, why
from hpo.visualization.data.pairs import contour, rank
from hpo.visualization.data.parallel import parallel_coordinate
from hpo.visualization.data.parts import Axis, ColorScale, Layer, Panel, Plot, Select, Studies
from hpo.visualization.data.shares import edf
from hpo.visualization.data.slicing import slices
from hpo.visualization.data.terminators import terminator_improvement
from hpo.visualization.data.times import timeline, utilisation

PLOTS: dict[str, Callable[..., Plot]] = {
    "contour": contour,
    "edf": edf,
    "hypervolume_history": hypervolume_history,
    "intermediate_values": intermediate_values,
    "lineage": lineage,
    "optimization_history": optimization_history,
    "parallel_coordinate": parallel_coordinate,
    "param_importances": param_importances,
    "pareto_front": pareto_front,
    "pruning_audit": pruning_audit,
    "rank": rank,
    "slice": slices,
    "terminator_improvement": terminator_improvement,
    "timeline": timeline,
    "utilisation": utilisation,
    "why": why,
}
"""What ``plot_<name>`` draws, by name: the functions of this room."""

__all__ = [
    "PLOTS",
    "Axis",
    "ColorScale",
    "Layer",
    "Panel",
    "Plot",
    "Select",
    "Studies",
    "contour",
    "edf",
    "hypervolume_history",
    "intermediate_values",
    "lineage",
    "optimization_history",
    "parallel_coordinate",
    "param_importances",
    "pareto_front",
    "pruning_audit",
    "rank",
    "slices",
    "terminator_improvement",
    "timeline",
    "utilisation",
    "why",
]
