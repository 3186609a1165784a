"""Samplers keep away from parameters that make trials fail, and ignore failures that the parameters do not predict."""

import math

import numpy as np
import pytest
from sampled_studies import suggested

from hpo.core import (
    CategoricalDistribution,
    FloatDistribution,
    History,
    IntDistribution,
    SearchSpace,
    StudyState,
    TrialState,
    ask,
    create_trial,
    identity_of,
    tell,
)
from hpo.core.values.json_tree import Identity
from hpo.samplers import CmaEsSampler, RandomSampler, TPESampler
from hpo.samplers.parts import UnitCube, learned_feasibility
from hpo.study.replaying.rebuild import rebuild_advisor

UNIT = FloatDistribution(0.0, 1.0)
PLANE = SearchSpace({"x": UNIT, "y": UNIT})
MACHINE = SearchSpace(
    {
        "width": IntDistribution(1, 64, log=True),
        "height": IntDistribution(1, 64, log=True),
        "order": CategoricalDistribution(["rows", "columns", "tiles"]),
        "rate": UNIT,
    }
)


def run(sampler, space, fails, n_trials, seed, loss=lambda params: 1.0):
    """Return a study in which trials fail where `fails(params, random number)` says so."""
    state, chance = StudyState.create(seed=seed), np.random.default_rng(seed)
    for _ in range(n_trials):
        state, trial = ask(state, sampler, space)
        failed = fails(trial.params, chance.random())
        state = tell(state, trial, state="fail") if failed else tell(state, trial, loss(trial.params))
    return state


def n_failed(state, first=0):
    return sum(trial.state is TrialState.FAIL for trial in state.finished[first:])


def by_chance(params, chance):
    return chance < 0.3


