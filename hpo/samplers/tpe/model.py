"""Two densities, one of good trials and one of the others, and the candidates that tell them apart."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Protocol

import attrs
import numpy as np
from numpy.typing import NDArray

from hpo.core import Choice, Key, as_int
from hpo.errors import InvalidArgument, InvalidType
from hpo.numerics.pareto.hypervolume import good_weights
from hpo.numerics.parzen import ParzenEstimator, fit_parzen
from hpo.samplers.tpe.coding import UnitCoding
from hpo.samplers.tpe.observations import Observations, Observed
from hpo.samplers.tpe.options import default_weights

_NARROWEST_SHARE = 100
_SHRINKAGE = 0.3  # of the prior's weight; see `fit_parzen`
_BAD_NARROWING = 0.5  # of the bad trials' kernels
_MOST_BAD = 128  # the best of them, which are near to the good ones; the others count as uniformly distributed


class ModelOptions(Protocol):
    """The options of `TPESampler` that a model depends on; see there."""

    @property
    def gamma(self) -> Callable[[int], int]:
        """How many of so many trials are good."""
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
        """Whether kernels are not too narrow."""
        ...

    @property
    def consider_endpoints(self) -> bool:
        """Whether the ends of ranges count in widths."""
        ...

    @property
    def categorical_distance_func(self) -> tuple[tuple[str, Callable[[Choice, Choice], float]], ...]:
        """How far choices are from each other, by parameter."""
        ...


@attrs.frozen(eq=False)
class GoodAndBad:
    """The densities of good and of bad trials; make them with `fitted`.

    Attributes:
        coding: What points mean.
        likely: The density of the good trials, over the columns that are to be suggested.
        unlikely: That of the others, over the same ones.
        known: The point that was given, ``(d,)``; only its values in the other columns count.
        free: The columns to be suggested, ``(d,)``.
    """

    coding: UnitCoding
    likely: ParzenEstimator
    unlikely: ParzenEstimator
    known: NDArray[np.float64]
    free: NDArray[np.intp]

    def candidates(self, key: Key, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Points, ``(count, d)``, drawn from the good trials' density, and their scores, ``(count,)``; best first."""
        uniforms = key.generator().random((count, 1 + 2 * len(self.free)))
        points = np.repeat(self.known[None], count, axis=0)
        points[:, self.free] = self.likely.sample(uniforms)
        scores = self.scores(points)
        order = np.argsort(-scores, kind="stable")
        return points[order], scores[order]

    def scores(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """How much likelier points, ``(m, d)``, are among the good trials than among the bad ones: the log ratio."""
        cells = self.coding.cells(points)
        if len(self.free) < points.shape[1]:
            cells = {new: cells[old] for new, old in enumerate(self.free.tolist()) if old in cells}
            points = points[:, self.free]
        score: NDArray[np.float64] = self.likely.log_density(points, cells) - self.unlikely.log_density(points, cells)
        return score


def fitted(
    options: ModelOptions,
    coding: UnitCoding,
    fold: Observations,
    observed: Observed,
    liars: NDArray[np.float64],
    known: dict[int, float],
) -> GoodAndBad | None:
    """The densities as the options want them; None if there is no trial inside the ranges.

    Args:
        options: Of the sampler.
        coding: Of the space that is modelled.
        fold: What `observed` is from.
        observed: The trials.
        liars: Points that count as bad, ``(l, d)``.
        known: Positions, in the unit interval or as indices of choices, that are given, by column.

    Raises:
        InvalidType, InvalidArgument: what `gamma`, `weights` or a distance function gave is none.
    """
    rows, alike = observed.rows.array, observed.alike
    if not coding.holds(observed.low, observed.high):
        rows = rows[coding.fits(fold.values(rows))]
    if not len(rows):
        return None
    n_good = _n_good(options, len(rows))
    order = fold.best_first(rows, n_good + _MOST_BAD, alike=alike)
    by_age = order[:n_good].argsort()
    good, bad = order[by_age], np.sort(order[n_good : n_good + _MOST_BAD])
    rank_weights = _rank_weights(fold, rows[order[:n_good]], alike=alike)[by_age]
    points = coding.units(fold.values(rows[np.concatenate((good, bad))]))
    n = len(rows) + len(liars)
    likely = _estimator(options, coding, points[:n_good], rank_weights * _weights(options, n_good), n)
    ages = bad - good.searchsorted(bad) if len(bad) < len(rows) - n_good else None
    unlikely = _of_bad(options, coding, points[n_good:], ages, liars, len(rows) - n_good, n)
    whole = np.zeros(len(coding.columns))
    if not known:
        return GoodAndBad(coding, likely, unlikely, whole, np.arange(len(whole)))
    given = np.array(sorted(known), dtype=np.intp)
    whole[given] = [known[column] for column in given.tolist()]
    cells = coding.cells(whole[None])
    return GoodAndBad(
        coding,
        likely.given(given, whole, cells),
        unlikely.given(given, whole, cells),
        whole,
        np.setdiff1d(np.arange(len(whole)), given),
    )


def _of_bad(
    options: ModelOptions,
    coding: UnitCoding,
    points: NDArray[np.float64],
    ages: NDArray[np.intp] | None,
    liars: NDArray[np.float64],
    n_bad: int,
    n: int,
) -> ParzenEstimator:
    """The density of `n_bad` trials, of which `points` have kernels, and of liars, the newest of all.

    Args:
        options: Of the sampler.
        coding: Of the points.
        points: Oldest first, ``(k, d)``.
        ages: Which ones of the bad trials they are, counted from the oldest, ``(k,)``; None for all of them.
        liars: Shape ``(l, d)``.
        n_bad: How many bad trials there are without the liars; the weight of those without kernels is uniform.
        n: How many trials there are, good ones and liars included.
    """
    weights, left_out = _weights(options, n_bad + len(liars)), 0.0
    if ages is not None:
        total = weights.sum()
        weights = weights[np.concatenate((ages, np.arange(n_bad, n_bad + len(liars))))]
        left_out = max(float(total - weights.sum()), 0.0)
    if len(liars):
        points = np.concatenate((points, liars))
    return _estimator(options, coding, points, weights, n, narrowing=_BAD_NARROWING, left_out=left_out)


def _n_good(options: ModelOptions, n: int) -> int:
    given = options.gamma(n)
    n_good = as_int(given)
    if n_good is None:
        raise InvalidType(f"gamma gives a whole number of good trials, got {given!r} for {n}")
    return min(max(n_good, 0), n)


def _weights(options: ModelOptions, n: int) -> NDArray[np.float64]:
    """What the option `weights` gives for `n` trials, checked."""
    weights = np.asarray(options.weights(n), dtype=np.float64)
    if options.weights is default_weights:
        return weights
    with np.errstate(over="ignore"):
        usable = weights.shape == (n,) and math.isfinite(weights.sum()) and (weights >= 0.0).all()
    if not usable:
        raise InvalidArgument(f"weights gives one finite weight per trial, none negative; for {n} it gave {weights!r}")
    return weights


def _rank_weights(fold: Observations, good: NDArray[np.float64], *, alike: bool) -> NDArray[np.float64]:
    """Weights of good rows, the best first, with the mean 1: ``log(n + 1) - log(rank)``.

    With several objectives, where the front has no order, the hypervolume that only a trial has decides instead.

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
    """Positive weights, scaled."""
    scaled: NDArray[np.float64] = weights * (len(weights) / weights.sum()) if len(weights) else weights
    return scaled


def _estimator(
    options: ModelOptions,
    coding: UnitCoding,
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
        coding.n_choices,
        weights,
        prior_weight=options.prior_weight,
        weight_left_out=left_out,
        shrinkage=_SHRINKAGE * options.prior_weight,
        narrowing=narrowing,
        min_width=np.maximum(coding.cell_width, clip),
        consider_endpoints=options.consider_endpoints,
        distances=coding.distances(options.categorical_distance_func),
    )
