"""Covariance matrix adaptation: a normal distribution that learns from the order of its own draws.

Notation, and the numbers of equations, are those of Hansen, "The CMA Evolution Strategy: A Tutorial",
arXiv:1604.00772 (2016): `n` dimensions, `popsize` points in a generation, and points ``x = mean + sigma * y`` with steps
`y` that are normal with covariance `C`. Points come with their ranks only; no objective value enters.
"""

from __future__ import annotations

import math

import attrs
import numpy as np
from numpy.typing import NDArray

from hpo.numerics.cma_es.learning_rates import Rates, followed, initial_rates

_ALPHA_COV = 2.0  # table 1
_LEAST_CONDITION = 1e-14  # of the eigenvalues of C: below, rounding decides on the short axes
_SIGMA_RANGE = 1e-15, 1e4  # of the unit cube: beyond, points are all the same or all outside
_LEAST_SQUARE = 1e-300  # a step of length 0 is divided by its length
_LONGEST = 6.0  # a draw is longer than sqrt(n) + 6 once in 1e9 times: longer vectors are treated as outliers

_ARRAY = attrs.cmp_using(eq=np.array_equal)


@attrs.frozen(unsafe_hash=False)
class Strategy:
    """The constants of a strategy; make them with `strategy_parameters`.

    Attributes:
        n: Dimensions.
        popsize: Points in a generation.
        separable: Whether only the diagonal of the covariance is learned.
        weights: Recombination weights, best first, ``(popsize,)``; the first half sums to 1, the rest is not positive.
        total_weight: The sum of all weights.
        mu: How many weights are positive.
        mu_eff: Variance effective selection mass of the positive weights.
        c_sigma: Learning rate of the step size's path.
        d_sigma: Damping of the step size.
        c_c: Learning rate of the covariance's path.
        c_1: Learning rate of the rank-one update.
        c_mu: Learning rate of the rank-mu update.
        chi_n: Expected length of a standard normal vector.
    """

    n: int
    popsize: int
    separable: bool
    weights: NDArray[np.float64] = attrs.field(eq=_ARRAY)
    total_weight: float
    mu: int
    mu_eff: float
    c_sigma: float
    d_sigma: float
    c_c: float
    c_1: float
    c_mu: float
    chi_n: float


def recommended_popsize(n: int) -> int:
    """Return the recommended number of points in a generation for `n` dimensions, at least 1."""
    return 4 + math.floor(3.0 * math.log(n))  # eq. 48


def strategy_parameters(n: int, popsize: int | None = None, *, separable: bool = False) -> Strategy:
    """Return the recommended constants for a problem of `n` dimensions.

    They are those of table 1 in the tutorial, with negative weights for the worse half.

    Args:
        n: Dimensions, at least 1.
        popsize: Points in a generation, at least 2; None means `recommended_popsize`.
        separable: Whether only the diagonal is learned, ``(n + 2) / 3`` times as fast.

    Source: Hansen 2016, table 1; for the separable rates Ros and Hansen, "A Simple Modification in CMA-ES Achieving
    Linear Time and Space Complexity", PPSN 2008.

    Example:
        >>> strategy_parameters(10).popsize, round(strategy_parameters(10).mu_eff, 3)
        (10, 3.167)
    """
    size = recommended_popsize(n) if popsize is None else popsize
    raw = math.log((size + 1) / 2.0) - np.log(np.arange(1, size + 1))  # eq. 49
    mu = size // 2
    mu_eff = float(raw[:mu].sum() ** 2 / (raw[:mu] ** 2).sum())  # eq. 8
    faster = (n + 2.0) / 3.0 if separable else 1.0
    c_1 = min(1.0, faster * _ALPHA_COV / ((n + 1.3) ** 2 + mu_eff))  # eq. 57
    c_mu = faster * _ALPHA_COV * (0.25 + mu_eff + 1.0 / mu_eff - 2.0) / ((n + 2.0) ** 2 + _ALPHA_COV * mu_eff / 2.0)
    c_mu = min(1.0 - c_1, c_mu)  # eq. 58
    weights = _recombination_weights(raw, n=n, mu=mu, c_1=c_1, c_mu=c_mu)
    return Strategy(
        n=n,
        popsize=size,
        separable=separable,
        weights=weights,
        total_weight=float(weights.sum()),
        mu=mu,
        mu_eff=mu_eff,
        c_sigma=(mu_eff + 2.0) / (n + mu_eff + 5.0),  # eq. 55
        d_sigma=1.0
        + 2.0 * max(0.0, math.sqrt((mu_eff - 1.0) / (n + 1.0)) - 1.0)
        + (mu_eff + 2.0) / (n + mu_eff + 5.0),  # eq. 55
        c_c=(4.0 + mu_eff / n) / (n + 4.0 + 2.0 * mu_eff / n),  # eq. 56
        c_1=c_1,
        c_mu=c_mu,
        chi_n=math.sqrt(n) * (1.0 - 1.0 / (4.0 * n) + 1.0 / (21.0 * n * n)),
    )


