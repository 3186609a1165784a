"""Exhaustive search: `sampler`, and `tree`, the combinations that were tried."""

from hpo.samplers.brute_force.sampler import BruteForceSampler

__all__ = ["BruteForceSampler"]
