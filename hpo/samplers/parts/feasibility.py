"""Where trials fail: whether failures can be predicted from the parameters, and how likely one is at a point.

Failures have two kinds of causes. Some lie in the parameters, such as a batch that does not fit into memory, and a
sampler should keep away from there. Others do not, such as a machine that went away, and a sampler that avoids the places
where that happened would only harm itself. Which kind a study has shows in how well failures can be predicted.

Several models predict each trial from those before it, and each is weighed by how well it did: by the probability that
it gave to what happened. Two of them know nothing of the parameters. As long as they do about as well as the others,
failures are ignored. What the mixture loses to its best model is at most the logarithm of that model's first weight, so
that it costs little to have models for failures of many shapes.

Notation: `m` points, `d` columns, `f` features, `k` models.

Source: Dawid, "Present Position and Potential Developments: Some Personal Views: Statistical Theory: The Prequential
Approach", Journal of the Royal Statistical Society A 147, 1984 (models are weighed by their predictions); Gramacy and Lee,
"Optimization Under Unknown Constraints", Bayesian Statistics 9, 2011 (the probability of a valid result as a factor).
"""

from __future__ import annotations

from functools import lru_cache

import attrs
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from hpo.core import FrozenTrial, StudyState, TrialState
from hpo.core.memory.rows import Rows
from hpo.numerics.online_logistic import OnlineLogistic
from hpo.samplers.parts.unit_cube import UnitCube

_ALWAYS, _LATELY, _LOGISTIC, _CROSSED, _KERNELS = range(5)  # the places of the models; kernels take the rest
_SHARES = (0.25, 0.25, 0.125, 0.125, 0.125, 0.125)  # first weights: of the first four, joint kernels and lone kernels
_JOINT_WIDTHS = (0.1, 0.2, 0.4)  # of a kernel over all columns, per root of half their number
_LONE_WIDTHS = (0.07, 0.2)  # of a kernel over one column
_OTHER_CHOICE = 2.0  # another choice is as far away as a number two widths off
_KEPT = 128  # the newest trials of each outcome that have kernels
_COEFFICIENT_VARIANCE = 4.0
_MOST_PRODUCTS = 276  # of features: there are that many of 24 features, and more would take too long
_RECENT = 0.05  # the weight of the newest trial in the recent rate, from the twentieth on
_SUREST = 0.01  # the least rate that a logistic model predicts, and 1 less the largest one
_NEGLIGIBLE = 0.02  # the weight up to which a model is not asked
_TOO_MUCH_CHANCE = 0.15  # the weight of the models without parameters from which on failures are ignored
_CAUTION = 5.0  # what the recent rate is multiplied by, in the exponent of the probability to succeed
_MOST_CAUTIOUS = 0.9


def learned_feasibility(state: StudyState, cube: UnitCube) -> Feasibility | None:
    """Return what the failures of a study say about a space, or None if they look like chance or there are none.

    O(trials new since the last question), and nothing as long as no trial has failed.

    Args:
        state: The study.
        cube: The columns. Trials that lack one of them, or have a value outside of its range, do not count.

    Example:
        >>> from hpo.core import FloatDistribution, SearchSpace, tell
        >>> from hpo.core.ask_tell import ask
        >>> from hpo.samplers import RandomSampler
        >>> space = SearchSpace({"x": FloatDistribution(0.0, 1.0)})
        >>> state = StudyState.create(seed=1)
        >>> for _ in range(30):
        ...     state, trial = ask(state, RandomSampler(), space)
        ...     failed = trial.params["x"] > 0.6
        ...     state = tell(state, trial, state="fail") if failed else tell(state, trial, 1.0)
        >>> low, high = learned_feasibility(state, UnitCube.of(space)).probabilities(np.array([[0.2], [0.9]]))
        >>> bool(low > 0.9), bool(high < 0.2)
        (True, True)
    """
    # a study without failures, which is the usual one, pays for one comparison per trial
    if not cube.columns or not state.finished.fold(_ANY_FAILED):
        return None
    fold = Fold.of(cube)
    carry = state.finished.fold(fold)
    weights = np.exp(carry.scores - carry.scores.max())
    weights /= weights.sum()
    if weights[_ALWAYS] + weights[_LATELY] > _TOO_MUCH_CHANCE:
        return None
    weights[weights <= _NEGLIGIBLE] = 0.0
    return Feasibility(fold, carry, weights / weights.sum())


