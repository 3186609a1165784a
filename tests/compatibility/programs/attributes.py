"""Attributes of studies and trials."""

import optuna


def objective(trial):
    trial.set_user_attr("host", "a")
    trial.set_user_attr("sizes", [1, 2.5, None])
    trial.set_user_attr("host", "b")
    return trial.suggest_float("x", 0, 1)


study = optuna.create_study()
study.set_user_attr("team", {"members": ["ann", "bob"]})
study.optimize(objective, n_trials=2)
RESULT = [study.user_attrs, study.trials[0].user_attrs, study.best_trial.user_attrs["host"]]
