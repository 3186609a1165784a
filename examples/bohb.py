"""BOHB: Hyperband with TPE, which learns from the reports at the highest step with enough data."""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split

import hpo

X, y = load_digits(return_X_y=True)
X_train, X_valid, y_train, y_valid = train_test_split(X / 16.0, y, test_size=0.3, random_state=0)
EPOCHS = 9


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
    hpo.logging.set_verbosity(hpo.logging.WARNING)
    hyperband = hpo.pruners.HyperbandPruner(min_resource=1, max_resource=EPOCHS, reduction_factor=3)
    sampler = hpo.samplers.TPESampler(n_startup_trials=4, consider_reports=True)
    study = hpo.create_study(direction="maximize", sampler=sampler, pruner=hyperband, seed=0)
    study.optimize(objective, n_trials=40)
    for bracket in range(hyperband.n_brackets(study.state)):
        trials = [trial for trial in study.trials if hyperband.bracket(study.state, trial.number) == bracket]
        epochs = sum(len(trial.intermediate_values) for trial in trials)
        print(f"bracket {bracket}: {len(trials)} trials, {epochs} epochs")
    print(f"accuracy {study.best_value:.3f} with {study.best_params}")
