"""The numbers of the CMA-ES: its constants, its identities, and that it converges where it must."""

import math

import attrs
import numpy as np
import pytest
from scipy.stats import norm

from hpo.numerics.cma_es.margin import Cells, with_margin
from hpo.numerics.cma_es.model import Model, candidate, initial_model, strategy_parameters, updated


def minimized(f, n, *, generations, sigma=0.3, start=1.0, seed=0, **options):
    """The model after so many generations."""
    rng = np.random.default_rng(seed)
    strategy = strategy_parameters(n, **options)
    model = initial_model(strategy, np.full(n, start), sigma)
    for _ in range(generations):
        points = np.array([candidate(model, rng.standard_normal(n)) for _ in range(strategy.popsize)])
        model = updated(strategy, model, points[np.argsort([f(x) for x in points])])
    return model


def scales(n):
    return 10.0 ** (6.0 * np.arange(n) / (n - 1))


@pytest.mark.parametrize(("n", "popsize"), [(1, 4), (2, 6), (5, 8), (10, 10), (20, 12), (40, 15)])
def test_population_sizes_and_masses_are_the_published_ones(n, popsize):
    strategy = strategy_parameters(n)
    assert strategy.popsize == popsize
    assert strategy.mu_eff == pytest.approx(1.0 / (strategy.weights[: strategy.mu] ** 2).sum())
    assert popsize / 4 < strategy.mu_eff < popsize / 2  # about 0.3 popsize


@pytest.mark.parametrize("separable", [False, True])
@pytest.mark.parametrize("n", [1, 2, 3, 10, 100])
@pytest.mark.parametrize("popsize", [None, 2, 3, 50])
def test_recombination_weights_keep_the_covariance_positive(n, popsize, separable):
    s = strategy_parameters(n, popsize, separable=separable)
    assert s.weights[: s.mu].sum() == pytest.approx(1.0)
    assert (np.diff(s.weights) <= 1e-15).all()
    assert (s.weights[s.mu :] <= 0.0).all()
    assert 0.0 < s.c_1 <= 1.0
    assert s.c_1 + s.c_mu <= 1.0
    kept = 1.0 - s.c_1 - s.c_mu * s.weights.sum()
    assert kept + s.c_mu * n * s.weights[s.mu :].sum() >= -1e-12  # what eq. 52 is for


def test_the_mean_moves_to_the_weighted_mean_of_the_better_half():
    strategy = strategy_parameters(3)
    model = initial_model(strategy, np.array([0.1, 0.2, 0.3]), 0.5)
    points = model.mean + 0.5 * np.random.default_rng(1).standard_normal((strategy.popsize, 3))
    moved = updated(strategy, model, points)
    assert moved.mean == pytest.approx(strategy.weights[: strategy.mu] @ points[: strategy.mu])
    assert moved.generation == 1


def test_the_first_covariance_update_is_the_formula():
    strategy = strategy_parameters(4)
    s, rng = strategy, np.random.default_rng(2)
    model = initial_model(strategy, np.zeros(4), 0.5)
    steps = rng.standard_normal((s.popsize, 4))
    got = updated(strategy, model, 0.5 * steps)
    pull = sum(w * y for w, y in zip(s.weights[: s.mu], steps, strict=False))
    p_sigma = math.sqrt(s.c_sigma * (2 - s.c_sigma) * s.mu_eff) * pull
    assert got.p_sigma == pytest.approx(p_sigma)
    assert got.sigma == pytest.approx(0.5 * math.exp(s.c_sigma / s.d_sigma * (np.linalg.norm(p_sigma) / s.chi_n - 1.0)))
    expected = (1.0 - s.c_1 - s.c_mu * s.weights.sum()) * np.eye(4) + s.c_1 * np.outer(got.p_c, got.p_c)
    for w, y in zip(s.weights, steps, strict=True):
        expected += s.c_mu * (w if w >= 0 else w * 4 / (y @ y)) * np.outer(y, y)
    assert got.p_c == pytest.approx(math.sqrt(s.c_c * (2 - s.c_c) * s.mu_eff) * pull)
    assert got.covariance == pytest.approx(expected)


def test_axes_and_lengths_are_those_of_the_covariance():
    model = minimized(lambda x: scales(5) @ x**2, 5, generations=60)
    assert model.axes is not None
    assert (model.axes * model.lengths**2) @ model.axes.T == pytest.approx(model.covariance)
    assert model.axes @ model.axes.T == pytest.approx(np.eye(5), abs=1e-12)


def test_rotating_the_problem_rotates_the_run():
    rotation, _ = np.linalg.qr(np.random.default_rng(5).standard_normal((3, 3)))
    strategy = strategy_parameters(3)
    straight = turned = initial_model(strategy, np.zeros(3), 0.5)
    rng = np.random.default_rng(6)
    for _ in range(10):
        points = straight.mean + straight.sigma * rng.standard_normal((strategy.popsize, 3))
        straight = updated(strategy, straight, points)
        turned = updated(strategy, turned, points @ rotation.T)
    assert turned.mean == pytest.approx(rotation @ straight.mean)
    assert turned.sigma == pytest.approx(straight.sigma)
    assert turned.covariance == pytest.approx(rotation @ straight.covariance @ rotation.T)


