"""Densities against scipy.stats and numerical integration; samples against densities."""

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import dblquad, quad

from hpo.numerics.parzen import fit_parzen

NUMERIC = np.array([0])


def density(estimator, x, cells=None):
    return np.exp(estimator.log_density(np.asarray(x, dtype=np.float64).reshape(-1, len(estimator.n_choices)), cells))


def test_density_is_a_mixture_of_truncated_normals():
    centres, weights = np.array([0.1, 0.7, 0.72]), np.array([1.0, 0.5, 2.0])
    estimator = fit_parzen(centres[:, None], NUMERIC, weights, prior_weight=1.5)
    x, s = np.linspace(0, 1, 50), estimator.widths[0]
    expected = np.full(50, 1.5)
    for centre, weight in zip(centres, weights, strict=True):
        expected += weight * stats.truncnorm(-centre / s, (1 - centre) / s, centre, s).pdf(x)
    np.testing.assert_allclose(density(estimator, x), expected / 5.0, rtol=1e-12)


def test_density_of_two_columns_is_the_mixture_of_products():
    rng = np.random.default_rng(3)
    centres = rng.random((4, 2))
    estimator = fit_parzen(centres, np.array([0, 0]), np.ones(4))
    points = rng.random((20, 2))
    expected = np.ones(20)
    for centre in centres:
        low, high = -centre / estimator.widths, (1 - centre) / estimator.widths
        expected += stats.truncnorm(low, high, centre, estimator.widths).pdf(points).prod(axis=1)
    np.testing.assert_allclose(density(estimator, points), expected / 5.0, rtol=1e-12)


@pytest.mark.parametrize("centres", [[], [0.5], [0.0, 1.0], [0.3, 0.3, 0.3, 0.9]])
def test_density_integrates_to_one(centres):
    estimator = fit_parzen(np.array(centres).reshape(-1, 1), NUMERIC, np.ones(len(centres)))
    area, _ = quad(lambda x: float(density(estimator, x)[0]), 0, 1, points=centres or None, limit=200)
    assert area == pytest.approx(1.0, abs=1e-8)


def test_joint_density_integrates_to_one():
    estimator = fit_parzen(np.array([[0.2, 0.8], [0.4, 0.6]]), np.array([0, 0]), np.ones(2))
    area, _ = dblquad(lambda x, y: float(density(estimator, [x, y])[0]), 0, 1, 0, 1, epsabs=1e-7)
    assert area == pytest.approx(1.0, abs=1e-6)


def test_narrow_kernels_keep_their_digits():
    estimator = fit_parzen(np.full((9, 1), 0.987654321), NUMERIC, np.ones(9), shrinkage=0.0)
    s = estimator.widths[0]
    assert s == 1e-4
    x = 0.987654321 + s * np.linspace(-6, 6, 13)
    expected = 0.9 * stats.norm(0.987654321, s).pdf(x) + 0.1
    np.testing.assert_allclose(density(estimator, x), expected, rtol=1e-6)


def grid_cells(x, n):
    cell = np.minimum(np.floor(np.asarray(x) * n), n - 1)
    return {0: (cell / n, (cell + 1) / n)}


