"""Five trials at a time, evaluated together with numpy."""

import numpy as np
import optuna

study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
for _ in range(3):
    trials = [study.ask() for _ in range(5)]
    xs = np.array([trial.suggest_float("x", 0, 1) for trial in trials])
    for trial, value in zip(trials, xs**2, strict=True):
        study.tell(trial, value)
RESULT = [len(study.trials), study.best_value, study.best_params]
