"""CMA-ES: a normal distribution over the numeric parameters that learns from the order of the results.

- `sampler`: `CmaEsSampler`; `options`: the options that are more than a number
- `propose`: draws from the distribution
- `evolution`: the fold that turns finished trials into the distribution; `restarts`: when a run is over
- `start`: the distribution of the first run
- `coding`: how draws become values, and trials draws
"""

from hpo.samplers.cma_es.sampler import CmaEsSampler

__all__ = ["CmaEsSampler"]
