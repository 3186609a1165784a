"""Use what is known before the first trial: a limit on the inputs, a belief, and a study of a related problem.

python examples/what_is_known.py
"""

import math

import hpo

SPACE = {
    "rate": hpo.FloatDistribution(1e-5, 1.0, log=True),
    "width": hpo.IntDistribution(16, 1024, log=True),
    "depth": hpo.IntDistribution(1, 12),
}


def fits_into_memory(params):
    """Return whether a network is small enough, which is known without training it."""
    return params["width"] * params["depth"] <= 2048


def training(best_rate):
    """Return an objective that stands for a training; the best rate depends on the data."""

    def loss(trial):
        rate = trial.suggest_float("rate", 1e-5, 1.0, log=True)
        width, depth = trial.suggest_int("width", 16, 1024, log=True), trial.suggest_int("depth", 1, 12)
        return math.log10(rate / best_rate) ** 2 + 1.0 / math.log(width * depth)  # larger is better, and slower

    return loss


if __name__ == "__main__":
    hpo.logging.set_verbosity(hpo.logging.WARNING)

    # little data: rates from 1e-4 to 1e-2 are a good guess
    believing = hpo.samplers.TPESampler(prior={"rate": (1e-4, 1e-2)})
    small = hpo.create_study(sampler=hpo.samplers.Where(fits_into_memory, believing), space=SPACE, seed=1)
    small.optimize(training(2e-3), n_trials=30)
    assert all(fits_into_memory(trial.params) for trial in small.trials)
    print("little data:", small.best_params)

    # all data: the best configurations of the small study first, and a sampler that expects the best values near them
    large = hpo.create_study(sampler=hpo.samplers.AutoSampler(), space=SPACE, seed=2)
    large.warm_start(small, k=3)
    large.optimize(training(1e-3), n_trials=12)
    print("all data:", large.best_params)
    print(hpo.explain(large, 11))
    assert large.best_value < 0.4
    assert hpo.verify(large).clean
