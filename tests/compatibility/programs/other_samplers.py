"""Quasi-random points, fixed parameters and options of TPE."""

import optuna


def objective(trial):
    return trial.suggest_float("x", -4, 4) ** 2 + trial.suggest_float("y", -4, 4) ** 2


samplers = optuna.samplers
RESULT = []
for sampler in (
    samplers.QMCSampler(qmc_type="halton", scramble=True, seed=1, warn_independent_sampling=False),
    samplers.PartialFixedSampler(fixed_params={"y": 0.0}, base_sampler=samplers.RandomSampler(seed=1)),
    samplers.TPESampler(n_startup_trials=4, n_ei_candidates=12, multivariate=None, constant_liar=True),
):
    study = optuna.create_study(sampler=sampler)
    study.optimize(objective, n_trials=8)
    RESULT.append([isinstance(sampler, samplers.BaseSampler), study.best_trial, study.trials[-1].params])
