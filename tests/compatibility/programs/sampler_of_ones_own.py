"""A sampler as a class with three methods, which leaves the rest to another sampler."""

import random

import optuna


class Walk(optuna.samplers.BaseSampler):
    def __init__(self, width):
        self.width = width
        self.random = random.Random(1)
        self.independent = optuna.samplers.RandomSampler(seed=1)

    def infer_relative_search_space(self, study, trial):
        return optuna.search_space.intersection_search_space(study.get_trials(deepcopy=False))

    def sample_relative(self, study, trial, search_space):
        if not search_space:
            return {}
        params = {}
        for name, distribution in search_space.items():
            width = (distribution.high - distribution.low) * self.width
            low = max(study.best_params[name] - width, distribution.low)
            high = min(study.best_params[name] + width, distribution.high)
            params[name] = self.random.uniform(low, high)
        return params

    def sample_independent(self, study, trial, param_name, param_distribution):
        return self.independent.sample_independent(study, trial, param_name, param_distribution)

    def reseed_rng(self):
        self.random.seed()


study = optuna.create_study(sampler=Walk(0.1))
study.optimize(lambda trial: trial.suggest_float("x", -10, 10) ** 2, n_trials=12)
RESULT = [study.best_trial, len(study.trials), type(study.sampler).__name__]
