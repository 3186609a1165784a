"""Trials in processes of loky, which outlive a worker that crashes.

pip install loky
python examples/parallel_loky.py
"""

from loky import get_reusable_executor

import hpo


def objective(trial):
    x = trial.suggest_float("x", -10, 10)
    return (x - 2) ** 2


if __name__ == "__main__":
    study = hpo.create_study(seed=1)
    study.optimize(objective, n_trials=12, executor=get_reusable_executor(max_workers=2))
    print(study)
