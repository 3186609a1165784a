"""Asynchronous successive halving: most trainings of a classifier end after one or three epochs."""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split

import hpo

X, y = load_digits(return_X_y=True)
X_train, X_valid, y_train, y_valid = train_test_split(X / 16.0, y, test_size=0.3, random_state=0)
EPOCHS = 27


def objective(trial):
    """Accuracy on held-out digits after the last epoch."""
    alpha = trial.suggest_float("alpha", 1e-6, 1e-1, log=True)
    eta = trial.suggest_float("eta0", 1e-4, 1.0, log=True)
    model = SGDClassifier(alpha=alpha, learning_rate="constant", eta0=eta, random_state=0)
    accuracy = 0.0
    for epoch in range(1, EPOCHS + 1):
        model.partial_fit(X_train, y_train, classes=np.unique(y))
        accuracy = model.score(X_valid, y_valid)
        trial.report(accuracy, step=epoch)
        if trial.should_prune():
            raise hpo.TrialPruned
    return accuracy


if __name__ == "__main__":
    pruner = hpo.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3)
    study = hpo.create_study(direction="maximize", pruner=pruner, seed=0)
    study.optimize(objective, n_trials=40)
    n_epochs = sum(len(trial.intermediate_values) for trial in study.trials)
    print(f"accuracy {study.best_value:.3f} with {study.best_params}")
    print(f"{n_epochs} epochs were trained instead of {40 * EPOCHS}")
    stopped = next(trial for trial in study.trials if trial.state is hpo.TrialState.PRUNED)
    print(hpo.explain(study, stopped.number))
