"""Stop unpromising trainings early: a linear classifier on digits that reports its accuracy after each epoch."""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split

import hpo

X, y = load_digits(return_X_y=True)
X_train, X_valid, y_train, y_valid = train_test_split(X / 16.0, y, test_size=0.3, random_state=0)
EPOCHS = 15


def objective(trial):
    """Accuracy on held-out digits after the last epoch."""
    alpha = trial.suggest_float("alpha", 1e-6, 1e-1, log=True)
    eta = trial.suggest_float("eta0", 1e-4, 1.0, log=True)
    model = SGDClassifier(alpha=alpha, learning_rate="constant", eta0=eta, random_state=0)
    for epoch in range(EPOCHS):
        model.partial_fit(X_train, y_train, classes=np.unique(y))
        trial.report(model.score(X_valid, y_valid), step=epoch)
        if trial.should_prune():
            raise hpo.TrialPruned
    return model.score(X_valid, y_valid)


if __name__ == "__main__":
    study = hpo.create_study(direction="maximize", pruner=hpo.pruners.MedianPruner(n_warmup_steps=2), seed=0)
    study.optimize(objective, n_trials=25)
    n_epochs = sum(len(trial.intermediate_values) for trial in study.trials)
    print(f"accuracy {study.best_value:.3f} with {study.best_params}")
    print(f"{n_epochs} epochs were trained instead of {25 * EPOCHS}")