def _recombination_weights(
    raw: NDArray[np.float64], *, n: int, mu: int, c_1: float, c_mu: float
) -> NDArray[np.float64]:
    """Return the weights of eq. 50 to 53: the positive ones sum to 1, and negative ones keep the covariance positive."""
    better, worse = raw[:mu], raw[mu:]
    weights = np.zeros(len(raw))
    weights[:mu] = better / better.sum()
    lost = -worse.sum()
    if c_mu > 0.0 and lost > 0.0:
        mu_eff = better.sum() ** 2 / (better**2).sum()
        mu_eff_minus = lost**2 / (worse**2).sum()
        total = min(
            1.0 + c_1 / c_mu,  # eq. 50
            1.0 + 2.0 * mu_eff_minus / (mu_eff + 2.0),  # eq. 51
            max(0.0, 1.0 - c_1 - c_mu) / (n * c_mu),  # eq. 52
        )
        weights[mu:] = np.minimum(worse, 0.0) * (total / lost)  # eq. 53
    return weights


@attrs.frozen(unsafe_hash=False)
class Model:
    """The distribution of a generation, and the paths by which its strategy learns.

    Attributes:
        mean: Centre, ``(n,)``.
        sigma: Step size, above 0.
        covariance: Of the steps: ``(n, n)``, or the diagonal ``(n,)`` of a separable strategy.
        p_sigma: Evolution path of the step size, ``(n,)``.
        p_c: Evolution path of the covariance, ``(n,)``.
        generation: How many updates there were.
        axes: Eigenvectors of the covariance as columns, ``(n, n)``; None for a separable strategy.
        lengths: Square roots of the eigenvalues, ``(n,)``.
        stretch: What draws are multiplied by along each dimension, ``(n,)``: 1 without a margin (see
            `hpo.numerics.cma_es.margin`), the matrix A of the paper on margins. The covariance learns from steps that
            are not stretched.
        rates: Learning rates that adapt (see `hpo.numerics.cma_es.learning_rates`); None if they are always 1.
        spread: The matrix that turns a standard normal vector into a step from the mean, ``(n, n)``, or its diagonal
            ``(n,)`` for a separable strategy: ``sigma * stretch * axes * lengths * axes.T``, the symmetric root.
    """

    mean: NDArray[np.float64] = attrs.field(eq=_ARRAY)
    sigma: float
    covariance: NDArray[np.float64] = attrs.field(eq=_ARRAY)
    p_sigma: NDArray[np.float64] = attrs.field(eq=_ARRAY)
    p_c: NDArray[np.float64] = attrs.field(eq=_ARRAY)
    generation: int
    axes: NDArray[np.float64] | None = attrs.field(eq=_ARRAY)
    lengths: NDArray[np.float64] = attrs.field(eq=_ARRAY)
    stretch: NDArray[np.float64] = attrs.field(eq=_ARRAY)
    rates: Rates | None = None
    spread: NDArray[np.float64] = attrs.field(init=False, eq=False, repr=False)

    @spread.default
    def _spread(self) -> NDArray[np.float64]:
        along = self.sigma * self.lengths  # eq. 38
        if self.axes is None:
            return self.stretch * along
        # eq. 39, rotated back: the root is symmetric, and does not depend on which axes rounding picks for equal lengths
        root = (self.axes * along) @ self.axes.T
        return self.stretch[:, None] * root

    @property
    def variances(self) -> NDArray[np.float64]:
        """The diagonal of the covariance, ``(n,)``."""
        return self.covariance if self.axes is None else np.diagonal(self.covariance)

    @property
    def condition(self) -> float:
        """The condition number: the largest eigenvalue of the covariance divided by the smallest."""
        return float((self.lengths.max() / self.lengths.min()) ** 2)


def initial_model(
    strategy: Strategy,
    mean: NDArray[np.float64],
    sigma: float,
    *,
    covariance: NDArray[np.float64] | None = None,
    adapt_rates: bool = False,
) -> Model:
    """Return the normal distribution that a run begins with.

    Args:
        strategy: The constants.
        mean: Its centre, ``(n,)``.
        sigma: The step size, above 0.
        covariance: The covariance of the steps, ``(n, n)``, or None for the identity; its diagonal if separable.
        adapt_rates: Whether the learning rates follow the signal, as `hpo.numerics.cma_es.learning_rates` describes.
    """
    n = strategy.n
    first = np.eye(n) if covariance is None else covariance
    first, axes, lengths = _decomposed(np.diagonal(first).copy() if strategy.separable else first)
    return Model(
        mean=mean,
        sigma=sigma,
        covariance=first,
        p_sigma=np.zeros(n),
        p_c=np.zeros(n),
        generation=0,
        axes=axes,
        lengths=lengths,
        stretch=np.ones(n),
        rates=initial_rates(n, separable=strategy.separable) if adapt_rates else None,
    )


