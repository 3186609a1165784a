"""Pearson's divergence of counts, and what chance gives."""

import numpy as np
import pytest

from hpo.numerics.divergence import PearsonDivergence


def generator(seed=0):
    return np.random.Generator(np.random.Philox(seed))


@pytest.mark.parametrize("k", [2, 3, 5, 10])
def test_one_of_k_equal_cells_has_the_divergence_k_minus_1(k):
    chosen = np.zeros(k, dtype=int)
    chosen[0] = 100
    assert PearsonDivergence.within(chosen, np.full(k, 100)).plain == pytest.approx(k - 1)
    assert PearsonDivergence.from_known(chosen, np.full(k, 1 / k)).plain == pytest.approx(k - 1)


@pytest.mark.parametrize(("m", "everyone"), [(5, [10, 10]), (20, [50, 30, 15, 5]), (3, [1, 1, 1, 1])])
def test_what_chance_gives_is_the_mean_over_random_choices(m, everyone):
    everyone = np.array(everyone)
    drawn = generator().multivariate_hypergeometric(everyone, m, size=20_000)
    divergences = [PearsonDivergence.within(chosen, everyone).plain for chosen in drawn]
    expected = PearsonDivergence.within(drawn[0], everyone).expected_by_chance
    assert np.mean(divergences) == pytest.approx(expected, rel=0.03)


def test_what_chance_gives_is_the_mean_over_random_samples_of_known_shares():
    shares = np.array([0.5, 0.3, 0.2])
    drawn = generator().multinomial(12, shares, size=20_000)
    divergences = [PearsonDivergence.from_known(chosen, shares).plain for chosen in drawn]
    assert np.mean(divergences) == pytest.approx(2 / 12, rel=0.03)


def test_chance_stays_below_the_floor_as_often_as_was_asked():
    everyone = np.array([400, 300, 200, 100])
    below = []
    for seed in range(400):
        chosen = generator(seed).multivariate_hypergeometric(everyone, 100)
        found = PearsonDivergence.within(chosen, everyone)
        below.append(found.estimate <= found.floor(generator(), 0.95))
    assert 0.92 <= np.mean(below) <= 0.98


def test_the_estimate_grows_with_the_divergence_and_is_above_0():
    everyone = np.array([500, 500])
    estimates = [PearsonDivergence.within(np.array([50 + i, 50 - i]), everyone).estimate for i in range(51)]
    assert estimates[0] > 0
    assert estimates == sorted(estimates)
    assert estimates[-1] == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize(
    ("chosen", "everyone"), [([5], [9]), ([0, 0], [3, 4]), ([3, 4], [3, 4])], ids=["one cell", "none", "all"]
)
def test_a_table_that_can_not_tell_anything_gives_0(chosen, everyone):
    found = PearsonDivergence.within(np.array(chosen), np.array(everyone))
    assert found.estimate == found.floor(generator(), 0.95) == 0.0
    assert found.interval(generator(), 0.95) == (0.0, 0.0)


def test_the_interval_holds_the_estimate():
    for seed in range(50):
        chosen = generator(seed).multivariate_hypergeometric([30, 20, 10], 6)
        found = PearsonDivergence.within(chosen, np.array([30, 20, 10]))
        low, high = found.interval(generator(), 0.95)
        assert 0.0 <= low <= found.estimate <= high
