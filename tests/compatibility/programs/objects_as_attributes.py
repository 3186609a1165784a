"""The best model is kept with its trial."""

import warnings

import optuna


class Model:
    def __init__(self, size):
        self.size = size


def objective(trial):
    size = trial.suggest_int("size", 1, 9)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trial.set_user_attr("model", Model(size))
    return size


def keep(study, trial):
    if study.best_trial.number == trial.number:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            study.set_user_attr("best_model", trial.user_attrs["model"])


study = optuna.create_study()
study.optimize(objective, n_trials=4, callbacks=[keep])
RESULT = [
    study.user_attrs["best_model"].size == study.best_params["size"],
    type(study.trials[0].user_attrs["model"]).__name__,
]
