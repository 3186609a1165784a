"""Random search: what it draws, and from which streams."""

import itertools
import math

import pytest

from hpo.core import CategoricalDistribution, FloatDistribution, IntDistribution, StudyState, StudyView, ask, tell
from hpo.errors import InvalidType
from hpo.samplers import RandomSampler
from hpo.study.studies import create_study

SPACE = {
    "float": FloatDistribution(-2.0, 3.0),
    "log": FloatDistribution(1e-4, 1e4, log=True),
    "step": FloatDistribution(0.0, 1.0, step=0.25),
    "int": IntDistribution(1, 6),
    "choice": CategoricalDistribution(["a", None, True, 1, 1.0]),
}


def drawn(n, *, seed=0, sampler=None, space=SPACE):
    state, trials = StudyState.create(seed=seed), []
    for _ in range(n):
        state, trial = ask(state, sampler or RandomSampler(), space)
        state = tell(state, trial.number, 0.0)
        trials.append(dict(trial.params))
    return trials


def test_every_value_is_in_its_distribution_and_builtin():
    kinds = {"float": float, "log": float, "step": float, "int": int}
    for params in drawn(200):
        assert all(SPACE[name].contains(value) for name, value in params.items())
        assert all(type(params[name]) is kind for name, kind in kinds.items())


def test_draws_fill_the_range_evenly_on_its_own_scale():
    trials = drawn(1200)
    halves = {
        "float": lambda x: x < 0.5,
        "log": lambda x: x < 1.0,
        "int": lambda x: x <= 3,
    }
    for name, lower in halves.items():
        assert sum(lower(params[name]) for params in trials) / len(trials) == pytest.approx(0.5, abs=0.06)
    assert {params["step"] for params in trials} == {0.0, 0.25, 0.5, 0.75, 1.0}
    assert {repr(params["choice"]) for params in trials} == {"'a'", "None", "True", "1", "1.0"}


def test_parameters_and_trials_are_not_correlated():
    space = {"x": FloatDistribution(-1, 1), "y": FloatDistribution(-1, 1)}
    trials = drawn(1000, space=space)
    pairs = [(params["x"], params["y"]) for params in trials]
    lagged = [(a["x"], b["x"]) for a, b in itertools.pairwise(trials)]
    for sample in (pairs, lagged):
        assert abs(sum(a * b for a, b in sample)) / len(sample) < 4 / (3 * math.sqrt(len(sample)))


def test_the_same_seed_gives_the_same_values_and_another_seed_others():
    assert drawn(5, seed=1) == drawn(5, seed=1)
    assert drawn(5, seed=1) != drawn(5, seed=2)


def test_the_samplers_own_seed_takes_the_place_of_the_studys():
    assert drawn(5, seed=1, sampler=RandomSampler(seed=9)) == drawn(5, seed=9)


def test_a_parameter_keeps_its_values_when_others_come_or_go():
    alone = drawn(3, space={"int": SPACE["int"]})
    assert [params["int"] for params in drawn(3)] == [params["int"] for params in alone]


def test_history_does_not_matter():
    state = StudyState.create(seed=4)
    state, first = ask(state, RandomSampler(), SPACE)
    _, at_once = ask(state, RandomSampler(), SPACE)
    _, later = ask(tell(state, first.number, 1.0), RandomSampler(), SPACE)
    assert at_once.params == later.params


def test_sample_independent_returns_what_the_studys_sampler_would_suggest():
    state = StudyState.create(seed=3)
    state, trial = ask(state, RandomSampler())
    view = StudyView(state)
    distribution = SPACE["float"]

    value = RandomSampler().sample_independent(view, trial, "x", distribution)

    assert distribution.contains(value)
    assert value == RandomSampler().sample_independent(view, trial, "x", distribution)
    assert value != RandomSampler().sample_independent(view, trial, "y", distribution)
    assert value != RandomSampler(seed=8).sample_independent(view, trial, "x", distribution)


def test_a_seed_that_is_not_an_int_is_an_error():
    with pytest.raises(InvalidType, match="seed is an int or None, got 'abc'"):
        ask(StudyState.create(), RandomSampler(seed="abc"), SPACE)


def random_study(**options):
    study = create_study(sampler=RandomSampler(), seed=11)
    study.optimize(_branching, n_trials=20, **options)
    return {trial.number: trial.params for trial in study.trials}


def _branching(trial):
    x = trial.suggest_float("x", 0, 1)
    return x + (trial.suggest_float("y", 0, 1) if x < 0.5 else trial.suggest_int("z", 1, 9))


def test_a_parameter_has_the_same_value_alone_or_jointly():
    assert random_study() == random_study(n_jobs=4) == random_study(n_jobs=3, order="deterministic")
