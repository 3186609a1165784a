"""Studies of random trials, as states and as evidence."""

import numpy as np

import hpo
from hpo.importance import Column, Evidence


def state_of(space, objective, n, *, seed=0, directions=("minimize",), states=None):
    """A state with `n` random trials of `space`; `objective` takes the parameters, and returns values or a dict for `create_trial`."""
    state = hpo.StudyState.create(seed=seed, directions=directions)
    sampler = hpo.samplers.RandomSampler()
    trials = []
    for _ in range(n):
        state, trial = hpo.ask(state, sampler, space)
        trials.append(trial.params)
        state = hpo.tell(state, trial.number, objective(trial.params))
    return state


def study_of(trials, directions=("minimize",)):
    """A study with trials made by hand."""
    study = hpo.create_study(directions=[*directions])
    study.add_trials(trials)
    return study


def evidence(columns, losses):
    """Evidence of parameters that are floats in [0, 1], or choices if their values are ints."""
    n = len(losses)
    made = []
    for name in sorted(columns):
        values = np.asarray(columns[name])
        if values.dtype.kind == "f":
            made.append(Column(name, (hpo.FloatDistribution(0.0, 1.0),), values, np.full(n, -1), ()))
        else:
            labels = tuple(f"c{i}" for i in range(values.max() + 1))
            made.append(Column(name, (hpo.CategoricalDistribution(labels),), np.full(n, np.nan), values, labels))
    losses = np.asarray(losses, dtype=float)
    return Evidence(tuple(made), losses.reshape(n, -1), np.zeros(n), chosen=False, left_out={})
