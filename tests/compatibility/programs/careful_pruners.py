"""Pruners around others, and by thresholds."""

import optuna


def objective(trial):
    noise = trial.suggest_float("noise", 0, 1)
    for step in range(5):
        trial.report(noise if step % 2 else 1.5 * noise, step)
        if trial.should_prune():
            raise optuna.exceptions.TrialPruned
    return noise


RESULT = []
for pruner in (
    optuna.pruners.PercentilePruner(25.0, n_startup_trials=2),
    optuna.pruners.PatientPruner(optuna.pruners.MedianPruner(n_startup_trials=1), patience=1),
    optuna.pruners.ThresholdPruner(upper=1.4),
    optuna.pruners.WilcoxonPruner(p_threshold=0.1),
):
    study = optuna.create_study(pruner=pruner)
    study.optimize(objective, n_trials=6)
    RESULT.append([len(study.trials), study.trials[0].state.name in ("COMPLETE", "PRUNED")])
