"""A search space that is whatever the objective asks for: branches, loops, and a constraint on the size."""

from sklearn.datasets import load_wine
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import hpo

X, y = load_wine(return_X_y=True)


def objective(trial):
    """Mean accuracy of a nearest-neighbour classifier, or of a network with as many layers as the trial says."""
    if trial.suggest_categorical("model", ["neighbours", "network"]) == "neighbours":
        model = KNeighborsClassifier(n_neighbors=trial.suggest_int("n_neighbours", 1, 30, log=True))
        n_weights = 0
    else:
        n_layers = trial.suggest_int("n_layers", 1, 3)
        sizes = [trial.suggest_int(f"n_units_{layer}", 4, 32, step=4) for layer in range(n_layers)]
        model = MLPClassifier(sizes, learning_rate_init=trial.suggest_float("lr", 1e-3, 1e-1, log=True), max_iter=60)
        n_weights = sum(a * b for a, b in zip([X.shape[1], *sizes], [*sizes, 3], strict=True))
    trial.set_constraint("weights", n_weights - 1000)  # feasible when <= 0
    trial.set_user_attr("n_weights", n_weights)
    return cross_val_score(make_pipeline(StandardScaler(), model), X, y, cv=3).mean()


if __name__ == "__main__":
    import warnings

    warnings.simplefilter("ignore")  # networks that have not converged after 60 iterations are fine here
    study = hpo.create_study(direction="maximize", seed=1)
    study.enqueue_trial({"model": "neighbours", "n_neighbours": 5})  # what we would have tried by hand
    study.optimize(objective, n_trials=15)
    best = study.best_trial
    print(f"{best.value:.3f} with {best.user_attrs['n_weights']} weights: {dict(best.params)}")
