"""A sampler of the library with one method replaced, which counts its trials."""

import optuna


class Half(optuna.samplers.RandomSampler):
    def __init__(self):
        super().__init__(seed=1)
        self.before, self.after = [], []

    def sample_independent(self, study, trial, param_name, param_distribution):
        if param_name == "x":
            return 0.5
        return super().sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study, trial):
        self.before.append(trial.number)

    def after_trial(self, study, trial, state, values):
        self.after.append((trial.number, state.name, len(values)))


study = optuna.create_study(sampler=Half())
study.optimize(lambda trial: trial.suggest_float("x", 0, 1) + trial.suggest_int("n", 0, 3), n_trials=4)
RESULT = [[trial.params["x"] for trial in study.trials], study.sampler.before, study.sampler.after]
