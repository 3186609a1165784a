"""Constraints: the best model that fits into memory.

python examples/constraints.py
"""

import hpo

LIMIT = 100.0  # megabytes


def objective(trial):
    width = trial.suggest_int("width", 1, 256)
    depth = trial.suggest_int("depth", 1, 16)
    memory = width * depth / 10.0
    trial.set_constraint("memory", memory - LIMIT)  # at most 0 means that it is satisfied
    return 1.0 / (1.0 + width * depth**0.5)  # larger is better, as far as there is room


if __name__ == "__main__":
    study = hpo.create_study(seed=1)
    study.optimize(objective, n_trials=60)
    best = study.best_trial
    feasible = sum(trial.constraints["memory"] <= 0 for trial in study.trials)
    print(best)
    print(f"memory: {best.constraints['memory'] + LIMIT:.1f} of {LIMIT:.0f} MB; {feasible} of {len(study)} trials fit")
    assert best.constraints["memory"] <= 0
