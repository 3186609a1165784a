"""Learning rates that follow the signal: 1 where updates agree, small where they are chance."""

import numpy as np
import pytest

from hpo.numerics.cma_es.learning_rates import followed, initial_rates
from hpo.numerics.cma_es.model import candidate, initial_model, strategy_parameters, updated


def after(updates, n=4):
    """The rates after updates of the mean; those of the covariance are the same in each row."""
    rates = initial_rates(n, separable=False)
    for update in updates:
        rates = followed(rates, mean=update, covariance=np.tile(update, (n, 1)))
    return rates


def evolved(f, n, *, generations, seed=0, start=3.0, sigma=2.0, adapt_rates=True, noise=0.0, separable=False):
    """The model after so many generations on a function of points."""
    chance = np.random.default_rng(seed)
    strategy = strategy_parameters(n, separable=separable)
    model = initial_model(strategy, np.full(n, start), sigma, adapt_rates=adapt_rates)
    for _ in range(generations):
        points = np.array([candidate(model, chance.standard_normal(n)) for _ in range(strategy.popsize)])
        values = [f(x) + noise * chance.standard_normal() for x in points]
        model = updated(strategy, model, points[np.argsort(values)])
    return model


def sphere(x):
    return float(x @ x)


def test_updates_that_agree_keep_the_full_rate():
    rates = after([np.ones(4)] * 100)
    assert rates.mean.value == rates.covariance.value == 1.0


def test_updates_by_chance_slow_down_until_signal_is_left():
    chance = np.random.default_rng(0)
    rates = after(chance.standard_normal((600, 4)))
    assert 0.0 < rates.mean.value < 0.05
    assert 0.0 < rates.covariance.value < 0.2


def test_a_rate_recovers_when_the_updates_agree_again():
    chance = np.random.default_rng(0)
    slow = after(chance.standard_normal((300, 4)))
    rates = slow
    for _ in range(300):
        rates = followed(rates, mean=np.ones(4), covariance=np.ones((4, 4)))
    assert rates.mean.value > 5 * slow.mean.value


def test_updates_of_length_zero_are_allowed():
    rates = after([np.zeros(4)] * 5)
    assert np.isfinite(rates.mean.value)
    assert 0.0 < rates.mean.value <= 1.0


@pytest.mark.parametrize("separable", [False, True])
def test_a_smooth_function_is_still_solved(separable):
    model = evolved(sphere, 5, generations=400, separable=separable)
    assert sphere(model.mean) < 1e-6


def test_the_determinant_of_the_covariance_stays_one():
    model = evolved(lambda x: sphere(x * [1.0, 10.0, 100.0]), 3, generations=60)
    assert np.linalg.det(model.covariance) == pytest.approx(1.0, rel=1e-6)
    assert model.lengths.max() / model.lengths.min() > 5.0


def test_noise_that_stops_the_plain_strategy_is_averaged_out():
    plain, adapting = (
        np.median(
            [
                sphere(evolved(sphere, 5, generations=800, seed=seed, noise=1.0, adapt_rates=adapt_rates).mean)
                for seed in range(3)
            ]
        )
        for adapt_rates in (False, True)
    )
    assert adapting < 0.2 * plain
