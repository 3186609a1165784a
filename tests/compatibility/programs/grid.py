"""Every combination of a grid."""

import optuna

space = {"x": [-50, 0, 50], "y": [-99, 99]}
sampler = optuna.samplers.GridSampler(space)
study = optuna.create_study(sampler=sampler)
study.optimize(lambda trial: trial.suggest_float("x", -100, 100) ** 2 + trial.suggest_int("y", -100, 100) ** 2)
tried = sorted((trial.params["x"], trial.params["y"]) for trial in study.trials)
RESULT = [tried, sampler.is_exhausted(study), study.best_params["x"]]
