"""A sampler is a function: this one mutates the best trial so far.

It reads nothing but its arguments and draws from nothing but its key. That is all it takes to have its studies
resumed exactly, run in parallel without repetitions, and computed again from their journals. The tests of this
repository hold it to all basic laws of `hpo.testing`; yours can do the same with `hpo.testing.check_sampler`.
"""

import hpo
from hpo.views import best_or_none


def mutate_the_best(state, trial, space, key):
    """Values near those of the best trial; random ones among the first 10 trials, and where it had no such value."""
    single = len(state.directions) == 1  # of several objectives, no trial is the best one
    best = best_or_none(state) if single and len(state.finished) >= 10 else None  # None as well if all have failed
    params = {}
    for (name, dist), drawn in zip(space.items(), key.uniforms(space), strict=True):
        unit = drawn
        # The best trial may not have had this parameter, or in another range: the program may have changed since.
        if best is not None and name in best.params and dist.contains(best.params[name]):
            unit = min(max(dist.to_unit(best.params[name]) + 0.2 * (drawn - 0.5), 0.0), 1.0)
        params[name] = dist.from_unit(unit)
    return hpo.Suggestion(params, note={} if best is None else {"parent": best.number})


def objective(trial):
    """A parabola with its lowest point at (2, -1)."""
    x = trial.suggest_float("x", -10, 10)
    y = trial.suggest_float("y", -10, 10)
    return (x - 2) ** 2 + (y + 1) ** 2


if __name__ == "__main__":
    study = hpo.create_study(sampler=mutate_the_best, seed=3)
    study.optimize(objective, n_trials=60)
    print(study.best_value, study.best_params)

    resumed = hpo.create_study(sampler=mutate_the_best, seed=3)
    for _ in range(6):
        resumed.optimize(objective, n_trials=10)
    assert [t.params for t in resumed.trials] == [t.params for t in study.trials]
