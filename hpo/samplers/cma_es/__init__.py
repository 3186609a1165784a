"""CMA-ES: a normal distribution over the numeric parameters that learns from the order of the results.

- `sampler`: `CmaEsSampler`
- `coding`: a search space as the unit cube, and finished trials as points in it
- `evolution`: the fold that turns finished trials into the distribution
"""

from hpo.samplers.cma_es.sampler import CmaEsSampler

__all__ = ["CmaEsSampler"]