SHAPES = {
    "one side": (PLANE, lambda params, chance: params["y"] > 0.6),
    "the middle": (PLANE, lambda params, chance: abs(params["x"] - 0.5) < 0.25),
    "a product": (MACHINE, lambda params, chance: params["width"] * params["height"] > 100),
    "one choice": (MACHINE, lambda params, chance: params["order"] == "tiles"),
    "a choice given a number": (MACHINE, lambda params, chance: params["order"] == "tiles" or params["rate"] > 0.7),
    "a region on a machine that fails too": (PLANE, lambda params, chance: params["y"] > 0.6 or chance < 0.1),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_failures_that_parameters_cause_are_predicted_on_points_not_seen(shape):
    space, fails = SHAPES[shape]
    cube, right = UnitCube.of(space), []
    for seed in range(2):
        feasible = learned_feasibility(run(RandomSampler(), space, fails, 100, seed), cube)
        assert feasible is not None
        others = run(RandomSampler(), space, lambda params, chance: False, 100, seed + 50).finished
        likely = feasible.probabilities(np.array([cube.point(trial) for trial in others])) > 0.5
        right += [bool(a) != fails(trial.params, 1.0) for a, trial in zip(likely, others, strict=True)]
    assert np.mean(right) > 0.85


@pytest.mark.parametrize("space", [PLANE, MACHINE])
@pytest.mark.parametrize("n_trials", [25, 60])
def test_failures_by_chance_are_ignored(space, n_trials):
    cube = UnitCube.of(space)
    believed = [
        learned_feasibility(run(RandomSampler(), space, by_chance, n_trials, seed), cube) is not None
        for seed in range(12)
    ]
    assert sum(believed) <= 2


def test_a_machine_that_fails_for_a_while_is_chance():
    state = StudyState.create(seed=3)
    for number in range(80):
        state, trial = ask(state, RandomSampler(), PLANE)
        state = tell(state, trial, state="fail") if 30 <= number < 45 else tell(state, trial, 1.0)
    assert learned_feasibility(state, UnitCube.of(PLANE)) is None


def test_a_study_without_failures_has_nothing_to_learn_from():
    assert (
        learned_feasibility(run(RandomSampler(), PLANE, lambda params, chance: False, 30, 0), UnitCube.of(PLANE))
        is None
    )


@pytest.mark.parametrize("first", [0, 40, 300])
def test_the_first_failure_may_come_late(first):
    def at(x, **result):
        return create_trial(params={"x": x}, distributions={"x": UNIT}, **result)

    early = [at(0.5 * i / first, value=1.0) for i in range(first)]
    late = [at(0.9, state=TrialState.FAIL) if i % 2 else at(0.3, value=1.0) for i in range(20)]
    cube = UnitCube.of(SearchSpace({"x": UNIT}))
    feasible = learned_feasibility(StudyState(finished=History([*early, *late])), cube)
    assert feasible is not None
    low, high = feasible.probabilities(np.array([[0.3], [0.9]]))
    assert low > 0.8
    assert high < 0.4


def test_a_column_that_is_not_known_yet_is_left_open():
    feasible = learned_feasibility(run(RandomSampler(), *SHAPES["one side"], 80, 0), UnitCube.of(PLANE))
    open_, low, high = feasible.probabilities(np.array([[0.5, math.nan], [0.5, 0.1], [0.5, 0.95]]))
    assert high < 0.3 < open_ < 0.8 < low


@pytest.mark.parametrize("multivariate", [True, False])
@pytest.mark.parametrize("best", [0.4, 0.6, 0.9])
def test_tpe_is_not_drawn_to_where_trials_fail(multivariate, best):
    sampler = TPESampler(multivariate=multivariate)
    rates = [
        n_failed(run(sampler, *SHAPES["one side"], 60, seed, lambda p: (p["x"] - 0.3) ** 2 + (p["y"] - best) ** 2), 20)
        for seed in range(4)
    ]
    assert np.mean(rates) / 40 <= 0.2


def test_cma_es_is_not_drawn_to_where_trials_fail():
    def loss(params):
        return (params["x"] - 0.3) ** 2 + (params["y"] - 0.9) ** 2

    learning, ignoring = (
        sum(n_failed(run(sampler, *SHAPES["one side"], 80, seed, loss), 20) for seed in range(6))
        for sampler in (CmaEsSampler(), CmaEsSampler(consider_failed_trials=False))
    )
    assert learning < 0.75 * ignoring
    assert learning <= 0.3 * 6 * 60


@pytest.mark.parametrize(
    ("learning", "ignoring"),
    [
        (TPESampler(), TPESampler(consider_failed_trials=False)),
        (TPESampler(multivariate=False), TPESampler(multivariate=False, consider_failed_trials=False)),
        (CmaEsSampler(), CmaEsSampler(consider_failed_trials=False)),
    ],
)
def test_nothing_changes_without_failures_and_as_long_as_they_look_like_chance(learning, ignoring):
    def loss(params):
        return params["x"] + params["y"]

    for fails, seed in ((lambda params, chance: False, 0), (by_chance, 0), (by_chance, 1)):
        state = run(ignoring, PLANE, fails, 50, seed, loss)
        assert learned_feasibility(state, UnitCube.of(PLANE)) is None
        assert suggested(state, PLANE, learning) == suggested(state, PLANE, ignoring)


def test_a_note_says_how_likely_a_trial_is_to_succeed():
    state = run(TPESampler(), *SHAPES["one side"], 50, 0)
    assert 0.0 < state.finished[-1].note["feasibility"] <= 1.0
    ignoring = run(TPESampler(consider_failed_trials=False), *SHAPES["one side"], 50, 0)
    assert "feasibility" not in ignoring.finished[-1].note


def test_samplers_of_earlier_journals_ignore_failures_as_they_did():
    recorded = identity_of(CmaEsSampler(sigma0=0.2))
    options = {name: value for name, value in recorded.options.items() if name != "consider_failed_trials"}
    rebuilt = rebuild_advisor(Identity(recorded.name, recorded.version, options))
    assert rebuilt == CmaEsSampler(sigma0=0.2, consider_failed_trials=False)
    assert rebuild_advisor(recorded) == CmaEsSampler(sigma0=0.2)
    tpe = identity_of(TPESampler(consider_failed_trials=False))
    assert rebuild_advisor(tpe).consider_failed_trials is False
    assert rebuild_advisor(identity_of(TPESampler())).consider_failed_trials is None
