"""Tree-structured Parzen estimators: model good and bad trials apart, suggest what is likelier among the good.

- `sampler`: `TPESampler`
- `options`: what its options may be; the functions that split and weigh trials
- `branches`: the fold that groups parameters by the trials that have them
- `observations`: the fold that keeps trials as columns of numbers, and their order from best to worst
- `coding`: a search space as such columns
- `model`: the two densities, and candidates from them
"""

from hpo.samplers.tpe.options import default_gamma, default_weights, hyperopt_gamma
from hpo.samplers.tpe.sampler import TPESampler

__all__ = ["TPESampler", "default_gamma", "default_weights", "hyperopt_gamma"]
