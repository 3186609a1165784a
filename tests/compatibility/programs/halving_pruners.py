"""The pruners that halve, with the same objective."""

import optuna


def objective(trial):
    quality = trial.suggest_float("quality", 0, 1)
    for step in range(1, 9):
        trial.report(1 - quality / step, step)
        if trial.should_prune():
            raise optuna.TrialPruned
    return 1 - quality / 8


RESULT = []
for pruner in (
    optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=2, min_early_stopping_rate=0),
    optuna.pruners.HyperbandPruner(min_resource=1, max_resource=8, reduction_factor=3),
    optuna.pruners.NopPruner(),
):
    study = optuna.create_study(pruner=pruner)
    study.optimize(objective, n_trials=8)
    RESULT.append([type(study.pruner).__name__, study.best_trial, len(study.trials)])
