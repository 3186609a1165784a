"""A sampler is a function: this one mutates the best trial so far.

It reads nothing but its arguments and draws from nothing but its key. That is all it takes to have its studies
resumed exactly, run in parallel without repetitions, and computed again from their journals.
"""

import hpo


def mutate_the_best(state, trial, space, key):
    """Values near those of the best trial; the first 10 trials are random."""
    units = key.uniforms(space)
    if len(state.finished) < 10:
        return hpo.Suggestion({name: dist.from_unit(u) for (name, dist), u in zip(space.items(), units, strict=True)})
    best = hpo.best_trial(state)
    params = {}
    for (name, dist), unit in zip(space.items(), units, strict=True):
        center = dist.to_unit(best.params[name]) if name in best.params else 0.5
        params[name] = dist.from_unit(min(max(center + 0.2 * (unit - 0.5), 0.0), 1.0))
    return hpo.Suggestion(params, note={"parent": best.number})


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
