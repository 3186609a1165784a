"""The Gaussian process of a study: which trials it learns from, when it is fitted again, and whether it predicts at all.

Hyperparameters are fitted at certain numbers of trials only: at every one in the beginning, and geometrically rarer
later. Each fit is a function of the trials up to then alone, and not of the fit before, so that a study that is read from
its journal pays for one fit and not for all of them. In between, later trials extend the factorization of the last fit.

Notation: `n` trials, `d` columns, `f` features.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Protocol

import attrs
import numpy as np
from numpy.typing import NDArray

from hpo.core import FrozenTrial, TrialState, violation
from hpo.core.memory.rows import Rows
from hpo.numerics.gp import (
    Factor,
    Hyperparameters,
    Posterior,
    Standardization,
    fitted_hyperparameters,
    standardized_limits,
)

_ALWAYS = 20  # up to so many trials, each one is followed by a fit
_GROWTH = 1.1  # then the next fit is due when there are so many times more
_MOST = 1000  # trials of a fit, and of its factorization
_LONGEST_WAIT = 100  # trials from one fit to the next
_MOST_FITTED = 256  # trials that hyperparameters are fitted to: they need less data than predictions do
_MOST_NOISE = 1e3  # deviations of all results
_PRUNED_QUANTILE = 0.75  # of the complete trials' losses: what a pruned trial counts as
_VALUE, _ENDED, _VIOLATION, _NUMBER, _ERROR, _POINT = 0, 1, 2, 3, 4, 5  # the places of these in a row


class Coding(Protocol):
    """How trials become numbers; equal codings make the same of every trial."""

    @property
    def n_columns(self) -> int:
        """The length of a row, `d`."""
        ...

    @property
    def dimensions(self) -> NDArray[np.intp]:
        """The dimension, and so the length scale, of each feature, ascending from 0, ``(f,)``."""
        ...

    @property
    def numeric_features(self) -> NDArray[np.intp]:
        """The features that are numbers in [0, 1], ascending."""
        ...

    def row(self, trial: FrozenTrial) -> list[float] | None:
        """Return the trial's parameters as numbers, ``(d,)``; None if it is not part of the space."""
        ...

    def features(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return rows, ``(n, d)``, as features, ``(n, f)``."""
        ...


def last_fit(n: int) -> int:
    """Return the number of trials at the last fit when there are `n`.

    Example:
        >>> [last_fit(n) for n in (5, 20, 21, 22, 100, 1000)]
        [5, 20, 20, 22, 97, 994]
    """
    due = min(n, _ALWAYS)
    while (later := min(math.ceil(due * _GROWTH), due + _LONGEST_WAIT)) <= n and due >= _ALWAYS:
        due = later
    return due


@attrs.frozen(eq=False)
class Carry:
    """The result of `Fold`.

    Attributes:
        rows: One row for each trial: its value, how it ended (0 complete, 1 pruned or failed), by how much it violates constraints,
            its number, the standard error of its value (0 if it is not known), and its columns.
        fit: The last fit.
    """

    rows: Rows
    fit: Fit | None


@attrs.frozen
class Fold:
    """Fold: the trials that a Gaussian process of one result learns from, and its last fit.

    Args:
        coding: How trials become numbers.
        result: Which result: the number of an objective, or the name of a constraint.
        maximized: Whether larger results are better, for an objective.
        deterministic: Whether equal trials have equal results.
        failed: Whether failed trials count, like pruned ones; otherwise they are left out.
        warped: Whether numbers are warped.
    """

    coding: Coding
    result: int | str
    maximized: bool = False
    deterministic: bool = False
    failed: bool = False
    warped: bool = False

    def init(self) -> Carry:
        """Return the carry of no trials."""
        return Carry(Rows(_POINT + self.coding.n_columns), None)

    def step(self, carry: Carry, trial: FrozenTrial) -> Carry:
        """Return the carry after one more finished trial."""
        value = self._value(trial)
        row = None if value is None else self.coding.row(trial)
        if value is None or row is None:
            return carry
        pruned = trial.state is not TrialState.COMPLETE or trial.values is None
        rows = carry.rows.with_row(
            [value, float(pruned), violation(trial), float(trial.number), self._error(trial), *row]
        )
        n = len(rows)
        # nothing is computed before somebody asks the fit
        return Carry(rows, Fit(self, rows) if last_fit(n) == n else carry.fit)

    def _value(self, trial: FrozenTrial) -> float | None:
        if isinstance(self.result, str):
            # NaN is as bad as can be, here and below
            value = trial.constraints.get(self.result)
            return None if value is None else (math.inf if math.isnan(value) else value)
        if trial.state is not TrialState.COMPLETE or trial.values is None:
            # replaced by what the others say, see `targets`
            return math.inf if self.failed or trial.state is TrialState.PRUNED else None
        value = trial.values[self.result]
        return math.inf if math.isnan(value) else (-value if self.maximized else value)

    def _error(self, trial: FrozenTrial) -> float:
        if isinstance(self.result, str) or trial.sem is None or trial.state is not TrialState.COMPLETE:
            return 0.0
        return trial.sem[self.result]

    def targets(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what the process is fitted to, ``(n,)``: the smaller, the better; at most 0 if a constraint is met.

        A pruned trial counts as an upper quartile of the complete ones. What it reported is not its result: it is from
        an earlier step than theirs. So does a failed trial: where trials fail there is nothing to be gained.
        """
        if isinstance(self.result, str):
            return standardized_limits(rows[:, _VALUE])
        values = self._values_of(rows)
        return Standardization.of(values).targets(values)

    def known_noise(self, rows: NDArray[np.float64], targets: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Return the variances of targets, ``(n,)``, that follow from the standard errors of values; None without such."""
        errors = rows[:, _ERROR]
        if isinstance(self.result, str) or not errors.any():
            return None
        units = self.standardization(rows).unit(targets)
        # an endless standard error says nothing about a value, and neither does the value
        return np.square(np.minimum(np.divide(errors, units, out=np.zeros(len(rows)), where=units > 0.0), _MOST_NOISE))

    def standardization(self, rows: NDArray[np.float64]) -> Standardization:
        """Return how losses become targets, for an objective."""
        return Standardization.of(self._values_of(rows))

    def _values_of(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        values = rows[:, _VALUE]
        pruned = rows[:, _ENDED] > 0.0
        if pruned.any():
            complete = np.sort(values[~pruned])
            like = complete[int(_PRUNED_QUANTILE * (len(complete) - 1))] if len(complete) else 0.0
            values = np.where(pruned, like, values)
        return values

    def points(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the columns of rows, ``(n, d)``."""
        return rows[:, _POINT:]

    def complete(self, rows: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which rows are of complete trials, ``(n,)``."""
        ended: NDArray[np.bool_] = rows[:, _ENDED] == 0.0
        return ended

    def feasible(self, rows: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which rows are of trials that violate no constraint, ``(n,)``."""
        met: NDArray[np.bool_] = rows[:, _VIOLATION] == 0.0
        return met


class Fit:
    """Hyperparameters and factorization for the first trials of a fold; computed when they are asked for.

    Args:
        fold: The fold.
        rows: Its rows.
    """

    def __init__(self, fold: Fold, rows: Rows) -> None:
        self.fold, self.rows = fold, rows

    @cached_property
    def chosen(self) -> NDArray[np.intp]:
        """The rows of the factorization: all of them, or half the most the best and half the newest ones."""
        n = len(self.rows)
        return np.arange(n) if n <= _MOST else _best_and_newest(self._targets, _MOST)

    @cached_property
    def hyperparameters(self) -> Hyperparameters:
        """The hyperparameters."""
        chosen = np.arange(len(self.rows))
        if len(chosen) > _MOST_FITTED:
            chosen = _best_and_spread(self._targets, _MOST_FITTED)
        coding = self.fold.coding
        return fitted_hyperparameters(
            coding.features(self.fold.points(self.rows.array[chosen])),
            self._targets[chosen],
            coding.dimensions,
            known_noise=None if self._noise is None else self._noise[chosen],
            warped=coding.numeric_features if self.fold.warped else None,
            deterministic=self.fold.deterministic,
        )

    @cached_property
    def factor(self) -> Factor:
        """The factorization of the chosen rows."""
        coding, hyper = self.fold.coding, self.hyperparameters
        features = coding.features(self.fold.points(self.rows.array[self.chosen]))
        known_noise = 0.0 if self._noise is None else self._noise[self.chosen]
        return Factor.of(hyper, hyper.scaled(features, coding.dimensions), known_noise)

    @cached_property
    def gain(self) -> float:
        """How much more the process knows about a result than their mean does, in nats, summed over the results.

        That is the log probability of each result given all others, less that without the parameters.
        """
        targets = self._targets[self.chosen]
        means, variances = Posterior.of(self.factor, targets).left_out(targets)
        n = len(targets)
        if n < 3 or not targets.any():
            return 0.0
        others = (targets.sum() - targets) / (n - 1)
        spread = ((targets @ targets) - targets * targets) / (n - 1) - others * others
        spread = np.maximum(spread * (n / (n - 2)), 1e-9)
        own = np.log(variances) + (targets - means) ** 2 / variances
        constant = np.log(spread) + (targets - others) ** 2 / spread
        return 0.5 * float((constant - own).sum())

    @cached_property
    def _targets(self) -> NDArray[np.float64]:
        return self.fold.targets(self.rows.array)

    @cached_property
    def _noise(self) -> NDArray[np.float64] | None:
        return self.fold.known_noise(self.rows.array, self._targets)


def _best_and_newest(targets: NDArray[np.float64], most: int) -> NDArray[np.intp]:
    best = np.argsort(targets, kind="stable")[: most // 2]
    others = np.setdiff1d(np.arange(len(targets)), best)
    return np.sort(np.concatenate((best, others[-(most - most // 2) :])))


def _best_and_spread(targets: NDArray[np.float64], most: int) -> NDArray[np.intp]:
    order = np.argsort(targets, kind="stable")
    n_best = most // 2
    places = np.linspace(n_best, len(order) - 1, most - n_best).astype(np.intp)
    return np.sort(np.concatenate((order[:n_best], order[places])))


@attrs.frozen(eq=False)
class Surrogate:
    """A fitted process: what it predicts, and what it was fitted to.

    Attributes:
        fold: The fold that it is from.
        posterior: The process, given the targets.
        points: Where its data are, ``(n, d)``.
        targets: Their values, ``(n,)``.
        numbers: The numbers of their trials, ``(n,)``.
        complete: Which of them are of complete trials, ``(n,)``.
        feasible: Which of them are of trials that violate no constraint, ``(n,)``.
        gain: See `Fit.gain`.
    """

    fold: Fold
    posterior: Posterior
    points: NDArray[np.float64]
    targets: NDArray[np.float64]
    numbers: NDArray[np.intp]
    complete: NDArray[np.bool_]
    feasible: NDArray[np.bool_]
    gain: float

    def scaled(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return points, ``(m, d)``, as scaled features, ``(m, f)``."""
        coding = self.fold.coding
        return self.posterior.factor.hyperparameters.scaled(coding.features(points), coding.dimensions)

    @property
    def smoothed(self) -> NDArray[np.float64]:
        """The means that are predicted at the data themselves, without their noise, ``(n,)``."""
        # A w = targets with A = covariances + noise: no product of matrices is needed
        noise = self.posterior.factor.noise
        smoothed: NDArray[np.float64] = self.targets - noise * self.posterior.weights[:, 0]
        return smoothed


def surrogate(fold: Fold, carry: Carry) -> Surrogate | None:
    """Return the process of the trials of a carry, or None if there are none; O(`n`^2) between fits."""
    if carry.fit is None:
        return None
    rows, n_fitted = carry.rows.array, len(carry.fit.rows)
    chosen = np.concatenate((carry.fit.chosen, np.arange(n_fitted, len(rows))))
    hyper, coding = carry.fit.hyperparameters, fold.coding
    later = coding.features(fold.points(rows[n_fitted:]))
    targets = fold.targets(rows)
    noise = fold.known_noise(rows, targets)
    known_noise = 0.0 if noise is None else noise[n_fitted:]
    factor = carry.fit.factor.extended(hyper.scaled(later, coding.dimensions), known_noise)
    targets = targets[chosen]
    return Surrogate(
        fold,
        Posterior.of(factor, targets),
        fold.points(rows[chosen]),
        targets,
        rows[chosen, _NUMBER].astype(np.intp),
        fold.complete(rows[chosen]),
        fold.feasible(rows[chosen]),
        carry.fit.gain,
    )
