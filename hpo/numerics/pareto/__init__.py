"""Sets of points with several losses: non-domination and hypervolume."""

from hpo.numerics.pareto.hypervolume import good_weights
from hpo.numerics.pareto.nondomination import best_first
from hpo.numerics.pareto.spread import n_before

__all__ = ["best_first", "good_weights", "n_before"]
