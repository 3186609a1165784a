"""Finished trials as rows of numbers, and their order from best to worst."""

from __future__ import annotations

import math

import attrs
import numpy as np
from numpy.typing import NDArray

from hpo.core.trial import FrozenTrial, TrialState
from hpo.core.views import losses, violation
from hpo.numerics.nondomination import nondomination_ranks
from hpo.numerics.rows import Rows
from hpo.samplers.tpe.coding import Columns, column_values

_VIOLATION, _PRUNED, _FIRST, _SECOND, _LOSSES = range(5)


@attrs.frozen
class Observed:
    """The carry of `Observations`.

    Attributes:
        n_learnable: How many complete and pruned trials there were, with or without the columns.
        rows: One row for each of them that has all columns, in the order told; see `Observations`.
    """

    n_learnable: int
    rows: Rows


@attrs.frozen
class Observations:
    """Fold: complete and pruned trials as rows of numbers; failed ones are left out.

    A row is: the constraints' total violation, whether the trial was pruned, two numbers that order trials alike in
    those (less is better), the losses where there are several, and the column values.

    Args:
        directions: The study's.
        columns: Which parameters to keep, and how.
    """

    directions: tuple[str, ...]
    columns: Columns

    @property
    def n_losses(self) -> int:
        """How many losses a row holds: none with one direction, where the loss is what orders complete trials."""
        return len(self.directions) if len(self.directions) > 1 else 0

    def init(self) -> Observed:
        """No trials."""
        return Observed(0, Rows(_LOSSES + self.n_losses + len(self.columns)))

    def step(self, carry: Observed, trial: FrozenTrial) -> Observed:
        """One more finished trial."""
        if trial.state is TrialState.FAIL or (trial.state is TrialState.COMPLETE and trial.values is None):
            return carry
        values = column_values(self.columns, trial)
        if values is None:
            return Observed(carry.n_learnable + 1, carry.rows)
        row = [violation(trial), *self._standing(trial), *values]
        return Observed(carry.n_learnable + 1, carry.rows.with_row(row))

    def values(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """The columns' part of rows, ``(n, d)``."""
        return rows[:, _LOSSES + self.n_losses :]

    def best_first(self, rows: NDArray[np.float64], enough: int) -> NDArray[np.intp]:
        """The order of rows from best to worst, shape ``(n,)``; equals stay in the order told.

        Less violation of constraints comes first, so feasible trials do; then complete trials before pruned ones;
        complete ones by loss, or by non-domination where there are several losses; pruned ones by their last step,
        the furthest first, then by their last value. With several losses only the first `enough` are in order.
        """
        order = rows[:, :_LOSSES]
        if self.n_losses:
            contenders = (rows[:, _VIOLATION] == 0.0) & (rows[:, _PRUNED] == 0.0)
            order = order.copy()
            order[contenders, _FIRST] = nondomination_ranks(rows[contenders, _LOSSES : _LOSSES + self.n_losses], enough)
        keys = [key for key in (_SECOND, _FIRST, _PRUNED, _VIOLATION) if key == _FIRST or order[:, key].any()]
        if len(keys) == 1:
            return np.argsort(order[:, _FIRST], kind="stable")
        return np.lexsort(order[:, keys].T)

    def _standing(self, trial: FrozenTrial) -> list[float]:
        """The part of a row between the violation and the column values; no number in it is NaN."""
        several = [0.0] * self.n_losses
        if trial.state is TrialState.COMPLETE:
            assert trial.values is not None
            found = [_number(loss) for loss in losses(self.directions, trial.values)]
            return [0.0, 0.0, 0.0, *found] if several else [0.0, found[0], 0.0]
        step = trial.last_step
        if step is None:
            return [1.0, 1.0, math.inf, *several]
        last = 0.0 if several else losses(self.directions, [trial.intermediate_values[step]])[0]
        return [1.0, -float(step), _number(last), *several]


def _number(loss: float) -> float:
    """`loss`, or infinity where it is no number: the worst there is."""
    return loss if loss == loss else math.inf
