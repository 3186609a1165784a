"""An objective is called with fixed and with the best parameters."""

import optuna


def objective(trial: optuna.trial.BaseTrial):
    trial.set_user_attr("seen", True)
    trial.report(1.0, 0)
    if trial.should_prune():
        raise optuna.TrialPruned
    return trial.suggest_float("x", 0, 1) + trial.suggest_int("n", 1, 3) + len(trial.suggest_categorical("c", ["a"]))


study = optuna.create_study()
study.optimize(objective, n_trials=3)
fixed = optuna.trial.FixedTrial({"x": 0.5, "n": 2, "c": "a"}, number=7)
RESULT = [
    objective(fixed),
    objective(study.best_trial) == study.best_value,
    fixed.number,
    fixed.params,
    fixed.user_attrs,
]
