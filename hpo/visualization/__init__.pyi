from hpo.visualization import data as data, matplotlib as matplotlib, plotly as plotly
from hpo.visualization.data import Plot as Plot
from hpo.visualization.plotly import (
    is_available as is_available,
    plot_optimization_history as plot_optimization_history,
    plot_slice as plot_slice,
)
from hpo.visualization.renderers import to_matplotlib as to_matplotlib, to_plotly as to_plotly
