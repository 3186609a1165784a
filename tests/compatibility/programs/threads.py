"""Several trials at a time in threads."""

import optuna


def objective(trial):
    return trial.suggest_float("x", 0, 1) + trial.suggest_int("n", 0, 9)


study = optuna.create_study(sampler=optuna.samplers.RandomSampler())
study.optimize(objective, n_trials=12, n_jobs=3)
RESULT = [sorted(trial.number for trial in study.trials), {trial.state.name for trial in study.trials} == {"COMPLETE"}]
