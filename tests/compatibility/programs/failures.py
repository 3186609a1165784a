"""Trials that fail do not end the study."""

import optuna


def objective(trial):
    x = trial.suggest_float("x", 0, 1)
    if trial.number == 1:
        raise ValueError("too large")
    if trial.number == 2:
        return float("nan")
    return x


study = optuna.create_study()
study.optimize(objective, n_trials=4, catch=(ValueError,))
failed = [trial for trial in study.trials if trial.state == optuna.trial.TrialState.FAIL]
RESULT = [[trial.number for trial in failed], failed[0], failed[0].value]
try:
    study.tell(0, 1.0)
except (optuna.exceptions.OptunaError, ValueError):
    RESULT.append("told already")
