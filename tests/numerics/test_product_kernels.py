"""Products of kernels against statsmodels' rule, scipy's densities and numerical integration."""

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

from hpo.numerics.product_kernels import ProductKernels

NUMBER, CHOICE = np.array([0]), np.array([3])


def test_the_density_of_numbers_is_a_mean_of_truncated_normals():
    data = np.array([[0.1], [0.15], [0.9]])
    kernels = ProductKernels.of(data, NUMBER, least=1e-3)
    width = kernels.bandwidths[0]
    assert width == pytest.approx(1.06 * data.std() * 3 ** (-1 / 5))
    x = np.linspace(0.0, 1.0, 21)
    expected = np.mean([stats.truncnorm(-c / width, (1 - c) / width, c, width).pdf(x) for c in data[:, 0]], axis=0)
    np.testing.assert_allclose(np.exp(kernels.log_density(x[:, None])), expected, rtol=1e-12)


@pytest.mark.parametrize("centre", [0.0, 0.003, 0.5, 1.0])
def test_the_density_of_one_kernel_integrates_to_one(centre):
    kernels = ProductKernels.of(np.array([[centre]]), NUMBER, least=0.01)
    area, _ = quad(lambda x: float(np.exp(kernels.log_density(np.array([[x]]))[0])), 0.0, 1.0, points=[centre])
    assert area == pytest.approx(1.0, abs=1e-8)


def test_choices_are_likelier_the_more_often_they_were_seen_and_never_impossible():
    kernels = ProductKernels.of(np.array([[0.0], [0.0], [1.0]]), CHOICE, least=0.01)
    density = np.exp(kernels.log_density(np.array([[0.0], [1.0], [2.0]])))
    assert density[0] > density[1] > density[2] > 0.0
    assert density.mean() == pytest.approx(1.0)  # relative to the uniform distribution


def test_what_is_missing_says_nothing():
    data = np.array([[0.2, np.nan], [0.4, 1.0]])
    both = ProductKernels.of(data, np.array([0, 3]), least=0.05)
    with_a_choice = both.log_density(np.array([[0.3, np.nan]]))
    x = np.array([[0.3]])
    expected = np.mean(
        [
            stats.truncnorm(-c / w, (1 - c) / w, c, w).pdf(x[0, 0])
            for c, w in ((0.2, both.bandwidths[0]), (0.4, both.bandwidths[0]))
        ]
    )
    assert np.exp(with_a_choice[0]) == pytest.approx(expected)
    assert ProductKernels.of(np.full((2, 2), np.nan), np.array([0, 3]), least=0.05).log_density(data) == pytest.approx(
        0.0
    )


def test_samples_are_distributed_as_their_kernels():
    kernels = ProductKernels.of(np.array([[0.1, 0.0], [0.15, 2.0]]), np.array([0, 3]), least=0.05)
    uniforms = np.random.default_rng(0).random((20_000, 5))
    points = kernels.sample(uniforms, widening=1.0)
    width = kernels.bandwidths[0]
    mixture = [stats.truncnorm(-c / width, (1 - c) / width, c, width) for c in (0.1, 0.15)]
    test = stats.kstest(points[:, 0], lambda x: np.mean([each.cdf(x) for each in mixture], axis=0))
    assert test.pvalue > 1e-3
    assert {*points[:, 1].tolist()} == {0.0, 1.0, 2.0}


def test_samples_stay_inside_however_wide_kernels_are():
    data = np.array([[0.0, np.nan], [1.0, 1.0]])
    kernels = ProductKernels.of(data, np.array([0, 3]), least=1e-3)
    points = kernels.sample(np.random.default_rng(0).random((500, 5)), widening=1e6)
    assert ((points >= 0.0) & (points <= [1.0, 2.0])).all()


def test_equal_data_have_the_least_width_and_no_density_is_lost():
    kernels = ProductKernels.of(np.full((1000, 1), 0.5), NUMBER, least=1e-3)
    assert kernels.bandwidths[0] == 1e-3
    assert np.isfinite(kernels.log_density(np.array([[0.0], [0.5], [1.0]]))).all()


def test_kernels_without_data_are_refused():
    with pytest.raises(ValueError, match="at least one row"):
        ProductKernels.of(np.empty((0, 1)), NUMBER, least=0.1)
