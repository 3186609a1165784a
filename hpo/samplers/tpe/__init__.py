"""Tree-structured Parzen estimators: model good and bad trials apart, and suggest what is likelier among the good.

- `sampler`: `TPESampler`
- `options`: the functions that split and weigh trials
- `propose`: from a study's state to values, one group of parameters after another
- `model`: the two densities, candidates from them, and what kernels know about a space

The fold that keeps trials as rows of numbers is `hpo.samplers.parts.observations`.
"""

from hpo.samplers.tpe.options import default_gamma, default_weights, hyperopt_gamma
from hpo.samplers.tpe.propose import GroupFold
from hpo.samplers.tpe.sampler import TPESampler

__all__ = ["GroupFold", "TPESampler", "default_gamma", "default_weights", "hyperopt_gamma"]
