"""The parts of Gaussian processes: covariance, hyperparameters, posterior, acquisition functions and their maximization."""

from hpo.numerics.gp.acquisition import log_expected_excess, log_expected_improvement, log_probability_below
from hpo.numerics.gp.ascent import maximized
from hpo.numerics.gp.fitting import Hyperparameters, fitted_hyperparameters, negative_log_posterior
from hpo.numerics.gp.hypervolume_improvement import Boxes, log_expected_hypervolume_improvement
from hpo.numerics.gp.posterior import Factor, Posterior, Prediction
from hpo.numerics.gp.targets import Standardization, standardized, standardized_limits

__all__ = [
    "Boxes",
    "Factor",
    "Hyperparameters",
    "Posterior",
    "Prediction",
    "Standardization",
    "fitted_hyperparameters",
    "log_expected_excess",
    "log_expected_hypervolume_improvement",
    "log_expected_improvement",
    "log_probability_below",
    "maximized",
    "negative_log_posterior",
    "standardized",
    "standardized_limits",
]
