"""Expected gains of hypervolume: against sampled gains, direct hypervolumes and finite differences, and far away."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from hpo.numerics.gp import Boxes, log_expected_hypervolume_improvement, log_expected_improvement
from hpo.numerics.pareto import free_boxes
from hpo.numerics.pareto.hypervolume import hypervolume

REFERENCES = {k: np.full(k, 1.5) for k in (2, 3, 4)}


def world(rng, k, n=10):
    front = rng.normal(size=(n, k))
    return front, Boxes.of(*free_boxes(front, REFERENCES[k]))


@pytest.mark.parametrize("k", [2, 3, 4])
@pytest.mark.parametrize("n", [0, 1, 7, 30])
@pytest.mark.parametrize("digits", [0, 8])
def test_boxes_cover_what_no_point_dominates_once(k, n, digits):
    rng = np.random.default_rng(n)
    front = np.round(rng.normal(size=(n, k)), digits)  # rounded ones have many equal losses
    lows, highs = free_boxes(front, REFERENCES[k])
    places = rng.normal(size=(4000, k))
    places = places[(places < REFERENCES[k]).all(axis=1)]
    times = ((places[:, None] >= lows) & (places[:, None] < highs)).all(axis=2).sum(axis=1)
    dominated = (front <= places[:, None]).all(axis=2).any(axis=1)
    assert (times == ~dominated).all()


def test_the_number_of_boxes_is_that_of_the_paper():
    steps = np.linspace(0.0, 1.0, 20)
    assert len(free_boxes(np.stack([steps, 1.0 - steps], axis=1), np.full(2, 1.5))[0]) == 21
    angles = np.random.default_rng(0).random((20, 3)) + 0.1
    sphere = angles / np.linalg.norm(angles, axis=1, keepdims=True)
    assert len(free_boxes(sphere, np.full(3, 1.5))[0]) <= 41


@pytest.mark.parametrize("k", [2, 3, 4])
def test_without_uncertainty_it_is_the_gain_itself(k):
    rng = np.random.default_rng(k)
    front, boxes = world(rng, k)
    points = rng.normal(-0.5, 1.0, size=(20, k))
    before = hypervolume(front, REFERENCES[k])
    gains = np.array([hypervolume(np.vstack([front, point]), REFERENCES[k]) - before for point in points])
    variances = [np.full(20, 1e-16)] * k
    logs, *_ = log_expected_hypervolume_improvement([column[:, None] for column in points.T], variances, [boxes])
    assert (gains > 0).sum() > 5
    assert_allclose(np.exp(logs[gains > 0]), gains[gains > 0], rtol=1e-6)


@pytest.mark.parametrize("k", [2, 3])
def test_it_is_the_mean_of_sampled_gains(k):
    rng = np.random.default_rng(k)
    front, boxes = world(rng, k)
    mean, deviation = np.full(k, 0.2), np.linspace(0.3, 0.9, k)
    sampled = mean + deviation * rng.normal(size=(4000, k))
    before = hypervolume(front, REFERENCES[k])
    gains = [hypervolume(np.vstack([front, point]), REFERENCES[k]) - before for point in sampled]
    logs, *_ = log_expected_hypervolume_improvement(list(mean[:, None, None]), list((deviation**2)[:, None]), [boxes])
    assert abs(np.exp(logs[0]) - np.mean(gains)) < 4.0 * np.std(gains) / np.sqrt(len(gains))


@pytest.mark.parametrize("shift", [0.0, 6.0, 60.0])
def test_derivatives_are_those_of_finite_differences(shift):
    rng = np.random.default_rng(0)
    k, m, worlds = 3, 6, [world(np.random.default_rng(seed), 3)[1] for seed in (1, 2)]
    means = [rng.normal(size=(m, 2)) + shift for _ in range(k)]
    variances = [rng.random(m) + 0.1 for _ in range(k)]
    _, by_mean, by_variance = log_expected_hypervolume_improvement(means, variances, worlds)
    for j in range(k):
        step = np.zeros((k, m, 2))
        step[j, :, 1] = 1e-6
        up = log_expected_hypervolume_improvement(means + step, variances, worlds)[0]
        down = log_expected_hypervolume_improvement(means - step, variances, worlds)[0]
        assert_allclose(by_mean[j][:, 1], (up - down) / 2e-6, rtol=1e-4, atol=1e-6)
        step = np.zeros((k, m))
        step[j] = 1e-7
        up = log_expected_hypervolume_improvement(means, variances + step, worlds)[0]
        down = log_expected_hypervolume_improvement(means, variances - step, worlds)[0]
        assert_allclose(by_variance[j], (up - down) / 2e-7, rtol=1e-3, atol=1e-5)


def test_with_one_loss_it_is_the_expected_improvement():
    rng = np.random.default_rng(0)
    means, variances = rng.normal(size=(9, 1)) * 5.0, rng.random(9) + 0.01
    logs, by_mean, by_variance = log_expected_improvement(means, variances, np.array([0.3]))
    boxes = Boxes.of(*free_boxes(np.array([[0.3], [0.7]]), np.array([1.0])))
    found = log_expected_hypervolume_improvement([means], [variances], [boxes])
    assert_allclose(found[0], logs, rtol=1e-12)
    assert_allclose(found[1][0], by_mean, rtol=1e-9)
    assert_allclose(found[2][0], by_variance, rtol=1e-9, atol=1e-12)


def test_far_away_it_still_says_which_way_is_better():
    _, boxes = world(np.random.default_rng(0), 2)
    means = [np.array([[300.0], [400.0]]), np.array([[300.0], [400.0]])]
    logs, by_mean, by_variance = log_expected_hypervolume_improvement(means, [np.ones(2)] * 2, [boxes])
    assert np.isfinite(logs).all()
    assert logs[0] > logs[1]
    for each in (*by_mean, *by_variance):
        assert np.isfinite(each).all()
    assert all((each < 0.0).all() for each in by_mean)
