"""The trials as a data frame."""

import optuna

study = optuna.create_study()
study.optimize(lambda trial: trial.suggest_float("x", 0, 1) + trial.suggest_categorical("c", [1, 2]), n_trials=3)
frame = study.trials_dataframe(attrs=("number", "value", "params", "state"))
RESULT = [frame, sorted(study.trials_dataframe(attrs=("number", "params"), multi_index=True).columns), len(frame)]
