"""As many parameters as a network has layers, with steps and logarithms."""

import optuna


def objective(trial):
    n_layers = trial.suggest_int("n_layers", 1, 3)
    units = [trial.suggest_int(f"units_{i}", 4, 128, step=4) for i in range(n_layers)]
    dropout = trial.suggest_float("dropout", 0.0, 0.5, step=0.1)
    rate = trial.suggest_float("rate", 1e-5, 1e-1, log=True)
    return sum(units) * rate + dropout


study = optuna.create_study(direction="maximize")
study.optimize(objective, n_trials=10)
RESULT = [
    study.best_trial.params["n_layers"] in (1, 2, 3),
    study.best_trial.distributions["n_layers"],
    study.directions,
]
