"""The options of the TPE: checked, and each with an effect on what is suggested."""

import math
import statistics

import attrs
import numpy as np
import pytest
from sampled_studies import EAGER, MIXED, study, suggested

from hpo.core import FloatDistribution, IntDistribution, SearchSpace
from hpo.errors import InvalidArgument, InvalidType
from hpo.samplers.parts.observations import Fold
from hpo.samplers.parts.unit_cube import UnitCube
from hpo.samplers.random import RandomSampler
from hpo.samplers.tpe import TPESampler, default_gamma, default_weights, hyperopt_gamma, model as tpe_model
from hpo.samplers.tpe.model import fitted


def fold_of(state, space=MIXED):
    return Fold(state.directions, UnitCube.of(SearchSpace.of(space)).columns)


def test_hyperopt_parameters_make_a_sampler_that_works():
    sampler = TPESampler(**TPESampler.hyperopt_parameters())
    assert sampler.n_startup_trials == 20
    assert suggested(study(20), sampler=sampler).note["rule"] == "model"


def test_gammas_and_weights_are_the_published_ones():
    assert [default_gamma(n) for n in (0, 1, 10, 14, 1000)] == [0, 1, 2, 3, 25]
    assert [hyperopt_gamma(n) for n in (0, 1, 16, 17, 100_000)] == [0, 1, 1, 2, 25]
    weights = default_weights(100)
    assert weights.shape == (100,)
    assert (weights[0], weights[74], weights[-1]) == (0.01, 1.0, 1.0)
    assert (np.diff(weights[:75]) > 0).all()


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"n_startup_trials": -1}, InvalidArgument, r"n_startup_trials is a whole number from 0 on, got -1"),
        ({"n_startup_trials": "ten"}, InvalidArgument, r"n_startup_trials .* got 'ten'"),
        ({"n_ei_candidates": 0}, InvalidArgument, r"n_ei_candidates is a whole number from 1 on, got 0"),
        ({"n_ei_candidates": 2.5}, InvalidArgument, r"n_ei_candidates .* got 2\.5"),
        ({"prior_weight": 0.0}, InvalidArgument, r"prior_weight is a finite number above 0, got 0\.0"),
        ({"prior_weight": math.inf}, InvalidArgument, r"prior_weight .* got inf"),
        ({"prior_weight": math.nan}, InvalidArgument, r"prior_weight .* got nan"),
        ({"prior_weight": None}, InvalidArgument, r"prior_weight .* got None"),
        ({"constant_liar": "yes"}, InvalidType, r"constant_liar is True or False, got 'yes'"),
        ({"consider_magic_clip": 1}, InvalidType, r"consider_magic_clip .* got 1"),
        ({"gamma": 0.1}, InvalidType, r"gamma is a function .* got 0\.1"),
        ({"weights": [1.0]}, InvalidType, r"weights is a function .* got \[1\.0\]"),
        ({"seed": "abc"}, InvalidType, r"seed is an int or None, got 'abc'"),
    ],
)
def test_invalid_options_are_named(options, error, match):
    with pytest.raises(error, match=match):
        TPESampler(**options)


def test_whole_numbers_of_other_types_are_taken():
    sampler = TPESampler(seed=np.int64(3), n_startup_trials=5.0)
    assert (sampler.seed, type(sampler.seed), type(sampler.n_startup_trials)) == (3, int, int)


@pytest.mark.parametrize(
    ("sampler", "error", "match"),
    [
        (TPESampler(n_startup_trials=0, gamma=lambda n: 0.5), InvalidType, r"gamma must return a whole number"),
        (TPESampler(n_startup_trials=0, weights=lambda n: -np.ones(n)), InvalidArgument, r"weights must return one"),
        (TPESampler(n_startup_trials=0, weights=lambda n: np.ones(n + 1)), InvalidArgument, r"weights must return one"),
        (
            TPESampler(n_startup_trials=0, weights=lambda n: np.full(n, 1e308)),
            InvalidArgument,
            r"weights must return one",
        ),
    ],
)
def test_functions_with_invalid_results_are_named(sampler, error, match):
    with pytest.raises(error, match=match):
        suggested(study(20), sampler=sampler)


@pytest.mark.parametrize("gamma", [lambda n: 0, lambda n: n, lambda n: 10 * n, lambda n: -3])
def test_all_or_none_of_the_trials_may_be_good(gamma):
    assert suggested(study(8), sampler=TPESampler(n_startup_trials=0, gamma=gamma)).note["rule"] == "model"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prior_weight", 3.0),
        ("gamma", hyperopt_gamma),
        ("weights", lambda n: np.arange(n) + 1.0),
        ("consider_endpoints", True),
        ("n_ei_candidates", 5),
    ],
)
def test_each_option_of_the_model_has_an_effect(field, value):
    state = study(60)
    other = attrs.evolve(EAGER, **{field: value})
    assert any(suggested(state, sampler=other, seed=seed) != suggested(state, seed=seed) for seed in range(10))


def test_the_magic_clip_keeps_kernels_wide():
    state = study(12, lambda p: (p["x"] - 2.0) ** 2, {"x": FloatDistribution(0.0, 10.0)})
    best = min(state.finished, key=lambda t: t.value).params["x"]

    def distances(clip):
        sampler = TPESampler(n_startup_trials=0, prior_weight=1e-3, consider_magic_clip=clip, gamma=lambda n: 1)
        answers = [suggested(state, {"x": FloatDistribution(0.0, 10.0)}, sampler, seed=s) for s in range(20)]
        return statistics.median(abs(a.params["x"] - best) for a in answers)

    assert distances(clip=True) > 3 * distances(clip=False)


def test_weights_are_given_to_each_group_in_the_order_told():
    state = study(30)
    fold = fold_of(state)
    carry = state.finished.fold(fold)
    cube = UnitCube.of(MIXED)
    asked = []

    def weights(n):
        asked.append(n)
        return np.arange(n) + 1.0

    model = fitted(attrs.evolve(EAGER, weights=weights), cube, fold, carry, np.empty((0, 6)), {})
    points = cube.units(fold.values(carry.rows.array))
    losses = np.array([t.value for t in state.finished])
    good = np.sort(np.argsort(losses, kind="stable")[:5])
    assert asked == [5, 25]
    np.testing.assert_array_equal(model.good.observations, points[good])
    np.testing.assert_array_equal(model.bad.observations, np.delete(points, good, axis=0))
    np.testing.assert_allclose(model.bad.weights, np.append(np.arange(25) + 1.0, 1.0) / 326.0)


def test_the_better_of_the_good_trials_weigh_more():
    state = study(30)
    fold = fold_of(state)
    model = fitted(EAGER, UnitCube.of(MIXED), fold, state.finished.fold(fold), np.empty((0, 6)), {})
    losses = np.array([t.value for t in state.finished])
    weights = model.good.weights[:-1]
    values = losses[np.sort(np.argsort(losses)[:5])]
    assert (np.argsort(-weights) == np.argsort(values)).all()


def test_coarse_grids_are_modelled_by_the_mass_of_their_cells(monkeypatch):
    space = {"k": IntDistribution(1, 9), "p": FloatDistribution(0.0, 1.0, step=0.1)}
    state = study(60, lambda p: abs(p["k"] - 2) + p["p"], space, RandomSampler())
    by_mass = [suggested(state, space, seed=seed).params for seed in range(30)]
    monkeypatch.setattr(tpe_model, "cells_at", lambda cube, points: {})
    by_point = [suggested(state, space, seed=seed).params for seed in range(30)]
    assert by_mass != by_point