def candidate(model: Model, normal: NDArray[np.float64] | list[float]) -> NDArray[np.float64]:
    """Return the point, ``(n,)``, to which the distribution maps a standard normal vector, ``(n,)``.

    Example:
        >>> model = initial_model(strategy_parameters(2), np.array([0.5, 0.5]), 0.1)
        >>> candidate(model, [1.0, -1.0]).tolist()
        [0.6, 0.4]
    """
    step = model.spread * normal if model.spread.ndim == 1 else model.spread @ normal
    return model.mean + step  # eq. 40


def updated(
    strategy: Strategy, model: Model, points: NDArray[np.float64], *, injected: NDArray[np.bool_] | None = None
) -> Model:
    """Return the distribution of the next generation, with finite entries and a condition number of at most 1e14.

    Args:
        strategy: The constants.
        model: The distribution so far.
        points: A generation, best first, ``(popsize, n)``.
        injected: Which points were not drawn from `model`, ``(popsize,)``; None means none. Their steps are cut to the
            length ``sqrt(n) + 2 n / (n + 2)``, so that a far one can't tear the distribution apart.

    Source: Hansen 2016, table 1 and appendix A; for injected points Hansen, "Injecting External Solutions Into CMA-ES", arXiv:1110.4181 (2011).
    """
    steps, squares = _steps(strategy, model, points, injected)
    mean_step = strategy.weights[: strategy.mu] @ steps[: strategy.mu]  # eq. 41
    mean_whitened = _whitened(model, mean_step)
    p_sigma = _step_size_path(strategy, model, mean_whitened)
    h_sigma = _h_sigma(strategy, p_sigma, model.generation + 1)
    p_c = _covariance_path(strategy, model, mean_step, h_sigma=h_sigma)
    weights = np.where(strategy.weights >= 0.0, strategy.weights, strategy.weights * (strategy.n / squares))  # eq. 46
    covariance = _covariance(strategy, model, p_c, steps, weights, h_sigma=h_sigma)
    sigma, rates = _step_size(strategy, model.sigma, p_sigma), model.rates
    if rates is not None:
        # the rates are judged by the whole update, sigma included: sigma'^2 C' against sigma^2 C
        covariance *= (sigma / model.sigma) ** 2
        rates = followed(rates, mean=mean_whitened, covariance=_change_within(model, covariance) / math.sqrt(2.0))
        mean_step = rates.mean.value * mean_step
        sigma, covariance = _slowed(model, covariance, rates)
    covariance, axes, lengths = _decomposed(covariance)
    return Model(
        mean=model.mean + model.sigma * model.stretch * mean_step,  # eq. 42 with c_m = 1
        sigma=sigma,
        covariance=covariance,
        p_sigma=p_sigma,
        p_c=p_c,
        generation=model.generation + 1,
        axes=axes,
        lengths=lengths,
        stretch=model.stretch,
        rates=rates,
    )


