"""The formulas of the Gaussian process, against references, finite differences and direct computation."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import integrate, special, stats

from hpo.numerics.gp import (
    Factor,
    Hyperparameters,
    Posterior,
    Standardization,
    fitted_hyperparameters,
    log_expected_excess,
    log_expected_improvement,
    log_probability_below,
    maximized,
    negative_log_posterior,
    standardized,
    standardized_limits,
)
from hpo.numerics.gp.covariance import MEAN_VARIANCE, covariance, covariance_of
from hpo.numerics.gp.fitting import LEAST_NOISE, VARIANCE_PRIOR
from hpo.numerics.gp.warping import Warping

RNG = np.random.default_rng(0)
ONE_EACH = np.arange(3)
X = RNG.random((25, 3))
Y = standardized(np.sin(5 * X[:, 0]) + X[:, 1] ** 2)
HYPER = Hyperparameters(np.log([0.4, 0.9, 3.0]), math.log(1e-3))


def posterior(x=X, y=Y, hyper=HYPER):
    return Posterior.of(Factor.of(hyper, hyper.scaled(x, ONE_EACH)), y)


def differences(function, point, step=1e-5):
    moves = step * np.eye(len(point))
    return np.array([(function(point + move) - function(point - move)) / (2 * step) for move in moves])


def test_the_covariance_is_that_of_matern_with_bessel_functions():
    r = np.array([1e-3, 0.1, 0.7, 2.0, 9.0])
    scaled = math.sqrt(5.0) * r
    bessel = 2.0 ** (1 - 2.5) / special.gamma(2.5) * scaled**2.5 * special.kv(2.5, scaled)
    assert_allclose(covariance(r * r), MEAN_VARIANCE + bessel, rtol=1e-9)


@pytest.mark.parametrize(
    ("z", "expected"),
    [  # computed by mpmath with 60 digits
        (8.0, 2.07944154167983594),
        (1.0, 0.08002621884930694),
        (0.0, -0.918938533204672742),
        (-0.5, -1.62051626438731992),
        (-1.0, -2.48512102571264134),
        (-1.0001, -2.48531145644588334),
        (-3.0, -7.86968605960302852),
        (-10.0, -55.5531220361223559),
        (-29.9, -454.722998119496274),
        (-30.1, -460.736287398743038),
        (-100.0, -5010.12957880024979),
        (-1e4, -50000019.3396193072),
        (-1e8, -5000000000000037.76),
        (-1e150, -4.99999999999999981e299),
    ],
)
def test_the_log_of_the_expected_excess_is_exact_far_out(z, expected):
    assert_allclose(log_expected_excess(np.array([z])), [expected], rtol=1e-12, atol=1e-12)


def test_the_expected_improvement_is_the_mean_over_worlds_of_an_integral():
    means, variance, best = np.array([[0.3, -0.2, 1.1]]), 0.49, np.array([0.1, -0.3, 0.2])

    def improvement(mean, limit):
        density = stats.norm(mean, math.sqrt(variance)).pdf
        return integrate.quad(lambda y: (limit - y) * density(y), -9.0, limit)[0]

    expected = np.mean([improvement(mean, limit) for mean, limit in zip(means[0], best, strict=True)])
    log_values, _, _ = log_expected_improvement(means, np.array([variance]), best)
    assert_allclose(np.exp(log_values), [expected], rtol=1e-8)


@pytest.mark.parametrize("offset", [0.0, -5.0, -60.0])
def test_acquisition_slopes_are_those_of_finite_differences(offset):
    means, variance, best = np.array([0.3, -0.2]), 0.5, np.array([0.1, -0.3]) + offset

    def improvement(theta):
        return log_expected_improvement(theta[None, :2], theta[2:], best)[0][0]

    def below(theta):
        return log_probability_below(theta[None, :1], theta[1:], offset)[0][0]

    _, by_mean, by_variance = log_expected_improvement(means[None], np.array([variance]), best)
    found = np.concatenate((by_mean[0], by_variance))
    assert_allclose(found, differences(improvement, np.array([*means, variance])), rtol=1e-4)
    _, by_mean, by_variance = log_probability_below(means[None, :1], np.array([variance]), offset)
    found = np.concatenate((by_mean[0], by_variance))
    assert_allclose(found, differences(below, np.array([means[0], variance])), rtol=1e-4)


@pytest.mark.parametrize("dimensions", [ONE_EACH, np.array([0, 0, 1])])
@pytest.mark.parametrize("noise", [[-3.0], []])
def test_slopes_of_the_posterior_density_are_those_of_finite_differences(dimensions, noise):
    theta = np.concatenate((RNG.normal(size=dimensions[-1] + 1), noise))

    def density(at):
        return negative_log_posterior(at, X, Y, dimensions)[0]

    assert_allclose(
        negative_log_posterior(theta, X, Y, dimensions)[1], differences(density, theta), rtol=2e-4, atol=1e-5
    )


def test_the_posterior_density_is_that_of_a_multivariate_t_and_the_priors():
    def density(theta):
        hyper = Hyperparameters(theta[:3], theta[3])
        shape = covariance_of(hyper.scaled(X, ONE_EACH), hyper.noise)
        likelihood = stats.multivariate_t(np.zeros(len(Y)), shape, df=VARIANCE_PRIOR).logpdf(Y)
        scales = stats.lognorm(math.sqrt(3.0), scale=math.exp(math.sqrt(2.0) + 0.5 * math.log(3))).logpdf(
            np.exp(theta[:3])
        )
        return -likelihood - scales.sum() - stats.norm(-6.0, 2.5).logpdf(theta[3])

    one, other = np.array([0.1, -0.4, 1.0, -3.0]), np.array([-0.5, 0.3, 0.2, -5.0])
    found = [negative_log_posterior(theta, X, Y, ONE_EACH)[0] for theta in (one, other)]
    assert_allclose(found[0] - found[1], density(one) - density(other), rtol=1e-9)


def test_predictions_are_those_of_the_textbook():
    points = HYPER.scaled(RNG.random((7, 3)), ONE_EACH)
    matrix = covariance_of(HYPER.scaled(X, ONE_EACH), HYPER.noise)
    both = covariance_of(np.concatenate((HYPER.scaled(X, ONE_EACH), points)), 0.0)
    between, own = both[25:, :25], both[25:, 25:]
    variance = (VARIANCE_PRIOR + Y @ np.linalg.solve(matrix, Y)) / (VARIANCE_PRIOR + len(Y))
    prediction = posterior().at(points)
    assert_allclose(prediction.means[:, 0], between @ np.linalg.solve(matrix, Y), rtol=1e-8)
    expected = variance * np.diag(own - between @ np.linalg.solve(matrix, between.T))
    assert_allclose(prediction.variances, expected, rtol=1e-7)
    means, variances = posterior().mean_and_variance(points)
    assert_allclose(means, prediction.means, rtol=1e-12)
    assert_allclose(variances, prediction.variances, rtol=1e-12)


@pytest.mark.parametrize("more", [0, 3])
def test_slopes_of_predictions_are_those_of_finite_differences(more):
    model = posterior().with_more(HYPER.scaled(RNG.random((more, 3)), ONE_EACH), RNG.normal(size=(more, 4)))
    point = HYPER.scaled(RNG.random((1, 3)), ONE_EACH)[0]
    by_mean = RNG.normal(size=(1, model.weights.shape[1]))

    def some(at):
        prediction = model.at(at[None])
        return float((prediction.means @ by_mean.T)[0, 0] + 3.0 * prediction.variances[0])

    found = model.at(point[None]).gradient(by_mean, np.array([3.0]))
    assert_allclose(found[0], differences(some, point, 1e-6), rtol=1e-5, atol=1e-7)


def test_a_value_that_is_left_out_is_predicted_as_from_the_others():
    means, variances = posterior().left_out(Y)
    for i in (0, 13):
        others = np.arange(len(Y)) != i
        fresh = posterior(X[others], Y[others])
        prediction = fresh.at(HYPER.scaled(X[i : i + 1], ONE_EACH))
        assert_allclose(means[i], prediction.means[0, 0], rtol=1e-7)
        expected = prediction.variances[0] / fresh.variance + HYPER.noise
        assert_allclose(variances[i] / posterior().variance, expected, rtol=1e-7)


def test_an_extended_factor_is_the_factor_of_all_data():
    scaled = HYPER.scaled(X, ONE_EACH)
    extended = Factor.of(HYPER, scaled[:20]).extended(scaled[20:])
    assert_allclose(extended.whitening, Factor.of(HYPER, scaled).whitening, atol=1e-8)
    assert Factor.of(HYPER, scaled[:20]).extended(scaled[:0]).whitening.shape == (20, 20)


def test_worlds_have_the_moments_of_the_prediction():
    model, new = posterior(), HYPER.scaled(RNG.random((1, 3)), ONE_EACH)
    normals = special.ndtri((np.arange(2000) + 0.5) / 2000)[None]
    worlds = model.with_more(new, normals)
    prediction = model.at(new)
    # the mean at a new point in a world is pulled to that world's result there, and is the old mean on average
    means, variances = worlds.mean_and_variance(new)
    assert_allclose(means.mean(), prediction.means[0, 0], atol=1e-6)
    noise = HYPER.noise * model.variance
    pulled = prediction.variances[0] ** 2 / (prediction.variances[0] + noise)
    assert_allclose(means.var(), pulled, rtol=5e-3)
    assert variances[0] < prediction.variances[0]


@pytest.mark.parametrize("n", [3, 1000])
def test_a_thousand_equal_points_are_no_trouble(n):
    x, y = np.full((n, 3), 0.5), standardized(np.arange(n) % 2.0)
    hyper = Hyperparameters(np.zeros(3), math.log(LEAST_NOISE))
    value, gradient = negative_log_posterior(np.array([0.0, 0.0, 0.0]), x, y, ONE_EACH)
    assert math.isfinite(value)
    assert np.isfinite(gradient).all()
    prediction = posterior(x, y, hyper).at(np.array([[0.5, 0.5, 0.5], [9.0, 9.0, 9.0]]))
    assert_allclose(prediction.means[0, 0], y.mean(), atol=1e-3)
    assert (prediction.variances > 0.0).all()
    # the mean of n equal points is known to the n-th part of the noise
    relative = prediction.variances[0] / posterior(x, y, hyper).variance
    assert_allclose(relative, LEAST_NOISE / n, rtol=0.05 if n == 3 else 2.0, atol=1e-9)


def test_constant_results_are_predicted_to_stay_constant():
    y = standardized(np.full(25, 3.5))
    hyper = fitted_hyperparameters(X, y, ONE_EACH)
    assert_allclose(posterior(y=y, hyper=hyper).at(RNG.random((4, 3))).means, 0.0, atol=1e-12)


def test_the_parameter_that_matters_has_the_shortest_scale():
    y = standardized(np.sin(6 * X[:, 1]))
    scales = fitted_hyperparameters(X, y, ONE_EACH).log_scales
    assert scales.argmin() == 1
    assert min(scales[0], scales[2]) > scales[1] + 1.0


def test_noise_is_learned_unless_there_is_none():
    x = RNG.random((90, 3))
    noisy = standardized(np.sin(6 * x[:, 1]) + RNG.normal(size=90))
    assert fitted_hyperparameters(x, noisy, ONE_EACH).log_noise > -3.0
    assert fitted_hyperparameters(x, noisy, ONE_EACH, deterministic=True).noise == pytest.approx(LEAST_NOISE)


LOSSES = np.array([3.0, 1.0, 2.0, 7.0, 4.0, 9.0, 2.5, 1.5, 100.0, 8.0])


@pytest.mark.parametrize("unit", [1e-300, 1.0, 1e300, 5e-324])
@pytest.mark.parametrize("losses", [LOSSES, LOSSES**4, np.exp(LOSSES / 10)])
def test_the_unit_of_losses_does_not_count(unit, losses):
    whole = np.floor(losses / losses.max() * 1e6)
    moved = whole * (1e-300 if unit == 1e-300 else unit * 1e-6 if unit == 1e300 else unit)
    assert_allclose(standardized(moved), standardized(whole), atol=1e-8)
    assert_allclose(standardized(whole).mean(), 0.0, atol=1e-8)
    assert_allclose(standardized(whole).std(), 1.0, atol=1e-8)


def test_the_order_of_losses_stays():
    for losses in (LOSSES, 10.0 ** LOSSES[:8], -(10.0 ** LOSSES[:8]), np.array([-1e308, 0.0, 1e308])):
        assert (np.argsort(standardized(losses)) == np.argsort(losses)).all()


def test_huge_losses_do_not_hide_the_others():
    losses = np.concatenate((LOSSES, [1e12]))
    assert np.ptp(standardized(losses)[:8]) > 0.5


def test_infinite_losses_are_the_worst_or_best_finite_ones():
    targets = standardized(np.array([1.0, 2.0, math.inf, 3.0, -math.inf]))
    assert targets[2] == targets[3] == targets.max()
    assert targets[4] == targets[0] == targets.min()
    worst = standardized(np.array([1.0, math.inf, 1.0]))
    assert worst[1] > worst[0] == worst[2]
    assert not standardized(np.full(4, math.inf)).any()
    assert not standardized(np.full(4, 2.0)).any()
    assert len(standardized(np.empty(0))) == 0


def test_limits_keep_their_signs():
    values = np.array([-1e300, -1.0, 0.0, 1e-5, 3.0, math.inf])
    assert (np.sign(standardized_limits(values)) == np.sign(values)).all()
    assert np.isfinite(standardized_limits(values)).all()
    assert standardized_limits(np.array([0.0, math.inf])).tolist()[1] > 0.0
    assert_allclose(standardized_limits(3e-300 * values[1:5]), standardized_limits(values[1:5]), atol=1e-8)


def test_all_starts_climb_to_the_top_inside_of_the_box():
    matrix = np.array([[30.0, 5.0], [5.0, 2.0]])
    top = np.array([0.4, 1.3])  # outside of the box, above it

    def slopes(points):
        away = points - top
        return -0.5 * np.einsum("mi,ij,mj->m", away, matrix, away), -away @ matrix

    starts = RNG.random((6, 2))
    low, high = np.zeros(2), np.ones(2)
    points, values = maximized(slopes, starts, low=low, high=high, first_steps=np.full(2, 0.1), iterations=60)
    # on the upper side, where the other coordinate makes its own slope 0
    expected = [0.4 + 5.0 * 0.3 / 30.0, 1.0]
    assert_allclose(points, np.broadcast_to(expected, (6, 2)), atol=1e-3)
    assert_allclose(values, slopes(points)[0], rtol=1e-12)
    kept, _ = maximized(slopes, starts, low=low, high=high, first_steps=np.array([0.1, 0.0]), iterations=60)
    assert (kept[:, 1] == starts[:, 1]).all()


@pytest.mark.parametrize("losses", [LOSSES, 10.0 ** LOSSES[:8], -(10.0 ** LOSSES[:8]), 1e-300 * LOSSES, 1e300 * LOSSES])
def test_targets_lead_back_to_losses(losses):
    scale = Standardization.of(losses)
    assert_allclose(scale.losses(scale.targets(losses)), losses, atol=1e-7 * np.abs(losses).max())
    # and beyond their range they go on, without a jump
    targets = np.linspace(scale.targets(losses).min() - 3.0, scale.targets(losses).max() + 3.0, 400)
    found = scale.losses(targets)
    assert (np.diff(found) > 0.0).all()
    assert np.isinf(Standardization.of(np.array([-1e308, 0.0, 1e308])).losses(np.array([-9.0, 9.0]))).all()


def test_the_power_is_that_of_scipy():
    losses = np.exp(np.random.default_rng(1).normal(size=60))
    scale = Standardization.of(losses)
    spread = (losses - np.median(losses)) / (1.4826 * np.median(np.abs(losses - np.median(losses))))
    assert abs(scale.power - stats.yeojohnson_normmax(spread)) <= 0.13  # half the distance of two powers on the grid
    assert_allclose(scale.targets(losses), stats.zscore(stats.yeojohnson(spread, scale.power)), atol=1e-8)
    assert Standardization.of(np.random.default_rng(1).normal(size=60)).power == 1.0


def test_known_noise_is_that_of_a_direct_computation_and_has_its_gradient():
    known = RNG.random(25) * 0.5
    theta = np.array([-1.0, 0.2, 1.0, -4.0])

    def value(theta):
        return negative_log_posterior(theta, X, Y, ONE_EACH, known)[0]

    assert_allclose(negative_log_posterior(theta, X, Y, ONE_EACH, known)[1], differences(value, theta), rtol=1e-5)
    factor = Factor.of(HYPER, HYPER.scaled(X[:20], ONE_EACH), known[:20])
    whole = Factor.of(HYPER, HYPER.scaled(X, ONE_EACH), known)
    assert_allclose(factor.extended(HYPER.scaled(X[20:], ONE_EACH), known[20:]).whitening, whole.whitening, atol=1e-9)
    matrix = covariance_of(HYPER.scaled(X, ONE_EACH), HYPER.noise) + np.diag(known)
    assert_allclose(whole.whitening.T @ whole.whitening, np.linalg.inv(matrix), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("noisy", [False, True])
def test_the_gradient_of_the_warping_is_that_of_finite_differences(noisy):
    theta = np.array([-1.0, 0.2, 1.0, *([-4.0] if noisy else []), 0.5, -0.3, -0.7, 0.4])
    warped = np.array([0, 2])

    def value(theta):
        return negative_log_posterior(theta, X, Y, ONE_EACH, None, warped)[0]

    found = negative_log_posterior(theta, X, Y, ONE_EACH, None, warped)[1]
    assert_allclose(found, differences(value, theta), rtol=1e-4, atol=1e-4)


def test_warping_is_monotone_keeps_the_ends_and_has_the_slopes_of_finite_differences():
    warping = Warping(np.array([1]), np.log([2.5]), np.log([0.4]))
    points = np.stack([np.full(101, 0.3), np.linspace(0.0, 1.0, 101)], axis=1)
    warped = warping.warped(points)
    assert (warped[:, 0] == 0.3).all()
    assert (np.diff(warped[:, 1]) > 0.0).all()
    assert_allclose(warped[[0, -1], 1], [0.0, 1.0], atol=1e-3)
    inner = points[1:-1]
    step = np.array([0.0, 1e-6])
    expected = (warping.warped(inner + step) - warping.warped(inner - step))[:, 1] / 2e-6
    assert_allclose(warping.slopes(inner)[:, 1], expected, rtol=1e-5)
    assert (warping.slopes(inner)[:, 0] == 1.0).all()


def test_a_function_that_is_steep_at_one_end_is_warped_there():
    x = np.linspace(0.0, 1.0, 40)[:, None]
    y = np.sin(6.0 * x[:, 0] ** 0.3)
    plain = fitted_hyperparameters(x, y, np.arange(1))
    warped = fitted_hyperparameters(x, y, np.arange(1), warped=np.array([0]))
    assert plain.warping is None
    assert warped.warping.log_a[0] < -0.5
    points = np.random.default_rng(0).random((200, 1))
    errors = []
    for hyper in (plain, warped):
        means, _ = posterior_at(x, y, hyper).mean_and_variance(hyper.scaled(points, np.arange(1)))
        errors.append(np.abs(means[:, 0] - np.sin(6.0 * points[:, 0] ** 0.3)).mean())
    assert errors[1] < 0.7 * errors[0]


def posterior_at(x, y, hyper):
    return Posterior.of(Factor.of(hyper, hyper.scaled(x, np.arange(x.shape[1]))), y)
