"""Tune a model for its error and its speed, and decide which trial to take.

    python examples/choose_from_a_front.py

The front has the trials that no other one beats in both. Its knee, a bound or preferences between two of them lead to
one, with the reason in words.
"""

import math

import hpo


def train(trial):
    """The error and the seconds per thousand predictions of a model: larger ones are better and slower."""
    width = trial.suggest_int("width", 8, 512, log=True)
    depth = trial.suggest_int("depth", 1, 8)
    rate = trial.suggest_float("rate", 1e-4, 1e-1, log=True)
    error = 0.04 + 1.2 / width**0.6 + 0.05 / depth + 0.02 * math.log10(rate / 3e-3) ** 2
    return {"error": error, "seconds": 0.1 + width * depth / 500}


def tuned():
    """A study of the model."""
    study = hpo.create_study(directions=["minimize", "minimize"], metric_names=["error", "seconds"], seed=7)
    study.optimize(train, n_trials=80)
    return study


if __name__ == "__main__":
    hpo.logging.set_verbosity(hpo.logging.WARNING)
    study = tuned()
    print(f"{len(hpo.pareto.front(study))} of {len(study.trials)} trials are on the front")
    print(f"hypervolume up to an error of 0.3 and 3 seconds: {float(study.hypervolume([0.3, 3.0])):.3f}")
    print(study.knee().reason)
    print(study.choose(bounds={"seconds": 1.0}).reason)
