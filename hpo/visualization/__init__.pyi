from hpo.visualization import data as data, matplotlib as matplotlib, plotly as plotly
from hpo.visualization.data import Plot as Plot
from hpo.visualization.plotly import (
    is_available as is_available,
    plot_contour as plot_contour,
    plot_edf as plot_edf,
    plot_hypervolume_history as plot_hypervolume_history,
    plot_intermediate_values as plot_intermediate_values,
    plot_lineage as plot_lineage,
    plot_optimization_history as plot_optimization_history,
    plot_parallel_coordinate as plot_parallel_coordinate,
    plot_param_importances as plot_param_importances,
    plot_pareto_front as plot_pareto_front,
    plot_pruning_audit as plot_pruning_audit,
    plot_rank as plot_rank,
    plot_slice as plot_slice,
    plot_terminator_improvement as plot_terminator_improvement,
    plot_timeline as plot_timeline,
    plot_utilisation as plot_utilisation,
    plot_why as plot_why,
)
from hpo.visualization.renderers import to_matplotlib as to_matplotlib, to_plotly as to_plotly
