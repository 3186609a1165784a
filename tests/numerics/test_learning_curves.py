"""The extrapolation of learning curves: what it predicts, how sure it is, and curves that break arithmetic."""

import math

import numpy as np
import pytest
from scipy.stats import t as student

from hpo.numerics.learning_curves import certain_end, curve_end

FAMILIES = {
    "power law": lambda t: 0.2 + t**-0.5,
    "exponential": lambda t: 0.2 + 0.8 * np.exp(-4.0 * t / 100.0),
    "inverse logarithm": lambda t: 0.2 + 1.0 / np.log(t + 1.0),
    "constant": lambda t: 0.2 + 0.0 * t,
    "rising": lambda t: 0.9 - t**-0.75,
}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_curve_of_a_known_family_is_continued(family):
    curve, steps = FAMILIES[family], np.arange(1.0, 31.0)
    end = curve_end(range(1, 31), curve(steps).tolist(), 100)
    truth, last = float(curve(100.0)), float(curve(30.0))
    assert abs(end.mean - truth) < 0.15 * abs(last - truth) + 1e-3
    assert 0.0 < end.std < 0.1
    assert end.probability_below(truth + 0.2) > 0.99
    assert end.probability_below(truth - 0.2) < 0.01


def test_more_reports_are_more_certain_and_the_end_itself_is_known():
    curve = [0.2 + 1.0 / t for t in range(1, 101)]
    errors = [curve_end(range(1, n + 1), curve[:n], 100).std for n in (3, 10, 90)]
    assert errors == sorted(errors, reverse=True)
    end = curve_end(range(1, 101), curve, 100)
    assert (end.mean, end.std, end.probability_below(curve[-1])) == (curve[-1], 0.0, 0.0)


def test_the_probability_is_that_of_the_mixture():
    end = curve_end(range(1, 6), [5.0, 3.0, 2.5, 2.2, 2.1], 20).widened(0.3)
    expected = sum(
        weight * student.cdf(1.5, end.freedom, centre, scale)
        for weight, centre, scale in zip(end.weights, end.centres, end.scales, strict=True)
    )
    assert end.probability_below(1.5) == pytest.approx(expected, rel=1e-9)
    limits = np.linspace(0.0, 4.0, 50)
    chances = [end.probability_below(limit) for limit in limits]
    assert chances == sorted(chances)


def test_an_independent_error_adds_to_the_variance():
    end = curve_end(range(1, 6), [5.0, 3.0, 2.5, 2.2, 2.1], 20)
    assert end.widened(2.0).std == pytest.approx(math.hypot(end.std, 2.0))
    assert end.widened(2.0).mean == end.mean


EXTREME = {
    "constant": [1.0] * 9,
    "zero": [0.0] * 9,
    "one point": [3.0],
    "huge": [1e300, -1e300, 1e308, -1e308],
    "huge and constant": [1e308] * 5,
    "subnormal": [5e-324, 0.0, 1e-320],
    "of all sizes": [1e300, 1.0, 1e-300],
    "a jump": [0.0] * 50 + [1e300] * 50,
    "noise": np.random.default_rng(0).normal(size=1000).tolist(),
}


@pytest.mark.parametrize("curve", EXTREME.values(), ids=EXTREME)
@pytest.mark.parametrize("first", [0, 7, 10**15])
def test_no_curve_breaks_it(curve, first):
    for final in (first + len(curve) - 1, first + len(curve), 10**18):
        with np.errstate(all="raise", under="ignore"):
            end = curve_end(range(first, first + len(curve)), curve, final)
            chance = end.probability_below(0.5)
        assert math.isfinite(end.mean)
        assert math.isfinite(end.std)
        assert 0.0 <= chance <= 1.0


@pytest.mark.parametrize("factor", [2.0**-30, 2.0**40])
def test_units_do_not_matter(factor):
    curve = [5.0, 3.0, 2.5, 2.2, 2.1]
    end, scaled = curve_end(range(1, 6), curve, 20), curve_end(range(1, 6), [factor * value for value in curve], 20)
    assert scaled.mean == pytest.approx(factor * end.mean)
    assert scaled.std == pytest.approx(factor * end.std)


def test_a_known_end_may_be_infinite():
    for value in (math.inf, -math.inf, 2.0):
        end = certain_end(value)
        assert (end.mean, end.std) == (value, 0.0)
        assert end.probability_below(1.0) == float(value < 1.0)
