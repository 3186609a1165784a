"""A space with branches: the kind of model decides which parameters there are."""

import optuna


def objective(trial):
    model = trial.suggest_categorical("model", ["tree", "line", None])
    if model == "tree":
        return trial.suggest_int("depth", 1, 32, log=True) / 10
    if model == "line":
        return trial.suggest_float("slope", 1e-5, 1e5, log=True)
    return 100.0


study = optuna.create_study(sampler=optuna.samplers.TPESampler(multivariate=True, group=True, seed=1))
study.optimize(objective, n_trials=12)
RESULT = [
    sorted({type(trial.params.get("depth", 1)).__name__ for trial in study.trials}),
    study.trials[0].distributions["model"],
]
