"""Studies in which a sampler suggested every trial, and what it would suggest next."""

import math

from hpo.core import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    Key,
    SearchSpace,
    StudyState,
    ask,
    create_trial,
    tell,
)
from hpo.samplers.random import RandomSampler
from hpo.samplers.tpe import TPESampler

MIXED = SearchSpace(
    {
        "x": FloatDistribution(-5.0, 5.0),
        "lr": FloatDistribution(1e-6, 1.0, log=True),
        "k": IntDistribution(1, 20),
        "units": IntDistribution(1, 1024, log=True),
        "p": FloatDistribution(0.0, 1.0, step=0.1),
        "c": CategoricalDistribution(["a", "b", None]),
    }
)
EAGER = TPESampler(n_startup_trials=3)


def mixed_loss(params):
    categorical = 0.0 if params["c"] == "b" else 1.0
    return (params["x"] - 1) ** 2 + (math.log10(params["lr"]) + 3) ** 2 + abs(params["k"] - 7) + categorical


def study(n, loss=mixed_loss, space=MIXED, sampler=EAGER, seed=0, **create):
    state = StudyState.create(seed=seed, **create)
    for _ in range(n):
        state, trial = ask(state, sampler, space)
        state = tell(state, trial.number, loss(trial.params))
    return state


def best(state):
    return min(trial.value for trial in state.finished)


def suggested(state, space=MIXED, sampler=EAGER, seed=99, known=None):
    """What is suggested to a trial that starts now, with the joint parameters `known`, if there are some."""
    state, trial = ask(state, RandomSampler(), {})
    if known:
        params, distributions = known
        trial = create_trial(value=0.0, params=params, distributions=distributions)
    return sampler(state, trial, SearchSpace.of(space), Key(seed))
