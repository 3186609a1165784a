"""CMA-ES: a normal distribution over the numeric parameters that learns from the order of the results.

- `sampler`: `CmaEsSampler`, and how it draws from the distribution; `options`: the options that are more than a number
- `evolution`: the distribution of the first run, when a run is over, and the fold that turns finished trials into the
  distribution of the next ones
- `coding`: how draws become values, and trials draws
"""

from hpo.samplers.cma_es.sampler import CmaEsSampler

__all__ = ["CmaEsSampler"]
