"""The Pareto front of a study, as a fold over its finished trials."""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from hpo.core.records import TrialTable
from hpo.core.values import FrozenTrial, TrialState

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_AT_ONCE = 64  # points that are compared with all others together


def violation(trial: FrozenTrial) -> float:
    """Return the sum of the constraint values above 0; a constraint that was not set counts as met."""
    if not trial.constraints:
        return 0.0
    # `fsum` is exact. `sum` depends on the order of the constraints and on the version of Python (3.12 changed it), and
    # the best trial must not.
    try:
        return math.fsum([value for value in trial.constraints.values() if value > 0.0])
    except OverflowError:  # of finite values
        return math.inf


class Front(Struct, frozen=True, eq=False):
    """The complete trials that no other one dominates.

    Attributes:
        violation: By how much each of them violates its constraints in all, which is the least of any trial.
        losses: Their losses, ``(m, n)``: one row for each objective.
        trials: The trials, ordered by number, ``n`` of them.
    """

    violation: float
    losses: NDArray[np.float64]
    trials: tuple[FrozenTrial, ...]


class ParetoFront(Struct, frozen=True):
    """Fold: the `Front`, or None before the first complete trial.

    A trial dominates another one if it violates its constraints less, or if both are feasible and it is better in one
    objective and worse in none. A step costs O(front) in numpy. Many trials together cost O(``n log n``) with up to two
    objectives, and otherwise O(front) each, in numpy.

    Args:
        directions: The directions of the study.
    """

    directions: tuple[str, ...]

    def init(self) -> Front | None:
        """Return the carry of no trials."""
        return None

    def step(self, carry: Front | None, trial: FrozenTrial) -> Front | None:
        """Return the carry after one more finished trial."""
        if trial.state is not TrialState.COMPLETE or trial.values is None:
            return carry
        import numpy as np  # a study that nobody asks for its front needs no arrays

        violated = violation(trial)
        if carry is not None and violated > carry.violation:
            return carry
        point = self._losses([trial])
        if carry is None or violated < carry.violation:
            return Front(violated, point, (trial,))
        losses, trials = carry.losses, carry.trials
        if not violated:  # of infeasible trials only the violations count, whatever the losses are
            no_worse = (losses <= point).all(axis=0)
            if no_worse.any():
                # equal losses dominate neither way, and whatever dominates an equal one would not be beside it here
                if (losses[:, no_worse.argmax()] != point[:, 0]).any():
                    return carry
            else:
                kept = np.flatnonzero((losses < point).any(axis=0))
                if len(kept) < len(trials):
                    losses, trials = losses.take(kept, axis=1), tuple([trials[place] for place in kept.tolist()])
        return _with_one(violated, losses, trials, point, trial)

    def steps(self, carry: Front | None, trials: Sequence[FrozenTrial]) -> Front | None:
        """Return the carry after several more finished trials: what as many calls of `step` return."""
        complete = [trial for trial in trials if trial.state is TrialState.COMPLETE and trial.values is not None]
        violated = [violation(trial) if trial.constraints else 0.0 for trial in complete]
        least = min(violated, default=math.inf)
        if not complete or (carry is not None and carry.violation < least):
            return carry
        if any(violated):
            complete = [trial for trial, by in zip(complete, violated, strict=True) if by == least]
        if carry is not None and carry.violation == least:
            complete = [*carry.trials, *complete]
        losses = self._losses(complete)
        if not least:
            kept = undominated(losses)
            losses, complete = losses.take(kept, axis=1), [complete[place] for place in kept.tolist()]
        by_number = sorted(range(len(complete)), key=[trial.number for trial in complete].__getitem__)
        return Front(least, losses.take(by_number, axis=1), tuple([complete[place] for place in by_number]))

    def relevant_rows(self, table: TrialTable, start: int, stop: int) -> list[int]:
        """Return the rows of a table that `step` has to see: those kept whole, and the front of the others."""
        import numpy as np

        rows = table.rows(start, stop, (TrialState.COMPLETE,))
        values = table.columns["values"].reshape(len(table), -1)[rows]  # trials with constraints are kept whole
        return sorted([*table.kept_whole(start, stop), *rows[undominated(self._signed(np.array(values)).T)].tolist()])

    def _losses(self, trials: Sequence[FrozenTrial]) -> NDArray[np.float64]:
        """Return the losses of complete trials, ``(m, n)``."""
        import numpy as np

        values = np.array([trial.values for trial in trials], dtype=np.float64)
        return np.ascontiguousarray(self._signed(values).T)

    def _signed(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return values ``(n, m)`` as losses, in place; NaN, which only a forged journal has, as infinity."""
        for objective, direction in enumerate(self.directions):
            if direction == "maximize":
                values[:, objective] *= -1.0
        values[values != values] = math.inf
        return values


def undominated(losses: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the places of the points that no other one dominates, ascending.

    Args:
        losses: Losses, ``(m, n)``: one row for each objective; without NaN. Equal points do not dominate each other.

    Example:
        >>> import numpy as np
        >>> undominated(np.array([[1.0, 2.0, 2.0, 1.0], [2.0, 1.0, 2.0, 2.0]])).tolist()
        [0, 1, 3]
    """
    import numpy as np

    m, n = losses.shape
    if m == 1 or not n:
        return np.flatnonzero(losses[0] == losses[0].min(initial=math.inf))
    if m == 2:
        order = np.lexsort(losses[::-1])
    else:
        # points with low sums dominate many; rounding never turns the order of sums, and ties are in the order of columns
        sums = np.clip(losses, -1e300, 1e300).sum(axis=0)
        order = np.lexsort((*losses[::-1], sums))
    ordered = losses.take(order, axis=1)
    new = np.ones(n, dtype=np.bool_)
    new[1:] = (ordered[:, 1:] != ordered[:, :-1]).any(axis=0)
    different = ordered.compress(new, axis=1)  # no point dominates an earlier one, and none equals another
    on_front = _stairs(different[1]) if m == 2 else _passed(different)
    return np.sort(order[on_front[np.cumsum(new) - 1]])


def _stairs(second: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which of different points, ordered by their first losses, are on the front, by their second losses."""
    import numpy as np

    on_front = np.ones(len(second), dtype=np.bool_)
    on_front[1:] = second[1:] < np.minimum.accumulate(second)[:-1]
    return on_front


def _passed(points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which of different points ``(m, n)``, of which none dominates an earlier one, are on the front."""
    import numpy as np

    on_front = np.zeros(points.shape[1], dtype=np.bool_)
    left = np.arange(points.shape[1])
    while len(left):
        some = points[:, :_AT_ONCE]
        covers = np.ones((some.shape[1], len(left)), dtype=np.bool_)
        for losses in points:
            covers &= losses[:_AT_ONCE, None] <= losses
        on_front[left[:_AT_ONCE][covers[:, :_AT_ONCE].sum(axis=0) == 1]] = True  # each covers itself
        open_still = np.logical_not(covers.any(axis=0))
        left, points = left[open_still], points.compress(open_still, axis=1)
    return on_front


def _with_one(
    violated: float,
    losses: NDArray[np.float64],
    trials: tuple[FrozenTrial, ...],
    point: NDArray[np.float64],
    trial: FrozenTrial,
) -> Front:
    """Return a front with one more trial, in the order of the numbers."""
    import numpy as np

    place = len(trials)
    if trials and trials[-1].number > trial.number:
        place = bisect(trials, trial.number, key=lambda other: other.number)
    losses = np.concatenate([losses[:, :place], point, losses[:, place:]], axis=1)
    return Front(violated, losses, (*trials[:place], trial, *trials[place:]))
