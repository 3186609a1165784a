"""Evolutionary algorithms in numbers: crossovers, mutations, and which of a population survive."""

from hpo.numerics.evolution.crossovers import (
    blend,
    line,
    simplex,
    simulated_binary,
    uniform,
    unimodal_normal,
    vector_simulated_binary,
)
from hpo.numerics.evolution.mutations import gaussian, polynomial, reset
from hpo.numerics.evolution.niches import best_by_reference_points, reference_points_on_simplex
from hpo.numerics.evolution.survival import best_by_crowding, best_by_hypervolume, crowding_distances

__all__ = [
    "best_by_crowding",
    "best_by_hypervolume",
    "best_by_reference_points",
    "blend",
    "crowding_distances",
    "gaussian",
    "line",
    "polynomial",
    "reference_points_on_simplex",
    "reset",
    "simplex",
    "simulated_binary",
    "uniform",
    "unimodal_normal",
    "vector_simulated_binary",
]