@pytest.mark.parametrize("n", [1, 2, 10])
@pytest.mark.parametrize("separable", [False, True])
def test_it_converges_on_the_sphere(n, separable):
    model = minimized(lambda x: x @ x, n, generations=300, separable=separable)
    assert np.abs(model.mean).max() < 1e-6
    assert model.sigma < 1e-5


def test_it_learns_the_shape_of_an_ellipsoid():
    model = minimized(lambda x: scales(5) @ x**2, 5, generations=500)
    assert np.abs(model.mean).max() < 1e-6
    assert 1e5 < model.condition < 1e8  # 1e6 is the condition of the inverse Hessian
    assert (np.diff(np.log10(model.variances)) < -0.5).all()


def test_the_separable_strategy_learns_scales_sooner():
    full = minimized(lambda x: scales(10) @ x**2, 10, generations=200)
    separable = minimized(lambda x: scales(10) @ x**2, 10, generations=200, separable=True)
    assert scales(10) @ separable.mean**2 < 1e-2 * (scales(10) @ full.mean**2)


def test_the_step_of_an_injected_point_is_cut():
    strategy = strategy_parameters(2)
    model = initial_model(strategy, np.zeros(2), 0.1)
    points = np.vstack([[1e6, 0.0], np.zeros((strategy.popsize - 1, 2))])
    injected = np.arange(strategy.popsize) == 0
    moved = updated(strategy, model, points, injected=injected)
    cut = math.sqrt(2.0) + 2.0 * 2.0 / 4.0
    assert moved.mean == pytest.approx([strategy.weights[0] * 0.1 * cut, 0.0])


@pytest.mark.parametrize("separable", [False, True])
def test_repeated_points_leave_everything_finite(separable):
    strategy = strategy_parameters(3, separable=separable)
    model = initial_model(strategy, np.full(3, 0.5), 0.2)
    for _ in range(2000):
        model = updated(strategy, model, np.tile(model.mean, (strategy.popsize, 1)))
    assert np.isfinite(model.covariance).all()
    assert model.sigma > 0.0
    assert model.condition <= 1.1e14
    assert np.isfinite(candidate(model, np.ones(3))).all()


def cell_probabilities(model: Model, borders):
    deviation = model.sigma * math.sqrt(model.variances[0]) * model.stretch[0]
    return np.diff(norm.cdf([-math.inf, *borders, math.inf], model.mean[0], deviation))


@pytest.mark.parametrize("mean", [0.34, 0.5, 0.6])
def test_in_an_inner_cell_either_side_keeps_half_of_alpha(mean):
    borders = np.array([0.33, 0.66])
    model = initial_model(strategy_parameters(1), np.array([mean]), 1e-5)
    kept = with_margin(model, Cells(np.array([0]), (borders,)), 0.1)
    below, _, above = cell_probabilities(kept, borders)
    assert below >= 0.05 - 1e-9
    assert above >= 0.05 - 1e-9
    assert 0.33 < kept.mean[0] < 0.66


@pytest.mark.parametrize("mean", [-0.4, 0.1, 0.9, 1.5])
def test_in_an_outermost_cell_the_neighbour_keeps_alpha(mean):
    borders = np.array([0.33, 0.66])
    model = initial_model(strategy_parameters(1), np.array([mean]), 1e-5)
    kept = with_margin(model, Cells(np.array([0]), (borders,)), 0.1)
    neighbours = cell_probabilities(kept, borders)
    assert neighbours[0 if mean > 0.5 else 2] + neighbours[1] >= 0.1 - 1e-9
    assert (kept.mean[0] < 0.5) == (mean < 0.5)


def test_a_wide_distribution_is_left_as_it_is():
    borders = np.array([0.33, 0.66])
    model = initial_model(strategy_parameters(1), np.array([0.5]), 1.0)
    kept = with_margin(model, Cells(np.array([0]), (borders,)), 0.1)
    assert kept.mean == pytest.approx(model.mean)
    assert kept.stretch == pytest.approx(model.stretch)


def test_draws_have_the_covariance_that_a_run_begins_with():
    covariance = np.array([[4.0, 1.0], [1.0, 0.5]])
    full = initial_model(strategy_parameters(2), np.zeros(2), 0.2, covariance=covariance)
    assert full.spread @ full.spread.T == pytest.approx(0.04 * covariance)
    separable = initial_model(strategy_parameters(2, separable=True), np.zeros(2), 0.2, covariance=covariance)
    assert separable.spread**2 == pytest.approx(0.04 * np.array([4.0, 0.5]))


def test_a_stretched_dimension_is_drawn_wider():
    model = attrs.evolve(initial_model(strategy_parameters(2), np.zeros(2), 0.1), stretch=np.array([1.0, 3.0]))
    assert candidate(model, [1.0, 1.0]).tolist() == pytest.approx([0.1, 0.3])
