"""The search space that the trials of a study share, under the module name that Optuna uses too."""

from hpo.samplers.shared_space import IntersectionSearchSpace, intersection_search_space

__all__ = ["IntersectionSearchSpace", "intersection_search_space"]
