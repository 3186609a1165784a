"""The smallest program: one parameter, the best value."""

import optuna


def objective(trial):
    x = trial.suggest_float("x", -10, 10)
    return (x - 2) ** 2


study = optuna.create_study()
study.optimize(objective, n_trials=8)
RESULT = [study.best_params, study.best_value, study.best_trial, len(study.trials), study.direction]
