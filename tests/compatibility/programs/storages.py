"""A database with options, copies and deletions."""

import optuna

storage = optuna.storages.RDBStorage(
    url="sqlite:///options.db", engine_kwargs={"connect_args": {"timeout": 10}}, heartbeat_interval=60, grace_period=120
)
study = optuna.create_study(storage=storage, study_name="first", direction="maximize")
study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
memory = optuna.storages.InMemoryStorage()
optuna.copy_study(from_study_name="first", from_storage=storage, to_storage=memory, to_study_name="second")
(summary,) = optuna.get_all_study_summaries(storage=memory)
optuna.delete_study(study_name="first", storage=storage)
RESULT = [summary.study_name, summary.n_trials, summary.best_trial, summary.direction, summary.user_attrs]
RESULT += [optuna.get_all_study_names(storage), summary.datetime_start]
