"""Finished trials in the order of their worth, and as rows of numbers: what model-based samplers learn from.

A fold keeps numbers on a *scale*: a numeric parameter as it is or as its logarithm, a categorical one as the index of
its choice. The range itself is not part of a column, so what was learned from earlier trials is kept when the next
trial asks for a wider or narrower one; `hpo.samplers.parts.unit_cube` maps the numbers to the range of today.
"""

from __future__ import annotations

import math
import sys
from typing import Any, Literal, TypeAlias

import attrs
import numpy as np
from numpy.typing import NDArray

from hpo.core import CategoricalDistribution, Distribution, FrozenTrial, TrialState, losses, violation
from hpo.core.memory.rows import Rows
from hpo.numerics.pareto import best_first

Scale: TypeAlias = Literal["linear", "log"] | CategoricalDistribution
"""How a column keeps its parameter: as it is, as its logarithm, or as the index of its choice."""
Columns: TypeAlias = tuple[tuple[str, Scale], ...]
"""Names and scales, sorted by name."""


def scale_of(distribution: Distribution) -> Scale:
    """Return the scale on which values of `distribution` are kept."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution
    return "log" if distribution.log else "linear"


def column_values(columns: Columns, trial: FrozenTrial, *, missing: bool = False) -> list[float] | None:
    """Return the trial's parameters on the scales of `columns`, or None if it can't be a row of them.

    Args:
        columns: Which parameters, and on which scales.
        trial: The trial, whatever its state.
        missing: What becomes of a trial that lacks a parameter, as one does in another branch of the objective: NaN
            stands for the parameter, or else the trial has no row. A value that has no number on the scale, such as a
            choice that is not among the choices any more, always makes the trial no row.

    Example:
        >>> from hpo.core import FloatDistribution, create_trial
        >>> trial = create_trial(value=0.0, params={"x": 0.5}, distributions={"x": FloatDistribution(0.0, 1.0)})
        >>> columns = (("depth", "linear"), ("x", "linear"))
        >>> column_values(columns, trial), column_values(columns, trial, missing=True)
        (None, [nan, 0.5])
    """
    values = []
    distributions, params = trial.distributions, trial.params  # looked up once: this runs for every trial and column
    for name, scale in columns:
        distribution = distributions.get(name)
        if distribution is None:
            if not missing:
                return None
            values.append(math.nan)
            continue
        value = column_value(scale, distribution, params[name])
        if value is None:
            return None
        values.append(value)
    return values


def column_value(scale: Scale, distribution: Distribution, value: Any) -> float | None:
    """Return a parameter's value on a scale, or None if it has no number there.

    Args:
        scale: The scale of the column.
        distribution: The distribution that the trial had for the parameter; a parameter may have been categorical once
            and be numeric now, and a choice that happens to be a number is not a point of a range.
        value: The value.
    """
    if isinstance(scale, CategoricalDistribution):
        index = scale.member(value)  # among the choices of today, so that choices may come, go and change places
        return None if index is None else float(index)
    if isinstance(distribution, CategoricalDistribution) or not _has_place(value, scale):
        return None
    return math.log(value) if scale == "log" else float(value)


def _has_place(value: float, scale: Scale) -> bool:
    # ints of any size have a logarithm, but only those that a float can hold have a place on a linear scale
    return value > 0 if scale == "log" else abs(value) <= sys.float_info.max


Standing: TypeAlias = tuple[float, float, float, float]
"""Orders trials, less is better; see `standing`."""

COMPLETE, PRUNED, FAILED = 0.0, 1.0, 2.0
_FAILED_STANDING: Standing = (math.inf, FAILED, 0.0, 0.0)
_VIOLATION, _ENDED, _FIRST, _SECOND, _LOSSES = range(5)  # the places of these in a row


def standing(directions: tuple[str, ...], trial: FrozenTrial) -> Standing:
    """Return four numbers that order finished trials from best to worst; none of them is NaN.

    1. By how much the trial violates constraints, in all: feasible trials come first.
    2. How it ended: complete (0), pruned (1) or failed (2).
    3. The loss of a complete trial; minus the last step of a pruned one, so that the one that came furthest is best.
       A loss that is NaN counts as infinite, and a trial that was pruned before its first report as the least far.
    4. The last loss that a pruned trial reported, infinite if it reported other metrics only; 0 for others.

    With several objectives losses have no order by themselves: all complete trials have 0 in their place, and so have
    the last reports of pruned ones. Failed trials are all alike.

    Example:
        >>> from hpo.core import create_trial
        >>> standing(("maximize",), create_trial(value=2.0)), standing(("maximize",), create_trial(state=TrialState.FAIL))
        ((0.0, 0.0, -2.0, 0.0), (inf, 2.0, 0.0, 0.0))
    """
    several = len(directions) > 1
    if trial.state is TrialState.COMPLETE and trial.values is not None:
        loss = 0.0 if several else _number(losses(directions, trial.values)[0])
        return violation(trial), COMPLETE, loss, 0.0
    if not is_learnable(trial):
        return _FAILED_STANDING
    step = trial.last_step
    if step is None:
        return violation(trial), PRUNED, math.inf, 0.0
    reports = trial.intermediate_values
    if several or not reports:  # it may have reported metrics other than the objective only
        return violation(trial), PRUNED, -float(step), 0.0 if several else math.inf
    value = reports[step] if step in reports else reports[max(reports)]
    return violation(trial), PRUNED, -float(step), _number(losses(directions, [value])[0])


def is_learnable(trial: FrozenTrial) -> bool:
    """Return whether a finished trial has a result to learn from: it is complete or pruned, and not failed."""
    return trial.state is TrialState.PRUNED or (trial.state is TrialState.COMPLETE and trial.values is not None)


def _number(loss: float) -> float:
    return loss if loss == loss else math.inf


@attrs.frozen
class Carry:
    """The result of `Fold`: the trials with the columns, and their ranges.

    Attributes:
        n_learnable: The number of complete and pruned trials, with or without the columns.
        rows: One row for each trial that has the columns, in the order told, as `Fold` describes it.
        alike: Whether all rows are of complete trials that violate no constraint.
        low: The smallest value of each column, ``(d,)``.
        high: The largest value of each column, ``(d,)``.
    """

    n_learnable: int
    rows: Rows
    alike: bool
    low: tuple[float, ...]
    high: tuple[float, ...]


@attrs.frozen
class Fold:
    """Fold: complete and pruned trials as rows of numbers.

    A row holds the trial's `standing`, its losses if the study has several, and its column values. O(columns) per
    trial.

    Args:
        directions: The directions of the study.
        columns: Which parameters to keep, and on which scales.
        failed: Whether failed trials have rows as well, as the worst of all; otherwise they are left out.
        missing: Whether trials that lack some of the columns have rows as well, with NaN in these columns.

    Example:
        >>> from hpo.core import FloatDistribution, History, create_trial
        >>> unit = FloatDistribution(0.0, 1.0)
        >>> trials = [create_trial(value=v, params={"x": v}, distributions={"x": unit}) for v in (0.3, 0.1, 0.2)]
        >>> fold = Fold(("minimize",), (("x", "linear"),))
        >>> carry = History(trials).fold(fold)
        >>> fold.best_first(carry.rows.array, 2, alike=carry.alike).tolist()[:2]
        [1, 2]
        >>> fold.values(carry.rows.array).tolist()
        [[0.3], [0.1], [0.2]]
    """

    directions: tuple[str, ...]
    columns: Columns
    failed: bool = False
    missing: bool = False

    @property
    def n_losses(self) -> int:
        """How many losses a row holds: none with one objective, whose loss is part of the standing."""
        return len(self.directions) if len(self.directions) > 1 else 0

    def init(self) -> Carry:
        """Return the carry of no trials."""
        d = len(self.columns)
        rows = Rows(_LOSSES + self.n_losses + d)
        return Carry(0, rows, alike=True, low=(math.inf,) * d, high=(-math.inf,) * d)

    def step(self, carry: Carry, trial: FrozenTrial) -> Carry:
        """Return the carry after one more finished trial."""
        learnable = is_learnable(trial)
        if not learnable and not self.failed:
            return carry
        n_learnable = carry.n_learnable + learnable
        values = column_values(self.columns, trial, missing=self.missing)
        if values is None:
            return attrs.evolve(carry, n_learnable=n_learnable)
        stands = standing(self.directions, trial)
        # one flat row per trial: a table of numbers costs a tenth of a list of objects to filter and sort
        row = [*stands, *self._losses(trial), *values] if self.n_losses else [*stands, *values]
        return Carry(
            n_learnable,
            carry.rows.with_row(row),
            alike=carry.alike and stands[_VIOLATION] == 0.0 and stands[_ENDED] == COMPLETE,
            # NaN, which is less than nothing and greater than nothing, changes neither as the second argument
            low=tuple(map(min, carry.low, values)),
            high=tuple(map(max, carry.high, values)),
        )

    def values(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the column values in rows, ``(n, d)``."""
        return rows[:, _LOSSES + self.n_losses :]

    def losses(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the losses in rows of a study with several objectives, ``(n, n_losses)``.

        Those of trials that are not complete are 0 and mean nothing.
        """
        return rows[:, _LOSSES : _LOSSES + self.n_losses]

    def n_complete(self, rows: NDArray[np.float64]) -> int:
        """Return how many of the rows are of complete trials."""
        return int(np.count_nonzero(rows[:, _ENDED] == COMPLETE))

    def best_first(self, rows: NDArray[np.float64], enough: int, *, alike: bool = False) -> NDArray[np.intp]:
        """Return the indices of at least the `enough` best rows, from best to worst; equals stay in the order told.

        Rows are ordered by `standing`; complete trials of several objectives by non-domination, and within a front by
        hypervolume.

        Args:
            rows: Rows of the carry.
            enough: How many of the best are needed in their order. What follows them is in any order, and may be left
                out.
            alike: Whether all rows are of complete trials that violate no constraint, which makes it O(n).
        """
        if alike:
            if self.n_losses:
                return best_first(self.losses(rows), enough)
            return _smallest_first(rows[:, _FIRST], enough)
        order = rows[:, :_LOSSES]
        if self.n_losses:
            # the trials that are best by the first two numbers get their rank by non-domination as the third
            contenders = np.flatnonzero((rows[:, _VIOLATION] == 0.0) & (rows[:, _ENDED] == COMPLETE))
            order = order.copy()
            order[contenders[best_first(self.losses(rows[contenders]), enough)], _FIRST] = np.arange(len(contenders))
        return np.lexsort(order[:, [_SECOND, _FIRST, _ENDED, _VIOLATION]].T)  # the last key is the first to count

    def ranks(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the rank of each row, from 0 for the best to ``n - 1``, ``(n,)``; equals have their mean rank.

        With several objectives no two complete trials are equal: in doubt the one that was told first is better.

        Example:
            >>> rows = np.array([[0.0, 0.0, 7.0, 0.0], [0.0, 0.0, 7.0, 0.0], [0.0, 0.0, 5.0, 0.0]])
            >>> Fold(("minimize",), ()).ranks(rows).tolist()
            [1.5, 1.5, 0.0]
        """
        n = len(rows)
        ordinary = not rows[:, [_VIOLATION, _ENDED]].any()
        order = self.best_first(rows, n, alike=ordinary)
        standings = rows[order, :_LOSSES]
        new = np.ones(n, dtype=np.bool_)
        new[1:] = (standings[1:] != standings[:-1]).any(axis=1)
        if self.n_losses:
            new |= rows[order, _ENDED] == COMPLETE
        firsts = np.flatnonzero(new)
        means = firsts + (np.diff(np.append(firsts, n)) - 1) / 2.0
        ranks = np.empty(n)
        ranks[order] = means[np.cumsum(new) - 1]
        return ranks

    def have_failed(self, rows: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which rows are of failed trials, ``(n,)``."""
        failed: NDArray[np.bool_] = rows[:, _ENDED] == FAILED
        return failed

    def _losses(self, trial: FrozenTrial) -> list[float]:
        """Return the losses of a trial of several objectives, or zeros in their place if it is not complete."""
        if trial.state is TrialState.COMPLETE and trial.values is not None:
            return [_number(loss) for loss in losses(self.directions, trial.values)]
        return [0.0] * self.n_losses


def _smallest_first(numbers: NDArray[np.float64], enough: int) -> NDArray[np.intp]:
    """Return the indices of at least the `enough` smallest numbers, in order, equals by index; O(n)."""
    # sorting all costs less than a partition that is followed by sorting half
    if not 0 < enough < len(numbers) // 2:
        return np.argsort(numbers, kind="stable")
    front = np.flatnonzero(numbers <= np.partition(numbers, enough - 1)[enough - 1])
    return front[np.argsort(numbers[front], kind="stable")]
