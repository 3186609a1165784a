"""A study in a journal."""

import optuna


def opened():
    return optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend("./journal.log"))


storage = opened()
study = optuna.create_study(storage=storage, study_name="journal")
study.optimize(lambda trial: trial.suggest_int("n", 1, 9), n_trials=3)
again = optuna.load_study(study_name="journal", storage=opened())
RESULT = [again.trials[0], len(again.trials), optuna.get_all_study_names(storage)]