@attrs.frozen(eq=False)
class Feasibility:
    """A model of where trials fail; see `learned_feasibility`.

    Attributes:
        weights: The weights of the models, ``(k,)``, which sum to 1.
    """

    _fold: Fold = attrs.field(repr=False)
    _carry: Carry = attrs.field(repr=False)
    weights: NDArray[np.float64]

    @property
    def cube(self) -> UnitCube:
        """The columns of points."""
        return self._fold.cube

    def probabilities(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probabilities, ``(m,)``, that trials at points, ``(m, d)``, do not fail; above 0.

        A column that is not known yet is NaN, and the probability is that of the others.
        """
        probabilities: NDArray[np.float64] = 1.0 - self._fold.rates(self._carry, points, self.weights) @ self.weights
        return probabilities

    @property
    def likely(self) -> float:
        """The probability from which on a point is good enough: a half, and more the more trials have failed lately."""
        return min(0.5 + self._carry.recent_rate, _MOST_CAUTIOUS)

    def log_penalties(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what to add to the logarithm of an acquisition value at points, ``(m, d)``: at most 0, ``(m,)``.

        That is the logarithm of the probability that a trial does not fail, times 1 and more the more trials have failed
        lately: next to the border of a region where all trials fail, about every other trial would fail otherwise.
        """
        caution = 1.0 + _CAUTION * self._carry.recent_rate
        penalties: NDArray[np.float64] = caution * np.log(self.probabilities(points))
        return penalties


@attrs.frozen(eq=False)
class Carry:
    """The result of `Fold`: what the models have learned, and how well they did.

    Attributes:
        succeeded: The points of trials that did not fail.
        failed: The points of failed trials.
        recent_rate: The share of failures, in which older trials count less.
        logistic: The model with a square and no product of columns.
        crossed: The model with products.
        scores: The logarithms of the weights of the models, up to a constant, ``(k,)``.
    """

    succeeded: Rows
    failed: Rows
    recent_rate: float
    logistic: OnlineLogistic
    crossed: OnlineLogistic
    scores: NDArray[np.float64]

    @property
    def rate(self) -> float:
        """The share of failures, counting half a trial more of each outcome."""
        return (len(self.failed) + 0.5) / (len(self.succeeded) + len(self.failed) + 1.0)


@attrs.frozen
class Fold:
    """Fold: models of the rate of failures, each with its score.

    The models are the rate of all trials; that of the recent ones; a logistic regression on the columns and their
    squares, for failures on one side or in the middle of ranges; one with the products of columns as well, for limits on
    several parameters at once; averages over the neighbourhood in all columns, in three widths; and averages over the
    neighbourhood in each single column, in two widths.

    O(`d` ``(_KEPT + d)`` + `f`^2) per trial.

    Args:
        cube: The columns.
    """

    cube: UnitCube
    # the numbers below follow from the cube
    _nearness: NDArray[np.float64] = attrs.field(init=False, eq=False, repr=False)
    _factors: tuple[NDArray[np.intp], NDArray[np.intp]] = attrs.field(init=False, eq=False, repr=False)

    @_nearness.default
    def _weights_of_squared_distances(self) -> NDArray[np.float64]:
        """What squared distances in each column are multiplied by in the exponent of each kernel, ``(d, k - 4)``."""
        d = len(self.cube.columns)
        joint = np.repeat([1.0 / (d * width**2) for width in _JOINT_WIDTHS], d).reshape(-1, d)
        lone = [0.5 / width**2 * np.eye(d) for width in _LONE_WIDTHS] if d > 1 else []
        table: NDArray[np.float64] = np.vstack([joint, *lone]).T
        chosen = (self.cube.n_choices > 0)[:, None] & (table > 0.0)
        table[chosen] = _OTHER_CHOICE
        return table

    @_factors.default
    def _pairs_of_features(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The features whose products are features of the model with products: none if there were too many."""
        numeric, choices = np.flatnonzero(self.cube.n_choices == 0), self.cube.n_choices
        column = np.concatenate([numeric, numeric, np.repeat(np.arange(len(choices)), choices)])
        is_square = (np.arange(len(column)) >= len(numeric)) & (np.arange(len(column)) < 2 * len(numeric))
        first, second = np.triu_indices(len(column), 1)
        kept = (column[first] != column[second]) & ~is_square[first] & ~is_square[second]
        kept &= kept.sum() <= _MOST_PRODUCTS
        return first[kept], second[kept]

    @staticmethod
    @lru_cache(maxsize=64)
    def of(cube: UnitCube) -> Fold:
        """Return the fold for a cube; the most recently used ones are kept."""
        return Fold(cube)

    def init(self) -> Carry:
        """Return the carry of no trials."""
        d, n_kernels = self._nearness.shape
        n_features, n_products = (
            1 + 2 * d + int((self.cube.n_choices - 2)[self.cube.n_choices > 0].sum()),
            len(self._factors[0]),
        )
        n_lone = n_kernels - len(_JOINT_WIDTHS)
        shares = [
            *_SHARES[:_KERNELS],
            *[_SHARES[-2] / len(_JOINT_WIDTHS)] * len(_JOINT_WIDTHS),
            *[_SHARES[-1] / max(n_lone, 1)] * n_lone,
        ]
        return Carry(
            Rows(d),
            Rows(d),
            0.5,
            OnlineLogistic.prior(np.full(n_features, _COEFFICIENT_VARIANCE)),
            OnlineLogistic.prior(np.full(n_features + n_products, _COEFFICIENT_VARIANCE)),
            np.log(np.array(shares)),
        )

    def step(self, carry: Carry, trial: FrozenTrial) -> Carry:
        """Return the carry after one more finished trial."""
        point = self.cube.point(trial)
        if point is None:
            return carry
        failed = trial.state is TrialState.FAIL
        if not len(carry.failed):
            # without a failure all models would say the same, so nothing is learned before the first one
            return self._first_failure(carry, point) if failed else _with_success(carry, point)
        points = np.array([point])
        # first predicted, then learned from
        rates = self.rates(carry, points, np.ones(len(carry.scores)))[0]
        scores = carry.scores + np.log(rates if failed else 1.0 - rates)
        n = len(carry.succeeded) + len(carry.failed)
        grown = attrs.evolve(carry, failed=carry.failed.with_row(point)) if failed else _with_success(carry, point)
        recent = carry.recent_rate + (failed - carry.recent_rate) * max(_RECENT, 1.0 / (n + 2))
        return self._learned(attrs.evolve(grown, scores=scores, recent_rate=recent), points, float(failed))

    def _first_failure(self, carry: Carry, point: list[float]) -> Carry:
        """Return the carry after the first failure, with what the models learn from the newest trials before it."""
        grown = attrs.evolve(carry, failed=carry.failed.with_row(point))
        grown = attrs.evolve(grown, recent_rate=max(grown.rate, _RECENT))
        for success in carry.succeeded.array[-_KEPT:]:
            grown = self._learned(grown, success[None], 0.0)
        return self._learned(grown, np.array([point]), 1.0)

    def _learned(self, carry: Carry, points: NDArray[np.float64], outcome: float) -> Carry:
        main, all_features = self._features(points)
        logistic, crossed = carry.logistic.updated(main[0], outcome), carry.crossed.updated(all_features[0], outcome)
        return attrs.evolve(carry, logistic=logistic, crossed=crossed)

    def rates(self, carry: Carry, points: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the rates of failures at points, by all models whose weight is not 0, ``(m, k)``; 0 for the others."""
        rates = np.zeros((len(points), len(weights)))
        rates[:, _ALWAYS], rates[:, _LATELY] = carry.rate, carry.recent_rate
        if weights[_LOGISTIC] or weights[_CROSSED]:
            main, all_features = self._features(points)
            for model, regression, features in (
                (_LOGISTIC, carry.logistic, main),
                (_CROSSED, carry.crossed, all_features),
            ):
                if weights[model]:
                    rates[:, model] = np.clip(regression.rates(features), _SUREST, 1.0 - _SUREST)
        kernels = np.flatnonzero(weights[_KERNELS:])
        if len(kernels):
            succeeded = self._neighbours(carry.succeeded, points, kernels)
            failed = self._neighbours(carry.failed, points, kernels)
            # the rate of all trials counts as one neighbour
            rates[:, _KERNELS + kernels] = (carry.rate + failed) / (1.0 + succeeded + failed)
        return rates

    def _neighbours(self, rows: Rows, points: NDArray[np.float64], kernels: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return how many trials are near each point by each kernel, ``(m, kernels)``."""
        newest = rows.array[-_KEPT:]
        if not len(newest):
            return np.zeros((len(points), len(kernels)))
        squares = (points[:, None, :] - newest) ** 2
        categorical = self.cube.n_choices > 0
        if categorical.any():
            squares[:, :, categorical] = np.minimum(squares[:, :, categorical], 1.0)
        if np.isnan(points).any():
            np.nan_to_num(squares, copy=False)  # what is not known is near to everything
        near = np.exp(-(squares.reshape(-1, squares.shape[2]) @ self._nearness[:, kernels]))
        # those without kernels are taken to be where the newest ones are
        share = len(rows) / len(newest)
        counts: NDArray[np.float64] = near.reshape(len(points), len(newest), -1).sum(axis=1) * share
        return counts

    def _features(self, points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the features of points without products, ``(m, f)``, and with them.

        They are 1 and the columns, their squares and their choices, each with the mean 0 over the space, which is also
        what stands for a column that is not known; numeric ones have the variance 1.
        """
        categorical = self.cube.n_choices > 0
        numbers = 2.0 * points[:, ~categorical] - 1.0
        blocks = [numbers * 3.0**0.5, (numbers**2 - 1.0 / 3.0) * (45.0 / 4.0) ** 0.5]
        for column in np.flatnonzero(categorical).tolist():
            index, n = points[:, column, None], self.cube.n_choices[column]
            blocks.append(np.where(np.isnan(index), 0.0, (index == np.arange(n)) - 1.0 / n))
        features = np.nan_to_num(np.concatenate(blocks, axis=1))
        first, second = self._factors
        main = np.concatenate([np.ones((len(points), 1)), features], axis=1)
        return main, np.concatenate([main, features[:, first] * features[:, second]], axis=1)


def _with_success(carry: Carry, point: list[float]) -> Carry:
    return attrs.evolve(carry, succeeded=carry.succeeded.with_row(point))


class _AnyFailed(Struct, frozen=True):
    """Fold: whether any trial failed."""

    def init(self) -> bool:
        return False

    def step(self, carry: bool, trial: FrozenTrial) -> bool:
        return carry or trial.state is TrialState.FAIL


_ANY_FAILED = _AnyFailed()
