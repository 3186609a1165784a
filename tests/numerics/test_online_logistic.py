"""A logistic regression that learns one outcome at a time is close to one that is fitted to all of them."""

import numpy as np
import pytest
from scipy.optimize import minimize

from hpo.numerics.online_logistic import OnlineLogistic

VARIANCE = 4.0


def data(n, seed=0):
    generator = np.random.default_rng(seed)
    features = np.column_stack([np.ones(n), generator.normal(size=(n, 2))])
    rates = 1.0 / (1.0 + np.exp(-(features @ np.array([-0.5, 2.0, 0.0]))))
    return features, (generator.random(n) < rates).astype(float)


def learned(features, outcomes, variance=VARIANCE):
    model = OnlineLogistic.prior(np.full(features.shape[1], variance))
    for feature, outcome in zip(features, outcomes, strict=True):
        model = model.updated(feature, outcome)
    return model


def test_it_is_near_the_most_probable_coefficients():
    features, outcomes = data(300)

    def negative_log_posterior(coefficients):
        activation = features @ coefficients
        fit = np.logaddexp(0.0, activation) - outcomes * activation
        return fit.sum() + 0.5 * (coefficients**2).sum() / VARIANCE

    model, best = learned(features, outcomes), minimize(negative_log_posterior, np.zeros(3)).x
    assert np.abs(model.mean - best).max() < 2.0 * np.sqrt(np.diag(model.covariance)).max()
    exact = 1.0 / (1.0 + np.exp(-features @ best))
    assert np.abs(model.rates(features) - exact).mean() < 0.05


def test_a_point_far_from_the_outcomes_is_less_certain():
    features, outcomes = data(60)
    model = learned(features, outcomes)
    far = np.array([[1.0, 0.0, 50.0]])
    assert float(far[0] @ model.covariance @ far[0]) > 10.0
    assert 0.1 < model.rates(far)[0] < 0.9


@pytest.mark.parametrize("outcome", [0.0, 1.0])
def test_a_thousand_equal_outcomes_keep_rates_inside_and_the_covariance_positive(outcome):
    features = np.tile([1.0, 1.0, -1.0], (1000, 1))
    model = learned(features, np.full(1000, outcome))
    assert 0.0 < model.rates(features[:1])[0] < 1.0
    assert abs(model.rates(features[:1])[0] - outcome) < 0.02
    assert np.linalg.eigvalsh(model.covariance).min() >= -1e-12
    assert np.isfinite(model.rates(np.array([[1e6, -1e6, 1e6]]))).all()
