"""Two objectives: how accurate a model is, and what it costs. The result is a front, and not one trial.

python examples/two_objectives.py
"""

import hpo


def objective(trial):
    size = trial.suggest_float("size", 1.0, 100.0, log=True)
    rate = trial.suggest_float("rate", 1e-4, 1.0, log=True)
    accuracy = (1 - 1 / (1 + size**0.5)) * (1 - abs(rate - 0.01) ** 0.5)
    return {"accuracy": accuracy, "cost": size}


if __name__ == "__main__":
    study = hpo.create_study(directions=["maximize", "minimize"], metric_names=["accuracy", "cost"], seed=1)
    study.optimize(objective, n_trials=60)
    print(study)
    for trial in sorted(study.best_trials, key=lambda trial: trial.values[1]):
        print(f"accuracy {trial.values[0]:.3f} for a cost of {trial.values[1]:6.2f}: rate {trial.params['rate']:.4f}")
