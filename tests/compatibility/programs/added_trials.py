"""Trials of another study are added."""

import optuna

source = optuna.create_study()
source.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
study = optuna.create_study()
study.add_trials(source.trials)
study.add_trial(
    optuna.trial.create_trial(
        params={"x": 0.5},
        distributions={"x": optuna.distributions.FloatDistribution(0, 1)},
        value=2.0,
        user_attrs={"from": "a table"},
        intermediate_values={0: 3.0},
    )
)
study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
RESULT = [len(study.trials), study.trials[3], study.trials[3].duration, study.trials[3].datetime_start]
