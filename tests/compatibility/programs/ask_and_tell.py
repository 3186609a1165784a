"""A loop of one's own."""

import optuna

study = optuna.create_study(direction="maximize")
for _ in range(6):
    trial = study.ask()
    x = trial.suggest_float("x", 0, 1)
    if x > 0.99:
        study.tell(trial, state=optuna.trial.TrialState.FAIL)
        continue
    told = study.tell(trial, x * 2)
last = study.ask()
study.tell(last.number, 0.5)
again = study.tell(last, 0.7, skip_if_finished=True)
RESULT = [told, again.value, study.best_value <= 2, trial.number, trial.params, trial.distributions]
