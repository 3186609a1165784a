"""A constraint that trials set themselves."""

import optuna


def objective(trial):
    x = trial.suggest_float("x", -15, 30)
    y = trial.suggest_float("y", -15, 30)
    trial.set_constraint("circle", (x - 5) ** 2 + y**2 - 25)
    return 4 * x**2 + 4 * y**2, (x - 5) ** 2 + (y - 5) ** 2


study = optuna.create_study(directions=["minimize", "minimize"])
study.optimize(objective, n_trials=15)
feasible = [trial for trial in study.trials if all(value <= 0 for value in trial.constraints.values())]
RESULT = [len(study.best_trials) <= len(feasible), dict(study.trials[0].constraints)]
