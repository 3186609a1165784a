"""The distributions of parameters, under the module name that Optuna uses too."""

from hpo.compatibility.base_classes import BaseDistribution
from hpo.compatibility.old_distributions import (
    DiscreteUniformDistribution,
    IntLogUniformDistribution,
    IntUniformDistribution,
    LogUniformDistribution,
    UniformDistribution,
)
from hpo.core import (
    CategoricalDistribution,
    Choice as CategoricalChoiceType,
    Distribution,
    FloatDistribution,
    IntDistribution,
    check_distribution_compatibility,
    distribution_to_json,
    json_to_distribution,
)

DISTRIBUTION_CLASSES = (FloatDistribution, IntDistribution, CategoricalDistribution)

__all__ = [
    "DISTRIBUTION_CLASSES",
    "BaseDistribution",
    "CategoricalChoiceType",
    "CategoricalDistribution",
    "DiscreteUniformDistribution",
    "Distribution",
    "FloatDistribution",
    "IntDistribution",
    "IntLogUniformDistribution",
    "IntUniformDistribution",
    "LogUniformDistribution",
    "UniformDistribution",
    "check_distribution_compatibility",
    "distribution_to_json",
    "json_to_distribution",
]
