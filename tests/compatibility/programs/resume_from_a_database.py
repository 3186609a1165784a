"""A study in a database goes on in a second run."""

import optuna


def objective(trial):
    return trial.suggest_float("x", -1, 1) ** 2


for _ in range(2):
    study = optuna.create_study(study_name="resumed", storage="sqlite:///resumed.db", load_if_exists=True)
    study.optimize(objective, n_trials=3)
loaded = optuna.load_study(study_name="resumed", storage="sqlite:///resumed.db")
RESULT = [len(loaded.trials), loaded.best_trial, loaded.study_name, optuna.get_all_study_names("sqlite:///resumed.db")]
