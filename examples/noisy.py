"""Tune a noisy, expensive objective with few trials, and ask which configuration to trust.

    python examples/noisy.py

A Gaussian process learns what the noise hides: the best result is a lucky one, and `recommend` looks through it.
"""

import math
import random

import hpo


def expected(rate, layers):
    """The loss of a configuration without noise."""
    return (math.log10(rate) + 3) ** 2 / 4 + abs(layers - 3) / 5


def objective(trial):
    """The loss of one training."""
    rate = trial.suggest_float("rate", 1e-5, 1e-1, log=True)
    layers = trial.suggest_int("layers", 1, 8)
    return expected(rate, layers) + random.Random(trial.number).gauss(0, 0.2)


hpo.logging.set_verbosity(hpo.logging.WARNING)
study = hpo.create_study(sampler=hpo.samplers.GPSampler(n_startup_trials=8), seed=1)
study.optimize(objective, n_trials=30)
best, trusted = study.best_trial, study.recommend()
(prediction,) = study.predict(trusted.params)
print(f"best result {best.value:.2f}, of a configuration with the expected loss {expected(**best.params):.2f}")
print(f"recommended {trusted.params}, with the expected loss {expected(**trusted.params):.2f}")
print(f"the model expects {prediction.mean:.2f} +- {prediction.deviation:.2f} of it")
