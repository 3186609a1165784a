"""Sets of points with several losses: non-domination and hypervolume."""

from hpo.numerics.pareto.free_boxes import free_boxes
from hpo.numerics.pareto.hypervolume import good_weights, greedy_subset
from hpo.numerics.pareto.nondomination import best_first, nondomination_ranks
from hpo.numerics.pareto.spread import n_before

__all__ = ["best_first", "free_boxes", "good_weights", "greedy_subset", "n_before", "nondomination_ranks"]
