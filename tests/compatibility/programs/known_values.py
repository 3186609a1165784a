"""Trials that are known to be good go first, and some of them twice."""

import optuna


def objective(trial):
    return trial.suggest_float("x", -5, 5) ** 2 + trial.suggest_int("n", 0, 3)


study = optuna.create_study()
study.enqueue_trial({"x": 1.0, "n": 0}, user_attrs={"from": "me"})
study.enqueue_trial({"x": 1.0, "n": 0}, skip_if_exists=True)
study.enqueue_trial({"x": 2.0})
waiting = [trial.state for trial in study.trials]
study.optimize(objective, n_trials=4)
RESULT = [waiting, study.trials[0], study.trials[0].params, study.trials[1].params["x"], study.trials[0].user_attrs]
