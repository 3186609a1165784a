"""A pruner that asks another one, and a subclass of one."""

import optuna


class NotEarly(optuna.pruners.BasePruner):
    def __init__(self, first):
        self.first = first
        self.base = optuna.pruners.MedianPruner(n_startup_trials=1)

    def prune(self, study, trial):
        return trial.last_step >= self.first and self.base.prune(study, trial)


class Always(optuna.pruners.MedianPruner):
    def prune(self, study, trial):
        return trial.last_step >= 2


def objective(trial):
    for step in range(4):
        trial.report(trial.number, step)
        if trial.should_prune():
            raise optuna.TrialPruned
    return trial.number


RESULT = []
for pruner in (NotEarly(2), Always()):
    study = optuna.create_study(pruner=pruner)
    study.optimize(objective, n_trials=4)
    RESULT.append([(trial.state.name, trial.last_step) for trial in study.trials])
