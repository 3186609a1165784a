"""A program from the days of Optuna 2."""

import warnings

import optuna


def objective(trial):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        x = trial.suggest_uniform("x", -1, 1)
        rate = trial.suggest_loguniform("rate", 1e-5, 1e-1)
        dropout = trial.suggest_discrete_uniform("dropout", 0.0, 0.5, 0.1)
    return x + rate + dropout


study = optuna.create_study()
study.optimize(objective, n_trials=3)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    made = [optuna.distributions.UniformDistribution(0, 1), optuna.distributions.IntUniformDistribution(0, 4)]
RESULT = [study.best_trial, study.trials[0].distributions, [each.single() for each in made]]
