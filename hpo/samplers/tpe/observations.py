"""Finished trials as rows of numbers, and their order from best to worst."""

from __future__ import annotations

import math

import attrs
import numpy as np
from numpy.typing import NDArray

from hpo.core import FrozenTrial, TrialState, losses, violation
from hpo.core.memory.rows import Rows
from hpo.numerics.pareto.nondomination import best_first
from hpo.samplers.tpe.coding import Columns, column_values

_VIOLATION, _UNFINISHED, _FIRST, _SECOND, _LOSSES = range(5)
_COMPLETE, _PRUNED, _FAILED = 0.0, 1.0, 2.0


@attrs.frozen
class Observed:
    """The carry of `Observations`.

    Attributes:
        n_learnable: How many complete and pruned trials there were, with or without the columns.
        rows: One row for each of them that has all columns, in the order told; see `Observations`.
        alike: Whether all rows are of complete trials that violate no constraint.
        low: The smallest value of each column, ``(d,)``.
        high: The largest one, ``(d,)``.
    """

    n_learnable: int
    rows: Rows
    alike: bool
    low: tuple[float, ...]
    high: tuple[float, ...]


@attrs.frozen
class Observations:
    """Fold: complete and pruned trials as rows of numbers.

    A row is: the constraints' total violation, whether the trial was pruned (1) or failed (2), two numbers that order
    trials alike in those (less is better), the losses where there are several, and the column values. O(columns) per
    trial.

    Args:
        directions: The study's.
        columns: Which parameters to keep, and how.
        failed: Whether failed trials have rows as well, as the worst of all; else they are left out.
    """

    directions: tuple[str, ...]
    columns: Columns
    failed: bool = False

    @property
    def n_losses(self) -> int:
        """How many losses a row holds: none with one direction, where the loss is what orders complete trials."""
        return len(self.directions) if len(self.directions) > 1 else 0

    def init(self) -> Observed:
        """No trials."""
        d = len(self.columns)
        rows = Rows(_LOSSES + self.n_losses + d)
        return Observed(0, rows, alike=True, low=(math.inf,) * d, high=(-math.inf,) * d)

    def step(self, carry: Observed, trial: FrozenTrial) -> Observed:
        """One more finished trial."""
        failed = trial.state is TrialState.FAIL or (trial.state is TrialState.COMPLETE and trial.values is None)
        if failed and not self.failed:
            return carry
        n_learnable = carry.n_learnable + (not failed)
        values = column_values(self.columns, trial)
        if values is None:
            return attrs.evolve(carry, n_learnable=n_learnable)
        standing = [math.inf, _FAILED, 0.0, 0.0, *self._none] if failed else [violation(trial), *self._standing(trial)]
        return Observed(
            n_learnable,
            carry.rows.with_row(standing + values),
            alike=carry.alike and standing[_VIOLATION] == 0.0 and standing[_UNFINISHED] == _COMPLETE,
            low=tuple(map(min, carry.low, values)),
            high=tuple(map(max, carry.high, values)),
        )

    def values(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """The columns' part of rows, ``(n, d)``."""
        return rows[:, _LOSSES + self.n_losses :]

    def losses(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """The losses of rows in a study with several, ``(n, n_losses)``; those of unfinished trials mean nothing."""
        return rows[:, _LOSSES : _LOSSES + self.n_losses]

    def best_first(self, rows: NDArray[np.float64], enough: int, *, alike: bool = False) -> NDArray[np.intp]:
        """The indices of at least the `enough` best rows, from best to worst; equals stay in the order told.

        Less violation of constraints comes first, so feasible trials do; then complete trials before pruned ones, and
        these before failed ones; complete ones by loss, or by non-domination and hypervolume where there are several
        losses; pruned ones by their last step, the furthest first, then by their last value.

        Args:
            rows: Of the carry.
            enough: So many are there and in order; those that come after them are in any order, and may be left out.
            alike: Whether all rows are of complete trials that violate no constraint, which makes it O(n).
        """
        if alike:
            if self.n_losses:
                return best_first(self.losses(rows), enough)
            return _smallest_first(rows[:, _FIRST], enough)
        order = rows[:, :_LOSSES]
        if self.n_losses:
            contenders = np.flatnonzero((rows[:, _VIOLATION] == 0.0) & (rows[:, _UNFINISHED] == _COMPLETE))
            order = order.copy()
            order[contenders[best_first(self.losses(rows[contenders]), enough)], _FIRST] = np.arange(len(contenders))
        return np.lexsort(order[:, [_SECOND, _FIRST, _UNFINISHED, _VIOLATION]].T)

    @property
    def _none(self) -> list[float]:
        """What stands for the losses of a trial without them."""
        return [0.0] * self.n_losses

    def _standing(self, trial: FrozenTrial) -> list[float]:
        """The part of a row between the violation and the column values; no number in it is NaN."""
        if trial.state is TrialState.COMPLETE:
            assert trial.values is not None
            found = [_number(loss) for loss in losses(self.directions, trial.values)]
            return [_COMPLETE, 0.0, 0.0, *found] if self.n_losses else [_COMPLETE, found[0], 0.0]
        step = trial.last_step
        if step is None:
            return [_PRUNED, 1.0, math.inf, *self._none]
        last = 0.0 if self.n_losses else losses(self.directions, [trial.intermediate_values[step]])[0]
        return [_PRUNED, -float(step), _number(last), *self._none]


def _smallest_first(numbers: NDArray[np.float64], enough: int) -> NDArray[np.intp]:
    """Indices of at least the `enough` smallest of `numbers`, in order, equals by index; O(n)."""
    if not 0 < enough < len(numbers) // 2:
        return np.argsort(numbers, kind="stable")
    front = np.flatnonzero(numbers <= np.partition(numbers, enough - 1)[enough - 1])
    return front[np.argsort(numbers[front], kind="stable")]


def _number(loss: float) -> float:
    """`loss`, or infinity where it is no number: the worst there is."""
    return loss if loss == loss else math.inf
