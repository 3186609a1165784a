"""Rungs of successive halving: milestones at steps that grow geometrically, and the losses that trials had at them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping

import attrs
from immutables import Map

from hpo.core import FrozenTrial, SortedRuns, TrialState
from hpo.pruners.reports import NO_NUMBERS, NO_REPORTS, loss_of


@attrs.frozen
class Rungs:
    """The rungs ``least * factor**k`` for k = 0, 1, ...

    A trial is judged at a rung by its first report at or after the rung's milestone and before the next milestone. A trial
    that skips a whole rung has no value there, ever: a later report would compare it, after more training, with trials that
    had less.

    Args:
        least: The milestone of rung 0, at least 1.
        factor: The ratio of neighbouring milestones, at least 2.

    Example:
        >>> rungs = Rungs(1, 3)
        >>> [rungs.milestone(rung) for rung in range(4)], rungs.of(8), rungs.of(0)
        ([1, 3, 9, 27], 1, None)
    """

    least: int
    factor: int

    def milestone(self, rung: int) -> int:
        """Return the step at which `rung` begins."""
        return self.least * self.factor**rung  # type: ignore[no-any-return]

    def of(self, step: int) -> int | None:
        """Return the highest rung whose milestone is at most `step`, or None below rung 0."""
        # whole numbers all the way: a floating-point logarithm misses exact powers
        if step < self.least:
            return None
        rung, milestone = 0, self.least * self.factor
        while milestone <= step:
            rung, milestone = rung + 1, milestone * self.factor
        return rung

    def reached(self, reports: Mapping[int, float]) -> int | None:
        """Return the rung that a trial has just reached with its last step, or None if that is not a first report."""
        if not reports:
            return None
        last = max(reports)
        rung = self.of(last)
        if rung is None:
            return None
        milestone = self.milestone(rung)
        if last == milestone:
            return rung
        if milestone in reports or any(milestone <= step < last for step in reports):
            return None
        return rung

    def step_at(self, rung: int, reports: Mapping[int, float]) -> int | None:
        """Return the step of the report by which a trial is judged at `rung`, or None if it has none there."""
        milestone = self.milestone(rung)
        if milestone in reports:  # the usual case, without a look at all reports
            return milestone
        following = milestone * self.factor
        return min((step for step in reports if milestone <= step < following), default=None)

    def losses(self, direction: str, reports: Mapping[int, float]) -> list[tuple[int, float]]:
        """Return each rung at which a trial has a value, with its loss there."""
        steps, found = sorted(reports), []
        rung, milestone = 0, self.least
        while steps and milestone <= steps[-1]:
            following = milestone * self.factor
            place = bisect_left(steps, milestone)
            if steps[place] < following:
                found.append((rung, loss_of(direction, reports[steps[place]])))
            rung, milestone = rung + 1, following
        return found


@attrs.frozen
class LossesByRung:
    """Fold: the losses that finished trials had, sorted, by rung."""

    rungs: Rungs
    direction: str

    def init(self) -> Map[int, SortedRuns]:
        """Return no losses."""
        return NO_REPORTS

    def step(self, carry: Map[int, SortedRuns], trial: FrozenTrial) -> Map[int, SortedRuns]:
        """Add the losses of `trial`, however it ended: it was at these rungs."""
        for rung, loss in self.rungs.losses(self.direction, trial.intermediate_values):
            carry = carry.set(rung, carry.get(rung, NO_NUMBERS).with_number(loss))
        return carry


@attrs.frozen
class Standing:
    """The standing of a trial at a rung.

    Attributes:
        loss: Its loss.
        better: How many of the others are strictly better.
        total: How many trials have a value at the rung, with this one.
    """

    loss: float
    better: int
    total: int


def standing(
    loss: float, finished: SortedRuns, others: Iterable[FrozenTrial], direction: str, rungs: Rungs, rung: int
) -> Standing:
    """Return the standing of a loss at `rung` among finished trials and others, which are running or paused.

    O(log of finished trials + others).
    """
    better, total = finished.rank(loss), len(finished) + 1
    for other in others:
        step = rungs.step_at(rung, other.intermediate_values)
        if step is not None:
            total += 1
            better += loss_of(direction, other.intermediate_values[step]) < loss
    return Standing(loss, better, total)


def is_stopped_at(trial: FrozenTrial, step: int) -> bool:
    """Return whether a trial was pruned after its report at `step`, which was its last one."""
    return trial.state is TrialState.PRUNED and trial.last_step == step
