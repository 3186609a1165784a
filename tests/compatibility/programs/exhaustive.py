"""Every combination that the objective can ask for."""

import optuna


def objective(trial):
    kind = trial.suggest_categorical("kind", ["float", "int"])
    if kind == "float":
        return trial.suggest_float("x", 1, 3, step=0.5)
    return trial.suggest_int("y", 1, 3)


study = optuna.create_study(sampler=optuna.samplers.BruteForceSampler())
study.optimize(objective)
RESULT = sorted(str(tuple(trial.params.values())) for trial in study.trials)
