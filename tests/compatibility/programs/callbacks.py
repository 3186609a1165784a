"""Callbacks see each trial, and may end the run."""

import optuna


class StopAt:
    def __init__(self, limit):
        self.limit, self.seen = limit, []

    def __call__(self, study, trial):
        self.seen.append((trial.number, trial.state.name))
        if trial.number + 1 >= self.limit:
            study.stop()


stop = StopAt(4)
study = optuna.create_study()
study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=10, callbacks=[stop])
most = optuna.study.MaxTrialsCallback(6, states=(optuna.trial.TrialState.COMPLETE,))
study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=10, callbacks=[most])
RESULT = [stop.seen, len(study.trials)]