def _steps(
    strategy: Strategy, model: Model, points: NDArray[np.float64], injected: NDArray[np.bool_] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the points as steps from the mean, ``(popsize, n)``, and their squared Mahalanobis lengths."""
    steps = (points - model.mean) / (model.sigma * model.stretch)
    along = (steps if model.axes is None else steps @ model.axes) / model.lengths
    squares = np.maximum(np.einsum("ij,ij->i", along, along), _LEAST_SQUARE)
    root = math.sqrt(strategy.n)
    if injected is None and squares.max() <= (root + _LONGEST) ** 2:
        return steps, squares
    longest = np.full(len(points), root + _LONGEST)
    if injected is not None:
        longest[injected] = root + 2.0 * strategy.n / (strategy.n + 2.0)
    cut = np.minimum(1.0, longest / np.sqrt(squares))
    return steps * cut[:, None], squares * cut**2


def _whitened(model: Model, step: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``C^(-1/2) y``: the step as the standard normal vector that it is drawn from."""
    return step / model.lengths if model.axes is None else model.axes @ ((step @ model.axes) / model.lengths)


def _change_within(model: Model, covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``C^(-1/2) C' C^(-1/2) - 1``: how a covariance differs from the model's, in the metric of the model's."""
    if model.axes is None:
        return covariance / model.covariance - 1.0
    inverse_root = (model.axes / model.lengths) @ model.axes.T
    change: NDArray[np.float64] = inverse_root @ covariance @ inverse_root - np.eye(len(covariance))
    return change


def _slowed(model: Model, covariance: NDArray[np.float64], rates: Rates) -> tuple[float, NDArray[np.float64]]:
    """Return the step size, and the covariance with determinant 1, after an update that is slowed down by its rates.

    Args:
        model: The distribution so far, with the rates of the update before.
        covariance: The covariance after the full update, for the step size of the model.
        rates: The rates of this update.

    Source: Nomura, Akimoto and Ono, GECCO 2023. The determinant splits the slowed covariance into step size and shape;
    the best step size is inversely proportional to the rate of the mean.
    """
    assert model.rates is not None
    covariance = model.covariance + rates.covariance.value * (covariance - model.covariance)
    growth = _volume_root(covariance)
    sigma = model.sigma * math.sqrt(growth) * model.rates.mean.value / rates.mean.value
    return _in_range(sigma), covariance / growth


def _volume_root(covariance: NDArray[np.float64]) -> float:
    """Return the n-th root of the determinant."""
    if covariance.ndim == 1:
        return math.exp(float(np.log(covariance).mean()))
    return math.exp(float(np.linalg.slogdet(covariance)[1]) / len(covariance))


def _step_size_path(strategy: Strategy, model: Model, mean_whitened: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the evolution path of the step size (eq. 43)."""
    c = strategy.c_sigma
    return (1.0 - c) * model.p_sigma + math.sqrt(c * (2.0 - c) * strategy.mu_eff) * mean_whitened


def _step_size(strategy: Strategy, sigma: float, p_sigma: NDArray[np.float64]) -> float:
    """Return the step size (eq. 44), which grows by at most a factor of e in one generation."""
    length = math.sqrt(float(p_sigma @ p_sigma))
    change = strategy.c_sigma / strategy.d_sigma * (length / strategy.chi_n - 1.0)
    return _in_range(sigma * math.exp(min(change, 1.0)))


def _in_range(sigma: float) -> float:
    least, most = _SIGMA_RANGE
    return min(max(sigma, least), most)


def _h_sigma(strategy: Strategy, p_sigma: NDArray[np.float64], generation: int) -> bool:
    """Return the h_sigma of eq. 45: whether the path of the step size is not unusually long.

    While it is, the covariance's path stalls: with a step size that is far too small, it would stretch the covariance.
    """
    usual = math.sqrt(1.0 - (1.0 - strategy.c_sigma) ** (2 * generation)) * strategy.chi_n
    return math.sqrt(float(p_sigma @ p_sigma)) < (1.4 + 2.0 / (strategy.n + 1.0)) * usual


def _covariance_path(
    strategy: Strategy, model: Model, mean_step: NDArray[np.float64], *, h_sigma: bool
) -> NDArray[np.float64]:
    """Return the evolution path of the covariance (eq. 45)."""
    c = strategy.c_c
    faded = (1.0 - c) * model.p_c
    return faded + math.sqrt(c * (2.0 - c) * strategy.mu_eff) * mean_step if h_sigma else faded


def _covariance(
    strategy: Strategy,
    model: Model,
    p_c: NDArray[np.float64],
    steps: NDArray[np.float64],
    weights: NDArray[np.float64],
    *,
    h_sigma: bool,
) -> NDArray[np.float64]:
    """Return the covariance (eq. 47): what is kept, the rank-one and the rank-mu update."""
    c_1, c_mu = strategy.c_1, strategy.c_mu
    # delta(h_sigma): makes up for the variance that the path lacks when it stalls
    shortfall = 0.0 if h_sigma else strategy.c_c * (2.0 - strategy.c_c)
    kept = 1.0 + c_1 * shortfall - c_1 - c_mu * strategy.total_weight
    if strategy.separable:
        rank_one, rank_mu = p_c * p_c, weights @ (steps * steps)
    else:
        rank_one, rank_mu = p_c[:, None] * p_c, (steps.T * weights) @ steps
    following: NDArray[np.float64] = kept * model.covariance + c_1 * rank_one + c_mu * rank_mu
    return following


def _decomposed(
    covariance: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None, NDArray[np.float64]]:
    """Return the covariance, its eigenvectors and the roots of its eigenvalues, with the smallest ones raised."""
    if covariance.ndim == 1:
        covariance = np.maximum(covariance, covariance.max() * _LEAST_CONDITION)
        return covariance, None, np.sqrt(covariance)
    values, axes = np.linalg.eigh(covariance)  # reads the lower triangle only: rounding may make the upper one differ
    if values[0] < values[-1] * _LEAST_CONDITION:
        values = np.maximum(values, values[-1] * _LEAST_CONDITION)
        covariance = (axes * values) @ axes.T
    return covariance, axes, np.sqrt(values)
