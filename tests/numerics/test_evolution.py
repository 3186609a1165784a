"""Crossovers, mutations and survival: known answers, Optuna as an oracle, and laws."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

from hpo.numerics.evolution import (
    best_by_crowding,
    best_by_hypervolume,
    best_by_reference_points,
    blend,
    crowding_distances,
    gaussian,
    polynomial,
    reference_points_on_simplex,
    simulated_binary,
    uniform,
    unimodal_normal,
    vector_simulated_binary,
)
from hpo.numerics.evolution.survival import _in_order
from hpo.numerics.pareto.hypervolume import comparable, contributions
from hpo.numerics.pareto.nondomination import nondomination_ranks

GENERATOR = np.random.default_rng(7)
SURVIVALS = {
    "crowding": best_by_crowding,
    "hypervolume": best_by_hypervolume,
    "reference points": lambda losses, size: best_by_reference_points(
        losses, size, reference_points_on_simplex(losses.shape[1], 3)
    ),
}
every_survival = pytest.mark.parametrize("name", SURVIVALS)


def losses_of(n, m, seed, *, whole=False):
    generator = np.random.default_rng(seed)
    return generator.integers(0, 5, (n, m)).astype(float) if whole else generator.random((n, m))


def test_crossed_children_have_the_mean_and_the_spread_that_the_equations_say():
    parents = np.array([[0.4], [0.6]])
    u = GENERATOR.random((20_000, 3, 1))
    sbx = np.array([simulated_binary(parents, one, eta=2.0, crossed=1.0)[0] for one in u])
    assert sbx.mean() == pytest.approx(0.5, abs=0.005)
    # half of the children are outside of the parents: the spread factor is below 1 with probability 1/2
    assert ((sbx < 0.4) | (sbx > 0.6)).mean() == pytest.approx(0.5, abs=0.02)
    assert sbx.min() >= 0.0
    assert sbx.max() <= 1.0
    blended = np.array([blend(parents, one)[0] for one in u])
    assert blended.mean() == pytest.approx(0.5, abs=0.005)
    assert (blended.min(), blended.max()) == pytest.approx((0.3, 0.7), abs=0.001)
    vsbx = np.array([vector_simulated_binary(parents, one, eta=2.0, crossed=1.0)[0] for one in u])
    # it has no bounds
    assert vsbx.max() > sbx.max()


def test_a_cross_around_the_middle_is_as_wide_as_its_parents_say():
    parents = np.array([[0.2, 0.5], [0.8, 0.5], [0.5, 0.9]])
    children = np.array([unimodal_normal(parents, one, 0.5, 0.25) for one in GENERATOR.random((20_000, 3, 2))])
    assert children.mean(axis=0) == pytest.approx([0.5, 0.5], abs=0.01)
    # half of the distance of the first two along, and a quarter of the third one's distance across
    assert children.std(axis=0) == pytest.approx([0.5 * 0.6, 0.25 * 0.4], rel=0.03)


def test_equal_parents_have_an_equal_child():
    parents = np.array([[0.25, 0.0, 1.0]] * 3)
    for cross, n in (
        (uniform, 2),
        (blend, 2),
        (simulated_binary, 2),
        (vector_simulated_binary, 2),
        (unimodal_normal, 3),
    ):
        child = cross(parents[:n], GENERATOR.random((3, 3)))
        assert child == pytest.approx(parents[0], abs=1e-12), cross.__name__


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0, exclude_max=True), st.floats(0.0, 100.0))
def test_mutated_numbers_stay_inside_and_move_to_the_side_of_the_random_number(value, number, eta):
    mutated = polynomial(value, number, eta)
    assert 0.0 <= mutated <= 1.0
    assert mutated <= value + 1e-12 if number < 0.5 else mutated >= value - 1e-12
    assert 0.0 <= gaussian(value, number) <= 1.0


def test_steps_are_smaller_with_a_larger_eta():
    steps = [abs(polynomial(0.5, 0.9, eta) - 0.5) for eta in (1.0, 5.0, 20.0, 100.0)]
    assert steps == sorted(steps, reverse=True)
    assert polynomial(0.3, 1e-300, 20.0) == pytest.approx(0.0, abs=1e-9)


@every_survival
@pytest.mark.parametrize("m", [1, 2, 3, 4])
@pytest.mark.parametrize("whole", [False, True])
def test_better_fronts_survive_first(name, m, whole):
    losses = losses_of(40, m, m, whole=whole)
    ranks = nondomination_ranks(losses)
    for size in (0, 1, 7, 20, 40, 60):
        kept = SURVIVALS[name](losses, size)
        assert len(kept) == len({*kept.tolist()}) == min(size, 40)
        assert (np.diff(ranks[kept]) >= 0).all()
        if len(kept):
            assert {*np.flatnonzero(ranks < ranks[kept].max()).tolist()} <= {*kept.tolist()}


@every_survival
@pytest.mark.parametrize("m", [2, 3])
def test_units_and_zeros_do_not_matter(name, m):
    losses = losses_of(30, m, 5)
    other = losses * 2.0 ** np.arange(m) - 8.0
    assert SURVIVALS[name](losses, 9).tolist() == SURVIVALS[name](other, 9).tolist()


@every_survival
def test_infinite_and_huge_losses_are_ordered(name):
    losses = np.array([[math.inf, 0.0], [0.0, math.inf], [-math.inf, 1e308], [1e308, -1e308], [1.0, 1.0], [1.0, 1.0]])
    kept = SURVIVALS[name](losses, 4)
    assert len(kept) == 4
    assert SURVIVALS[name](np.empty((0, 2)), 3).tolist() == []


@pytest.mark.parametrize("n", [1, 2, 3, 30, 90])
def test_few_points_are_ordered_as_many_are(n):
    for seed, whole in itertools.product(range(5), (False, True)):
        losses = losses_of(n, 2, seed, whole=whole)
        order, ranks = _in_order(losses)
        assert ranks.tolist() == nondomination_ranks(losses).tolist()
        distances = crowding_distances(losses, ranks)
        if whole:  # equal points may be in any order
            assert (np.diff(ranks[order]) >= 0).all()
        else:
            assert order.tolist() == np.lexsort((-distances, ranks)).tolist()


def test_crowding_distances_are_those_of_optuna():
    optuna = pytest.importorskip("optuna")
    from optuna.samplers.nsgaii._elite_population_selection_strategy import _calc_crowding_distance

    for m, whole in itertools.product((2, 3, 4), (False, True)):
        losses = losses_of(25, m, m)
        if whole:  # a front has different values only
            losses = np.argsort(losses, axis=0).astype(float)
        trials = [optuna.trial.create_trial(values=row) for row in losses.tolist()]
        for number, trial in enumerate(trials):
            trial.number = number
        theirs = _calc_crowding_distance([*trials])
        own = crowding_distances(losses, np.zeros(25, dtype=np.int64))
        assert own == pytest.approx([theirs[number] for number in range(25)])


def test_the_point_that_goes_adds_least_to_the_hypervolume():
    angles = np.sort(GENERATOR.random(12)) * math.pi / 2
    front = np.stack((1.0 - np.cos(angles), 1.0 - np.sin(angles)), axis=1)
    kept = best_by_hypervolume(front, 11)
    scaled, reference = comparable(front)
    added = contributions(scaled, reference)
    ends = [int(front[:, 0].argmin()), int(front[:, 1].argmin())]
    added[ends] = math.inf  # which stay anyway
    assert ({*range(12)} - {*kept.tolist()}) == {int(added.argmin())}


@pytest.mark.parametrize(("m", "divisions"), [(1, 4), (2, 3), (3, 12), (5, 2)])
def test_reference_points_are_all_points_of_a_grid_on_the_simplex(m, divisions):
    points = reference_points_on_simplex(m, divisions)
    assert len({*map(tuple, points.tolist())}) == len(points) == math.comb(m + divisions - 1, divisions)
    assert points.sum(axis=1) == pytest.approx(np.ones(len(points)))
    assert (points >= 0.0).all()


def test_each_direction_gets_a_survivor_before_any_gets_two():
    generator = np.random.default_rng(3)
    directions = reference_points_on_simplex(3, 3)
    # many points in one direction, and one in each of the others
    one = directions[4] + generator.normal(0.0, 0.01, (30, 3))
    losses = np.concatenate((np.abs(one), directions)) + 1e-3
    losses /= losses.sum(axis=1, keepdims=True)
    kept = best_by_reference_points(losses, 10, directions)
    nearest = (losses[kept] @ (directions / np.linalg.norm(directions, axis=1, keepdims=True)).T).argmax(axis=1)
    assert sorted(nearest.tolist()) == [*range(10)]
