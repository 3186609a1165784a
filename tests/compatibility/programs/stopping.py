"""A study that ends by itself, and the time that it may take."""

import optuna

study = optuna.create_study()
study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3, timeout=600, gc_after_trial=True)


def once(trial):
    trial.study.stop()
    return trial.suggest_float("x", 0, 1)


study.optimize(once, n_trials=10)
RESULT = [len(study.trials), study.trials[-1].state, study.trials[-1].duration]
