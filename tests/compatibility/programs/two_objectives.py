"""Two objectives, and the front."""

import optuna


def objective(trial):
    x = trial.suggest_float("x", 0, 5)
    y = trial.suggest_float("y", 0, 3)
    return 4 * x**2 + 4 * y**2, (x - 5) ** 2 + (y - 5) ** 2


study = optuna.create_study(directions=["minimize", "minimize"])
study.set_metric_names(["size", "error"])
study.optimize(objective, n_trials=12)
RESULT = [study.best_trials[0], study.best_trials[0].values, study.directions, study.metric_names]
try:
    RESULT.append(study.best_trial)
except RuntimeError:
    RESULT.append("several objectives")
