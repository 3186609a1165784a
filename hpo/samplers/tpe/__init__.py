"""Tree-structured Parzen estimators: model good and bad trials apart, suggest what is likelier among the good.

- `sampler`: `TPESampler`
- `coding`: a search space as columns of numbers
- `observations`: the fold that keeps trials as such columns, and their order from best to worst
"""

from hpo.samplers.tpe.sampler import TPESampler, default_gamma, default_weights, hyperopt_gamma

__all__ = ["TPESampler", "default_gamma", "default_weights", "hyperopt_gamma"]
