"""Boosted trees of a study: the quantiles of its results, or where the good ones are, and when they are fitted again.

Both need no more of a result than its rank. Trees are fitted at certain numbers of trials only: at every one in the
beginning, and geometrically rarer later. Each fit is a function of the trials up to then alone, so that a study that is read
from its journal pays for one fit and not for all of them. In between, and for trials that run, some more rounds of boosting
go on from the last fit.

Notation: `n` trials, `d` columns, `m` points, `k` levels.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Generic, Protocol, TypeVar, cast

import attrs
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from hpo.core import FrozenTrial
from hpo.numerics.trees import Boosted, Boosting, Growth, LogisticLoss, QuantileLoss, boosted

_ALWAYS = 20  # up to so many trials, each one is followed by a fit
_GROWTH = 1.1  # then the next fit is due when there are so many times more
_LONGEST_WAIT = 50  # trials from one fit to the next
_MOST_FITTED = 1000  # trials: half of them the best, and half the newest ones
_MORE_ROUNDS = 10  # of boosting, after the fit
_FEWEST_HELD_OUT = 32  # trials up to which none is held out
_HELD_OUT = 10  # one in so many trials is held out

Array = NDArray[np.float64]


class RankedTrials(Protocol):
    """Trials as points with ranks; see `hpo.samplers.parts.ranked_points`."""

    @property
    def points(self) -> Array:
        """Where they are, NaN in the columns that they lack, ``(n, d)``, oldest first."""
        ...

    @property
    def ranks(self) -> Array:
        """Their ranks, less is better, ``(n,)``."""
        ...


R = TypeVar("R")


class TrialsFold(Protocol[R]):
    """A fold of which trials as points with ranks can be made."""

    @property
    def categorical(self) -> NDArray[np.bool_]:
        """Which columns are categorical, ``(d,)``."""
        ...

    def init(self) -> R:
        """Return the carry of no trials."""
        ...

    def step(self, carry: R, trial: FrozenTrial) -> R:
        """Return the carry after one more finished trial."""
        ...

    def n_rows(self, carry: R) -> int:
        """Return the number of trials."""
        ...

    def ranked(self, carry: R, *, failed: bool) -> RankedTrials:
        """Return the trials, with or without those that failed."""
        ...


class Model(Protocol):
    """Trees, and what belongs to them."""

    def updated(self, points: Array, ranks: Array, running: Array) -> Model:
        """Return the model after some more rounds for trials, and for running ones, ``(l, d)``."""
        ...


M = TypeVar("M", bound=Model)
Made_co = TypeVar("Made_co", bound=Model, covariant=True)


class Learner(Protocol[Made_co]):
    """Makes a model of trials; equal learners make the same of the same trials."""

    def model(self, points: Array, categorical: NDArray[np.bool_], ranks: Array) -> Made_co:
        """Return the model of at least one trial."""
        ...


def last_fit(n: int) -> int:
    """Return the number of trials at the last fit when there are `n`.

    Example:
        >>> [last_fit(n) for n in (5, 20, 21, 22, 100)]
        [5, 20, 20, 22, 97]
    """
    due = min(n, _ALWAYS)
    while (later := min(math.ceil(due * _GROWTH), due + _LONGEST_WAIT)) <= n and due >= _ALWAYS:
        due = later
    return due


class Fit(Generic[R, M]):
    """A model of the first trials; computed when it is asked for.

    Args:
        fold: The fold.
        trials: The carry of its trials.
    """

    def __init__(self, fold: Fold[R, M], trials: R) -> None:
        self.fold, self.trials = fold, trials

    @cached_property
    def model(self) -> M | None:
        """The model; None if no trial is inside of the ranges."""
        ranked = self.fold.chosen(self.trials)
        if ranked is None:
            return None
        return self.fold.learner.model(ranked[0], self.fold.trials.categorical, ranked[1])


@attrs.frozen(eq=False)
class Carry(Generic[R, M]):
    """The result of `Fold`.

    Attributes:
        trials: The carry of the trials.
        fit: The last fit.
    """

    trials: R
    fit: Fit[R, M] | None


@attrs.frozen
class Fold(Generic[R, M]):
    """Fold: the trials that trees learn from, and their last fit.

    Args:
        trials: How trials become points with ranks.
        learner: How these become a model.
        failed: Whether failed trials count, as the worst ones.
    """

    trials: TrialsFold[R]
    learner: Learner[M]
    failed: bool = False

    def init(self) -> Carry[R, M]:
        """Return the carry of no trials."""
        return Carry(self.trials.init(), None)

    def step(self, carry: Carry[R, M], trial: FrozenTrial) -> Carry[R, M]:
        """Return the carry after one more finished trial."""
        trials = self.trials.step(carry.trials, trial)
        n = self.trials.n_rows(trials)
        due = n > self.trials.n_rows(carry.trials) and last_fit(n) == n
        # nothing is computed before somebody asks the fit
        return Carry(trials, Fit(self, trials) if due else carry.fit)

    def chosen(self, trials: R) -> tuple[Array, Array] | None:
        """Return the points and ranks of the trials that count, oldest first; None if there are none."""
        ranked = self.trials.ranked(trials, failed=self.failed)
        points, ranks = ranked.points, ranked.ranks
        if len(ranks) > _MOST_FITTED:
            kept = np.argsort(ranks, kind="stable")[: _MOST_FITTED // 2]
            kept = np.union1d(kept, np.arange(len(ranks) - _MOST_FITTED // 2, len(ranks)))
            points, ranks = points[kept], ranks[kept]
        return (points, ranks) if len(ranks) else None

    def model(self, carry: Carry[R, M], running: Array) -> M | None:
        """Return the model of all trials, and of running ones, ``(l, d)``; None if no trial is inside of the ranges."""
        if carry.fit is None or carry.fit.model is None:
            return None
        chosen = self.chosen(carry.trials)
        if chosen is None:
            return None
        if carry.fit.trials is carry.trials and not len(running):
            return carry.fit.model
        return cast("M", carry.fit.model.updated(*chosen, running))


@attrs.frozen
class GoodTrials:
    """Learner: which trials are among the best, as a classifier.

    Source: Tiao, Klein, Seeger, Bonilla, Archambeau and Ramos, "BORE: Bayesian Optimization by Density-Ratio Estimation",
    ICML 2021.

    Args:
        share: The share of trials that are good.
        rounds: How many trees there are.
    """

    share: float = 0.25
    weighted: bool = True
    rounds: int = 50

    def model(self, points: Array, categorical: NDArray[np.bool_], ranks: Array) -> GoodModel:
        """Return the classifier."""
        growth = Growth(depth=4, least_weight=1.0, penalty=1.0)
        boosting = Boosting(LogisticLoss(), rounds=self.rounds, rate=0.3, growth=growth, most_bins=32)
        return GoodModel(self, boosted(points, categorical, self.labels(ranks), boosting))

    def labels(self, ranks: Array) -> Array:
        """Return 0 for bad trials, and for good ones how good they are, up to 1, ``(n,)``.

        Equal trials have equal labels, and all those that equal the last good one are good.
        """
        n_good = math.ceil(self.share * len(ranks))
        last = np.sort(ranks)[n_good - 1]
        good = ranks <= last
        if not self.weighted:
            return np.where(good, 1.0, 0.0)
        n_good = int(good.sum())
        # the ranks of the good ones are their own, since no bad one is before them
        labels: Array = np.where(good, 1.0 - np.log1p(np.minimum(ranks, n_good)) / math.log(n_good + 1.0), 0.0)
        return labels


@attrs.frozen(eq=False)
class GoodModel:
    """A classifier of good trials."""

    learner: GoodTrials
    trees: Boosted

    def updated(self, points: Array, ranks: Array, running: Array) -> GoodModel:
        """Return the classifier after some more rounds; running trials count as not good."""
        labels = np.concatenate((self.learner.labels(ranks), np.zeros(len(running))))
        return attrs.evolve(self, trees=self.trees.continued(np.concatenate((points, running)), labels, _MORE_ROUNDS))

    def log_probabilities(self, points: Array) -> Array:
        """Return the logarithms of the probabilities, ``(m,)``, that points, ``(m, d)``, are good."""
        log_probabilities: Array = -np.logaddexp(0.0, -self.trees.outputs(points)[0])
        return log_probabilities


@attrs.frozen
class ConformalQuantiles:
    """Learner: the quantiles of results, with corrections by trials that were held out.

    Source: Salinas, Golebiowski, Klein, Seeger and Archambeau, "Optimizing Hyperparameters with Conformal Quantile
    Regression", ICML 2023; Romano, Patterson and Candes, "Conformalized Quantile Regression", NeurIPS 2019.

    Args:
        levels: The levels of the quantiles, ascending and symmetric around one half.
        rounds: How many trees each level has.
    """

    levels: tuple[float, ...]
    rounds: int = 50

    def model(self, points: Array, categorical: NDArray[np.bool_], ranks: Array) -> QuantileModel:
        """Return the quantiles."""
        boosting = Boosting(QuantileLoss(self.levels), rounds=self.rounds, rate=0.2, most_bins=32)
        targets, n = normal_scores(ranks), len(ranks)
        if n <= _FEWEST_HELD_OUT:
            return QuantileModel(self, boosted(points, categorical, targets, boosting), np.zeros(len(self.levels)))
        # spread over the study, as late trials are not like early ones
        held_out = np.arange(n) % _HELD_OUT == _HELD_OUT - 1
        trees = boosted(points[~held_out], categorical, targets[~held_out], boosting)
        shifts = conformal_shifts(trees.outputs(points[held_out]), targets[held_out], self.levels)
        return QuantileModel(self, trees.continued(points, targets, _MORE_ROUNDS), shifts)


def normal_scores(ranks: Array) -> Array:
    """Return the quantiles of a normal distribution that belong to ranks, ``(n,)``.

    Example:
        >>> normal_scores(np.array([0.0, 2.0, 1.0])).round(2).tolist()
        [-0.97, 0.97, 0.0]
    """
    order = np.argsort(np.argsort(ranks, kind="stable"), kind="stable")
    _, inverse, counts = np.unique(ranks, return_inverse=True, return_counts=True)
    means = np.bincount(inverse, order) / counts
    scores: Array = ndtri((means[inverse] + 0.5) / len(ranks))
    return scores


def conformal_shifts(outputs: Array, targets: Array, levels: tuple[float, ...]) -> Array:
    """Return what to add to quantiles, ``(k,)``, so that each pair of symmetric ones covers as much as it should.

    The excess of a target over the upper one of a pair, or of the lower one over the target, is below zero inside. A pair is
    moved apart by an order statistic of these: that whose level is ``(1 - 2 q) (1 + 1 / n)`` for `n` targets, which makes
    up for there being few of them. It is moved together if it covers too much.

    Source: Romano, Patterson and Candes, "Conformalized Quantile Regression", NeurIPS 2019, equations 6 to 8.

    Args:
        outputs: The quantiles that were predicted, ``(k, n)``.
        targets: What happened, ``(n,)``.
        levels: The levels of the quantiles, ascending and symmetric.

    Example:
        >>> conformal_shifts(np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([0.5, 3.0]), (0.25, 0.75)).tolist()
        [-2.0, 2.0]
    """
    k, n = outputs.shape
    shifts = np.zeros(k)
    for low in range(k // 2):
        high = k - 1 - low
        excess = np.maximum(outputs[low] - targets, targets - outputs[high])
        level = min((1.0 - 2.0 * levels[low]) * (1.0 + 1.0 / n), 1.0)
        shift = float(np.quantile(excess, level, method="inverted_cdf"))
        shifts[low], shifts[high] = -shift, shift
    return shifts


@attrs.frozen(eq=False)
class QuantileModel:
    """Quantiles of results as normal scores, less is better."""

    learner: ConformalQuantiles
    trees: Boosted
    shifts: Array

    def updated(self, points: Array, ranks: Array, running: Array) -> QuantileModel:
        """Return the quantiles after some more rounds; running trials count as results equal to their medians."""
        targets = normal_scores(ranks)
        if len(running):
            medians = self.trees.outputs(running)[len(self.shifts) // 2]
            points, targets = np.concatenate((points, running)), np.concatenate((targets, medians))
        return attrs.evolve(self, trees=self.trees.continued(points, targets, _MORE_ROUNDS))

    def quantiles(self, points: Array) -> Array:
        """Return the quantiles at points, ``(m, d)``: ``(k, m)``, ascending."""
        quantiles: Array = np.sort(self.trees.outputs(points) + self.shifts[:, None], axis=0)
        return quantiles
