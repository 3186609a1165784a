"""Trials that are worse than the median are stopped."""

import optuna


def objective(trial):
    slope = trial.suggest_float("slope", 0, 1)
    for epoch in range(6):
        trial.report(slope * epoch, epoch)
        if trial.should_prune():
            raise optuna.TrialPruned
    return slope * 5


study = optuna.create_study(pruner=optuna.pruners.MedianPruner(n_startup_trials=2, n_warmup_steps=1))
study.optimize(objective, n_trials=10)
pruned = study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.PRUNED])
complete = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
RESULT = [len(pruned) + len(complete), complete[0], complete[0].intermediate_values, complete[0].last_step]
