"""Distributions as values: compared, written and read."""

import optuna

kinds = optuna.distributions
all_of_them = [
    kinds.FloatDistribution(1, 2, log=True),
    kinds.IntDistribution(0, 9, step=3),
    kinds.CategoricalDistribution(("a", None, 2.5)),
]
written = [kinds.distribution_to_json(dist=each) for each in all_of_them]
RESULT = [[kinds.json_to_distribution(json_str=text) == each for text, each in zip(written, all_of_them, strict=True)]]
RESULT += [
    each.to_external_repr(each.to_internal_repr(value)) for each, value in zip(all_of_them, (1.5, 3, None), strict=True)
]
kinds.check_distribution_compatibility(dist_old=kinds.IntDistribution(0, 9), dist_new=kinds.IntDistribution(0, 5))
try:
    kinds.check_distribution_compatibility(kinds.FloatDistribution(0, 1), kinds.IntDistribution(0, 1))
except ValueError as error:
    RESULT.append(isinstance(error, ValueError))
