"""Choose between two classifiers, and tune the one that is chosen, on handwritten digits.

    python examples/quickstart.py [TRIALS]

TRIALS is 50 by default, which takes about a minute on one core. Run it again and it goes on where it stopped: the study
lives in digits.jsonl.
"""

import sys

from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import cross_val_score
from sklearn.svm import SVC

import hpo

X, y = load_digits(return_X_y=True)


def objective(trial):
    """Mean accuracy in three-fold cross-validation."""
    kind = trial.suggest_categorical("classifier", ["svc", "forest"])
    if kind == "svc":
        model = SVC(
            C=trial.suggest_float("svc_c", 1e-3, 1e3, log=True),
            gamma=trial.suggest_float("gamma", 1e-5, 1, log=True),
        )
    else:
        model = RandomForestClassifier(max_depth=trial.suggest_int("max_depth", 2, 32), n_jobs=1)
    return cross_val_score(model, X, y, cv=3).mean()


if __name__ == "__main__":
    study = hpo.create_study(direction="maximize", storage="digits.jsonl", study_name="digits", load_if_exists=True)
    study.optimize(objective, n_trials=int(sys.argv[1]) if len(sys.argv) > 1 else 50, show_progress_bar=True)
    print(
        f"best accuracy in cross-validation: {study.best_value:.4f}, by trial {study.best_trial.number} of {len(study)}"
    )
    for name, value in study.best_params.items():
        print(f"  {name}: {value:.6g}" if isinstance(value, float) else f"  {name}: {value}")
