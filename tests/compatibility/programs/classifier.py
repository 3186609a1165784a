"""Choosing between two classifiers of scikit-learn."""

import optuna
from sklearn.datasets import load_iris
from sklearn.model_selection import cross_val_score
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier


def objective(trial):
    data, target = load_iris(return_X_y=True)
    if trial.suggest_categorical("classifier", ["svc", "tree"]) == "svc":
        model = SVC(C=trial.suggest_float("c", 1e-3, 1e3, log=True))
    else:
        model = DecisionTreeClassifier(max_depth=trial.suggest_int("depth", 1, 8), random_state=0)
    return cross_val_score(model, data, target, cv=3).mean()


study = optuna.create_study(direction="maximize")
study.optimize(objective, n_trials=4)
RESULT = [study.best_trial, study.best_value > 0.3, study.best_params["classifier"] in ("svc", "tree")]
