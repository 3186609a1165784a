"""Two densities, one of good trials and one of the others, and the candidates that tell them apart."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Protocol

import attrs
import numpy as np
from numpy.typing import NDArray

from hpo.core import CategoricalDistribution, Choice, FloatDistribution, IntDistribution, Key
from hpo.errors import InvalidArgument
from hpo.numerics.pareto import good_weights
from hpo.numerics.parzen import Cells, Distances, ParzenEstimator, fit_parzen
from hpo.samplers.parts import Carry, Fold, UnitCube, coarse_grid_size
from hpo.samplers.tpe.options import DistanceFunctions, n_good_of, weights_of

_NARROWEST_SHARE = 100  # the magic clip of Bergstra et al. 2011, as Hyperopt has it
_SHRINKAGE = 0.3  # of the prior's weight, in the widths of kernels; see `fit_parzen`
_BAD_NARROWING = 0.5  # the bad trials' kernels are half as wide: they say where not to go, and that is nearby
_MOST_BAD = 128  # the best of them get kernels, being next to the good ones; the others count as uniformly distributed


class ModelOptions(Protocol):
    """The options of `TPESampler` that a model depends on."""

    @property
    def gamma(self) -> Callable[[int], int]:
        """How many of so many trials are good."""
        ...

    @property
    def consider_reports(self) -> bool:
        """Whether only trials with a result, or a report in its place, can be good."""
        ...

    @property
    def weights(self) -> Callable[[int], NDArray[np.float64]]:
        """Weights of so many trials, oldest first."""
        ...

    @property
    def prior_weight(self) -> float:
        """The weight of the uniform distribution."""
        ...

    @property
    def consider_magic_clip(self) -> bool:
        """Whether kernels have a least width."""
        ...

    @property
    def consider_endpoints(self) -> bool:
        """Whether the ends of ranges count in the widths of kernels."""
        ...

    @property
    def categorical_distance_func(self) -> DistanceFunctions:
        """How far choices are from each other, by parameter."""
        ...


@attrs.frozen(eq=False)
class GoodAndBad:
    """The densities of good and of bad trials; make them with `fitted`.

    Attributes:
        cube: The coding of points.
        good: The density of the good trials, over the columns that are to be suggested.
        bad: The density of the others, over the same columns.
        known: The point that was given, ``(d,)``; only its values in the other columns count.
        free: The columns that are to be suggested.
    """

    cube: UnitCube
    good: ParzenEstimator
    bad: ParzenEstimator
    known: NDArray[np.float64]
    free: NDArray[np.intp]

    def candidates(self, key: Key, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return points, ``(count, d)``, drawn from the good density, and their scores, ``(count,)``; best first."""
        # inverting the distribution functions of numbers in a fixed order gives the same points on every machine
        uniforms = key.generator().random((count, 1 + 2 * len(self.free)))
        points = np.repeat(self.known[None], count, axis=0)
        points[:, self.free] = self.good.sample(uniforms)
        scores = self.scores(points)
        order = np.argsort(-scores, kind="stable")
        return points[order], scores[order]

    def scores(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how much likelier points, ``(m, d)``, are among the good trials: the log ratio, ``(m,)``.

        Where it is largest, so is the expected improvement (Bergstra et al. 2011, section 4.1).
        """
        cells = cells_at(self.cube, points)
        if len(self.free) < points.shape[1]:
            cells = {new: cells[old] for new, old in enumerate(self.free.tolist()) if old in cells}
            points = points[:, self.free]
        score: NDArray[np.float64] = self.good.log_density(points, cells) - self.bad.log_density(points, cells)
        return score


def fitted(
    options: ModelOptions,
    cube: UnitCube,
    fold: Fold,
    carry: Carry,
    liars: NDArray[np.float64],
    known: dict[int, float],
) -> GoodAndBad | None:
    """Return the densities that the options ask for, or None if there is no trial inside the ranges.

    Args:
        options: The options of the sampler.
        cube: The coding of the space that is modelled.
        fold: The fold that `carry` is from.
        carry: The trials.
        liars: Points that count as bad, ``(l, d)``: running trials, which are taken to be no better than the others.
        known: Positions, in the unit interval or as indices of choices, that are given, by column.

    Raises:
        InvalidType, InvalidArgument: `gamma`, `weights` or a distance function returned an invalid value.
    """
    rows, alike = carry.rows.array, carry.alike
    if not cube.covers(carry.low, carry.high):  # some trial is from before a range changed
        rows = rows[cube.fits(fold.values(rows))]
    if not len(rows):
        return None
    # trials without a report at the step that counts were stopped before it: they are bad, but show nothing of how many are good
    n_good = n_good_of(options.gamma, (options.consider_reports and fold.n_complete(rows)) or len(rows))
    order = fold.best_first(rows, n_good + _MOST_BAD, alike=alike)
    # kernels are in the order told, since the weights are by age
    by_age = order[:n_good].argsort()
    good, bad = order[by_age], np.sort(order[n_good : n_good + _MOST_BAD])
    rank_weights = _rank_weights(fold, rows[order[:n_good]], alike=alike)[by_age]
    points = cube.units(fold.values(rows[np.concatenate((good, bad))]))
    n = len(rows) + len(liars)
    good_density = _estimator(options, cube, points[:n_good], rank_weights * weights_of(options.weights, n_good), n)
    # the place of a bad trial among all bad ones is its place among all, less the good ones before it
    ages = bad - good.searchsorted(bad) if len(bad) < len(rows) - n_good else None
    bad_density = _bad_density(options, cube, points[n_good:], ages, liars, len(rows) - n_good, n)
    point = np.zeros(len(cube.columns))
    if not known:
        return GoodAndBad(cube, good_density, bad_density, point, np.arange(len(point)))
    given = np.array(sorted(known), dtype=np.intp)
    point[given] = [known[column] for column in given.tolist()]
    cells = cells_at(cube, point[None])
    return GoodAndBad(
        cube,
        good_density.given(given, point, cells),
        bad_density.given(given, point, cells),
        point,
        np.setdiff1d(np.arange(len(point)), given),
    )


def _bad_density(
    options: ModelOptions,
    cube: UnitCube,
    points: NDArray[np.float64],
    ages: NDArray[np.intp] | None,
    liars: NDArray[np.float64],
    n_bad: int,
    n: int,
) -> ParzenEstimator:
    """Return the density of `n_bad` trials, some of which have kernels, and of liars, which are the newest of all.

    Args:
        options: The options of the sampler.
        cube: The coding of the points.
        points: The trials with kernels, oldest first, ``(k, d)``.
        ages: Which ones of the bad trials they are, counted from the oldest, ``(k,)``; None for all of them.
        liars: The points of running trials, ``(l, d)``.
        n_bad: How many bad trials there are, not counting the liars; the weight of those without kernels is uniform.
        n: How many trials there are, good ones and liars included.
    """
    weights, left_out = weights_of(options.weights, n_bad + len(liars)), 0.0
    if ages is not None:
        total = weights.sum()
        weights = weights[np.concatenate((ages, np.arange(n_bad, n_bad + len(liars))))]
        left_out = max(float(total - weights.sum()), 0.0)  # rounding could take it below 0
    if len(liars):
        points = np.concatenate((points, liars))
    return _estimator(options, cube, points, weights, n, narrowing=_BAD_NARROWING, left_out=left_out)


def _rank_weights(fold: Fold, good: NDArray[np.float64], *, alike: bool) -> NDArray[np.float64]:
    """Return the weights of good rows, the best first, with the mean 1: ``log(n + 1) - log(rank)``.

    With several objectives, whose front has no order, a trial's weight is its exclusive hypervolume contribution.

    Source: Hansen, "The CMA Evolution Strategy: A Tutorial", 2016 (weights by the logarithm of the rank); Ozaki et al.,
    "Multiobjective Tree-Structured Parzen Estimator", JAIR 2022 (weights by the contribution).
    """
    if fold.n_losses and alike and len(good):
        return _with_mean_1(good_weights(fold.losses(good)))
    return _log_rank_weights(len(good))


@lru_cache(maxsize=64)
def _log_rank_weights(n: int) -> NDArray[np.float64]:
    weights = _with_mean_1(math.log(n + 1.0) - np.log(np.arange(1.0, n + 1.0)))
    weights.flags.writeable = False
    return weights


def _with_mean_1(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    # so that good trials as a group weigh next to the prior what they weighed without ranks
    scaled: NDArray[np.float64] = weights * (len(weights) / weights.sum()) if len(weights) else weights
    return scaled


def _estimator(
    options: ModelOptions,
    cube: UnitCube,
    points: NDArray[np.float64],
    weights: NDArray[np.float64],
    n: int,
    *,
    narrowing: float = 1.0,
    left_out: float = 0.0,
) -> ParzenEstimator:
    clip = 1.0 / min(_NARROWEST_SHARE, 1 + n) if options.consider_magic_clip else 0.0
    return fit_parzen(
        points,
        cube.n_choices,
        weights,
        prior_weight=options.prior_weight,
        weight_left_out=left_out,
        shrinkage=_SHRINKAGE * options.prior_weight,
        narrowing=narrowing,
        # a kernel narrower than a cell would make a grid's value certain after one good trial
        min_width=np.maximum(cube.cell_width, clip),
        consider_endpoints=options.consider_endpoints,
        distances=distances_between_choices(cube, options.categorical_distance_func),
    )


def cells_at(cube: UnitCube, points: NDArray[np.float64]) -> Cells:
    """Return the cells of coarse grids that points, ``(m, d)``, are in.

    A kernel's density is integrated over a cell, because all of its points stand for one value: at the centres alone
    it would depend on how many values the grid has.
    """
    cells = {}
    for column, distribution in _grids(cube):
        unit = points[:, column]
        if cube.columns[column][1] == "log":
            # on the logarithmic scale the cell of a whole number reaches from half below to half above it
            with np.errstate(over="ignore"):
                value = np.rint(np.exp(cube.origin[column] + unit * cube.width[column]))
            ends = np.log(np.clip(value, float(distribution.low), float(distribution.high)) + np.array([[-0.5], [0.5]]))
            lower, upper = (ends - cube.origin[column]) / cube.width[column]
            cells[column] = lower, upper
        else:
            n = distribution.n_values() or 1
            cell = np.minimum(np.floor(unit * n), n - 1)  # the point 1 belongs to the last cell
            cells[column] = cell / n, (cell + 1) / n
    return cells


@lru_cache(maxsize=64)
def _grids(cube: UnitCube) -> tuple[tuple[int, FloatDistribution | IntDistribution], ...]:
    """Return the columns of grids that are modelled by their cells, with their distributions.

    A logarithmic range of whole numbers is coarse at its low end, however many values it has.
    """
    return tuple(
        (column, distribution)
        for column, (distribution, (_, scale)) in enumerate(zip(cube.distributions, cube.columns, strict=True))
        if not isinstance(distribution, CategoricalDistribution)
        and (coarse_grid_size(distribution) or (isinstance(distribution, IntDistribution) and scale == "log"))
    )


def distances_between_choices(cube: UnitCube, functions: DistanceFunctions) -> Distances:
    """Return how far the choices of categorical columns are from each other, as shares of the largest distance.

    Raises:
        InvalidArgument: a function returned a distance that is negative or not finite.
    """
    found = {}
    for name, function in functions:
        if name in cube.names:  # a space may lack the parameter: the model of another branch, say
            column = cube.names.index(name)
            distribution = cube.distributions[column]
            if isinstance(distribution, CategoricalDistribution):
                found[column] = _distance_shares(name, distribution, function)
    return found


@lru_cache(maxsize=64)
def _distance_shares(
    name: str, distribution: CategoricalDistribution, function: Callable[[Choice, Choice], float]
) -> NDArray[np.float64]:
    choices = distribution.choices
    table = np.array([[function(one, other) for other in choices] for one in choices], dtype=np.float64)
    if not (np.isfinite(table) & (table >= 0.0)).all():
        raise InvalidArgument(
            f"categorical_distance_func must return finite distances of at least 0 for {name!r}; for the choices "
            f"{list(choices)!r} it returned {table.tolist()!r}"
        )
    largest = table.max()
    return table / largest if largest > 0.0 else table
