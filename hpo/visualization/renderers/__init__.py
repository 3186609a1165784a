"""Renderers: each draws any `Plot` with one library, and knows marks, axes and roles, but no plot.

They share `arrangement`, so that their figures look alike, and import nothing of each other.
"""

from hpo.visualization.renderers.matplotlib_figure import matplotlib_figure as to_matplotlib
from hpo.visualization.renderers.plotly_figure import plotly_figure as to_plotly

__all__ = ["to_matplotlib", "to_plotly"]
