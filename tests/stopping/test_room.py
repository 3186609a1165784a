"""Estimates of the room for improvement by a Gaussian process: units, directions, what is left at the end, and what counts."""

import math

import numpy as np
import pytest

import hpo
from hpo.core import FloatDistribution, TrialState, create_trial
from hpo.errors import InvalidArgument, SeveralObjectives
from hpo.stopping import EMMR, ExpectedImprovement, RegretBound
from hpo.stopping.room import expected_improvement, minimum_regret_gap, regret_bound

SPACE = {"x": FloatDistribution(0.0, 1.0), "y": FloatDistribution(0.0, 1.0)}
ESTIMATES = [regret_bound, expected_improvement, minimum_regret_gap]


def at(x, y, value, number=0, **more):
    return create_trial(value=value, params={"x": x, "y": y}, distributions=SPACE, **more)


def trials(loss, n=30, seed=0):
    points = np.random.default_rng(seed).random((n, 2)).tolist()
    return [at(x, y, loss(x, y)) for x, y in points]


def bowl(x, y):
    return (x - 0.3) ** 2 + 3.0 * (y - 0.8) ** 2


@pytest.mark.parametrize("estimate", ESTIMATES)
def test_the_estimate_has_the_unit_of_the_objective_and_knows_no_zero(estimate):
    one = estimate(trials(bowl), maximized=False)
    other = estimate(trials(lambda x, y: 1000.0 * bowl(x, y) + 7.0), maximized=False)
    assert 0.0 < one < 1.0
    assert other == pytest.approx(1000.0 * one, rel=1e-3)


@pytest.mark.parametrize("estimate", ESTIMATES)
def test_maximizing_is_minimizing_what_has_the_other_sign(estimate):
    one = estimate(trials(bowl), maximized=False)
    assert estimate(trials(lambda x, y: -bowl(x, y)), maximized=True) == one


@pytest.mark.parametrize("estimate", ESTIMATES)
def test_at_the_end_there_is_less_room(estimate):
    near = [at(0.3 + 0.01 * math.cos(angle), 0.8 + 0.01 * math.sin(angle), 0.0) for angle in range(6)]
    near = [at(trial.params["x"], trial.params["y"], bowl(**trial.params)) for trial in near]
    begun = trials(bowl, 12)
    assert estimate([*begun, *near], maximized=False) < 0.3 * estimate(begun, maximized=False)


def test_the_regret_bound_is_no_less_than_the_regret():
    for seed in range(5):
        known = trials(bowl, 25, seed)
        assert regret_bound(known, maximized=False) > min(trial.value for trial in known)  # the optimum is 0


def test_the_expected_improvement_is_that_of_a_fine_grid():
    known = trials(bowl, 15)
    found = expected_improvement(known, maximized=False)
    study = hpo.create_study()
    study.add_trials(known)
    grid = np.linspace(0.0, 1.0, 12)
    nodes, weights = np.polynomial.hermite_e.hermegauss(16)
    best = min(study.predict(trial.params)[0].mean for trial in known)
    gains = []
    for x in grid:
        for y in grid:
            (predicted,) = study.predict({"x": x, "y": y})
            gains.append(np.maximum(best - predicted.mean - predicted.deviation * nodes, 0.0) @ weights)
    assert found > 0.8 * max(gains) / weights.sum()


@pytest.mark.parametrize("estimate", ESTIMATES)
def test_infeasible_and_unfinished_trials_do_not_count(estimate):
    known = trials(bowl)
    others = [
        at(0.3, 0.8, -5.0, constraints={"c": 1.0}),
        create_trial(state=TrialState.PRUNED, params={"x": 0.3, "y": 0.8}, distributions=SPACE),
        create_trial(state=TrialState.FAIL),
    ]
    assert estimate([*known, *others], maximized=False) == estimate(known, maximized=False)


@pytest.mark.parametrize("estimate", ESTIMATES)
@pytest.mark.parametrize("value", [1.0, math.inf, 1e300])
def test_results_that_are_all_alike_have_an_answer(estimate, value):
    assert estimate(trials(lambda x, y: value), maximized=False) >= 0.0


@pytest.mark.parametrize("estimate", ESTIMATES)
def test_without_trials_or_parameters_the_room_is_endless(estimate):
    assert estimate([], maximized=False) == math.inf
    assert estimate([create_trial(value=float(i)) for i in range(5)], maximized=False) == math.inf


@pytest.mark.parametrize("rule", [RegretBound(0.01), ExpectedImprovement(0.01), EMMR(0.01)])
def test_rules_wait_for_enough_trials_and_refuse_several_objectives(rule):
    study = hpo.create_study()
    study.add_trials(trials(lambda x, y: 0.0, 19))
    assert rule(study.state) is None
    study.add_trial(at(0.5, 0.5, 0.0))
    stop = rule(study.state)
    assert stop is not None
    assert stop.reason["limit"] == 0.01
    with pytest.raises(SeveralObjectives, match=type(rule).__name__):
        rule(hpo.create_study(directions=["minimize"] * 2).state)


def test_rules_go_on_while_there_is_room():
    study = hpo.create_study()
    study.add_trials(trials(lambda x, y: math.sin(9 * x) + math.cos(7 * y), 25))
    for rule in (RegretBound(1e-3), ExpectedImprovement(1e-6), EMMR(1e-4)):
        assert rule(study.state) is None


@pytest.mark.parametrize("make", [RegretBound, ExpectedImprovement, EMMR])
@pytest.mark.parametrize("limit", [-1.0, math.inf, math.nan])
def test_limits_are_checked(make, limit):
    with pytest.raises(InvalidArgument, match="limit"):
        make(limit)
