"""A sampler is told whether it is asked for a joint space or for a lone parameter, also by a sampler around it."""

import pytest

import hpo
from hpo.core import Ask, Suggestion, decide
from hpo.distributions import CategoricalDistribution, FloatDistribution
from hpo.samplers import BaseSampler, CmaEsSampler, Fallback, PartialFixedSampler, RandomSampler, TPESampler, Warmup

KIND = CategoricalDistribution(["a", "b", "c"])
X = FloatDistribution(0.0, 1.0)


class Remembers(BaseSampler):
    """Notes which method was asked for which parameters."""

    def __init__(self):
        self.asked = []

    def infer_relative_search_space(self, study, trial):
        return {}

    def sample_relative(self, study, trial, search_space):
        self.asked.append(("relative", sorted(search_space)))
        return {name: dist.from_unit(0.5) for name, dist in search_space.items()}

    def sample_independent(self, study, trial, param_name, param_distribution):
        self.asked.append(("independent", [param_name]))
        return param_distribution.from_unit(0.5)


def started(space, results=()):
    """A study with a running trial that waits for its parameters, after trials with these ones."""
    state = hpo.StudyState.create(seed=1)
    for number, params in enumerate(results):
        state, _trial = hpo.ask(state, lambda *_, given=params: Suggestion(given), space)
        state = hpo.tell(state, number, 1.0)
    (event,) = decide(state, Ask())
    state = hpo.evolve(state, event)
    return state, state.running[len(results)]


def run_with(sampler):
    """One trial with a joint numeric and a joint categorical parameter, and then a lone one."""
    study = hpo.create_study(sampler=sampler, space={"x": X, "y": X, "kind": KIND}, seed=1)
    trial = study.ask()
    trial.suggest_categorical("lone", ["a", "b"])
    return study


@pytest.mark.parametrize("n_startup_trials", [0, 1])
def test_an_independent_sampler_with_three_methods_is_asked_for_the_joint_part_together(n_startup_trials):
    inner = Remembers()
    run_with(CmaEsSampler(n_startup_trials=n_startup_trials, independent_sampler=inner))
    joint = ["kind", "x", "y"] if n_startup_trials else ["kind"]
    assert inner.asked == [("relative", joint), ("independent", ["lone"])]


WRAPPERS = {
    "partial": lambda inner: PartialFixedSampler({}, inner),
    "warmup": lambda inner: Warmup(1, inner, RandomSampler()),
    "fallback": lambda inner: Fallback(inner, RandomSampler()),
    "nested": lambda inner: PartialFixedSampler({}, Warmup(1, inner, RandomSampler())),
}


@pytest.mark.parametrize("wrapped", WRAPPERS.values(), ids=WRAPPERS)
def test_a_wrapped_sampler_with_three_methods_is_told_the_kind_of_call(wrapped):
    inner = Remembers()
    run_with(wrapped(inner))
    assert inner.asked == [("relative", ["kind", "x", "y"]), ("independent", ["lone"])]


@pytest.mark.parametrize("name", ["kind", "independent"])
def test_a_categorical_parameter_has_the_same_stream_whatever_its_name_is(name):
    space = hpo.SearchSpace({"x": X, "y": X, name: KIND})
    state, trial = started(space)
    sampler = CmaEsSampler(n_startup_trials=0, independent_sampler=RandomSampler())
    for seed in range(20):
        key = hpo.Key(seed, ("trial", trial.number))
        (unit,) = key.child("independent").uniforms([name])
        assert sampler(state, trial, space, key).params[name] == KIND.from_unit(unit)


@pytest.mark.parametrize("name", ["kind", "independent"])
@pytest.mark.parametrize("sampler", [TPESampler(n_startup_trials=0), TPESampler(n_startup_trials=9)])
def test_a_joint_suggestion_avoids_duplicates_whatever_the_parameter_is_called(name, sampler):
    space = hpo.SearchSpace({name: KIND})
    state, trial = started(space, [{name: "a"}, {name: "b"}])
    keys = [hpo.Key(seed, ("trial", trial.number, "independent")) for seed in range(20)]
    assert {sampler(state, trial, space, key).params[name] for key in keys} == {"c"}


def test_a_lone_parameter_has_the_value_of_a_joint_one_in_a_random_search():
    alone = hpo.create_study(sampler=RandomSampler(), seed=1)
    together = hpo.create_study(sampler=RandomSampler(), space={"x": X, "independent": KIND}, seed=1)
    for study in (alone, together):
        study.optimize(
            lambda trial: (
                trial.suggest_float("x", 0.0, 1.0) + len(trial.suggest_categorical("independent", ["a", "b", "c"]))
            ),
            n_trials=5,
        )
    assert [trial.params for trial in alone.trials] == [trial.params for trial in together.trials]
