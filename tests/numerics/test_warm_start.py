"""The normal distribution around the best points of a related problem."""

import numpy as np
import pytest

from hpo.numerics.cma_es.warm_start import promising_distribution


def test_mean_and_covariance_are_those_of_the_blurred_best_tenth():
    points = np.random.default_rng(0).random((200, 3))
    mean, sigma, covariance = promising_distribution(points)
    best = points[:20]
    assert mean == pytest.approx(best.mean(axis=0))
    assert sigma**2 * covariance == pytest.approx(np.cov(best.T, bias=True) + 0.01 * np.eye(3))
    assert np.linalg.det(covariance) == pytest.approx(1.0)


def test_one_point_is_enough():
    mean, sigma, covariance = promising_distribution(np.array([[0.3, 0.7]]))
    assert mean.tolist() == [0.3, 0.7]
    assert sigma == pytest.approx(0.1)
    assert covariance == pytest.approx(np.eye(2))


def test_only_the_best_tenth_counts():
    good, bad = np.full((1, 2), 0.2), np.random.default_rng(1).random((9, 2))
    assert promising_distribution(np.vstack([good, bad]))[0].tolist() == [0.2, 0.2]


def test_one_dimension_is_enough():
    mean, sigma, covariance = promising_distribution(np.linspace(0.0, 1.0, 40)[:, None])
    assert mean == pytest.approx([np.linspace(0.0, 1.0, 40)[:4].mean()])
    assert sigma > 0.1
    assert covariance == pytest.approx(np.ones((1, 1)))