@pytest.mark.parametrize("n", [2, 3, 10, 500])
def test_gridded_density_is_the_mean_over_each_cell_and_sums_to_one(n):
    centres = (np.array([0, 0, n - 1, n // 2]) + 0.5) / n
    estimator = fit_parzen(centres[:, None], NUMERIC, np.ones(4))
    x = (np.arange(n) + 0.5) / n
    gridded = density(estimator, x, grid_cells(x, n))
    assert gridded.mean() == pytest.approx(1.0, abs=1e-12)
    for cell in (0, n // 2, n - 1):
        area, _ = quad(lambda u: float(density(estimator, u)[0]), cell / n, (cell + 1) / n)
        assert gridded[cell] == pytest.approx(area * n, rel=1e-9)


def test_very_narrow_cells_have_the_continuous_density():
    estimator = fit_parzen(np.array([[0.4], [0.6]]), NUMERIC, np.ones(2))
    x = np.array([0.01, 0.4, 0.55, 0.999])
    cells = {0: (x - 1e-18, x + 1e-18)}
    np.testing.assert_allclose(density(estimator, x, cells), density(estimator, x), rtol=1e-6)


def test_cells_far_from_all_kernels_keep_the_uniform_part():
    estimator = fit_parzen(np.full((5, 1), 0.05), NUMERIC, np.ones(5), shrinkage=0.0)
    assert density(estimator, 0.95, grid_cells([0.95], 10)) == pytest.approx(1 / 6)


def test_categorical_density_is_the_smoothed_frequency():
    seen = np.array([[0.0], [0.0], [0.0], [2.0]])
    estimator = fit_parzen(seen, np.array([4]), np.ones(4), prior_weight=2.0)
    kernels = (np.eye(4)[seen[:, 0].astype(int)] + 2.0 / 4) / (1 + 4 * 2.0 / 4)
    expected = (kernels.sum(axis=0) + 2.0 * 0.25) / 6.0
    np.testing.assert_allclose(density(estimator, np.arange(4.0)) / 4, expected, rtol=1e-12)
    assert expected.sum() == pytest.approx(1.0)


@pytest.mark.parametrize(("column", "n_choices"), [(0, 0), (1, 3)])
def test_samples_follow_the_density(column, n_choices):
    observations = np.array([[0.1, 2.0], [0.15, 2.0], [0.9, 0.0]])
    estimator = fit_parzen(observations, np.array([0, 3]), np.array([1.0, 1.0, 3.0]))
    points = estimator.sample(np.random.default_rng(0).random((20_000, 5)))
    assert points[:, 0].min() >= 0.0
    assert points[:, 0].max() <= 1.0
    assert set(np.unique(points[:, 1])) == {0.0, 1.0, 2.0}
    for low, high in [(0.0, 0.2), (0.2, 0.8), (0.8, 1.0)]:
        for choice in range(3):
            share = ((points[:, 0] >= low) & (points[:, 0] < high) & (points[:, 1] == choice)).mean()
            area, _ = quad(lambda x, c=choice: float(density(estimator, [x, c])[0]) / 3, low, high)
            assert share == pytest.approx(area, abs=0.012)  # 3.4 standard errors of the largest share


def test_samples_need_no_observations():
    estimator = fit_parzen(np.empty((0, 2)), np.array([0, 2]), np.empty(0))
    uniforms = np.random.default_rng(1).random((50, 5))
    points = estimator.sample(uniforms)
    np.testing.assert_array_equal(points[:, 0], uniforms[:, 1])
    assert set(points[:, 1]) == {0.0, 1.0}
    np.testing.assert_array_equal(estimator.log_density(points), np.zeros(50))


def test_observations_without_weight_do_not_count():
    with_ghost = fit_parzen(np.array([[0.2], [0.9]]), NUMERIC, np.array([1.0, 0.0]))
    alone = fit_parzen(np.array([[0.2]]), NUMERIC, np.array([1.0]))
    x = np.linspace(0, 1, 11)
    np.testing.assert_allclose(density(with_ghost, x), density(alone, x), rtol=1e-12)
    assert with_ghost.widths == pytest.approx(alone.widths)


def test_kernel_widths_shrink_down_to_a_least_width():
    def width(values, **options):
        return fit_parzen(np.array(values)[:, None], NUMERIC, np.ones(len(values)), **options).widths[0]

    assert width([0.5] * 20) < width([0.5] * 5) < width([0.5])
    assert width([0.49, 0.5, 0.51]) < width([0.2, 0.5, 0.8])
    assert width([0.5] * 20, min_width=0.25) == 0.25
    assert width([0.5] * 5, consider_endpoints=True) > width([0.5] * 5)


@pytest.mark.parametrize("prior_weight", [5e-324, 1e-200, 1e200, 1.7e308])
@pytest.mark.parametrize("n", [0, 1, 3])
def test_extreme_prior_weights_leave_densities_finite(prior_weight, n):
    observations = np.tile([0.5, 1.0], (n, 1))
    estimator = fit_parzen(observations, np.array([0, 3]), np.ones(n), prior_weight=prior_weight)
    points = np.array([[0.0, 0.0], [0.5, 1.0], [1.0, 2.0]])
    assert np.isfinite(estimator.log_density(points)).all()
    assert np.isfinite(estimator.sample(np.full((2, 5), 0.3))).all()
