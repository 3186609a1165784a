"""Rungs of successive halving, the losses that trials had at them, and the pruners that pause trials at milestones."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from typing import Any

import attrs
from immutables import Map

from hpo.core import (
    BuiltInPruner,
    Decision,
    FrozenTrial,
    SortedRuns,
    StudyState,
    TrialState,
    Verdict,
    option_check,
    to_float_if_number,
    to_int_if_whole,
    whole_from,
)
from hpo.errors import InvalidArgument
from hpo.pruners.reports import NO_NUMBERS, NO_REPORTS, loss_of, only_direction


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

    def reached(self, reports: Mapping[int, Any]) -> int | None:
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

    def step_at(self, rung: int, reports: Mapping[int, Any]) -> int | None:
        """Return the step of the report by which a trial is judged at `rung`, or None if it has none there."""
        milestone = self.milestone(rung)
        if milestone in reports:  # the usual case, without a look at all reports
            return milestone
        following = milestone * self.factor
        return min((step for step in reports if milestone <= step < following), default=None)

    def losses(self, direction: str, reports: Mapping[int, float]) -> list[tuple[int, float]]:
        """Return each rung at which a trial has a value, with its loss there, in ascending order."""
        if len(reports) == 1:  # most of the trials that wait have reported once
            ((step, value),) = reports.items()
            first = self.of(step)
            return [] if first is None else [(first, loss_of(direction, value))]
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


def whole(least: int, default: int | None, *, optional: bool = False) -> Any:
    """Return a field for a whole number of at least `least`, or None if `optional`."""
    return attrs.field(
        default=default, converter=to_int_if_whole, validator=whole_from(least, optional=optional, error=None)
    )


def check_resources(least: int, most: int | None) -> None:
    """Raise `InvalidArgument` if the largest resource is below the least one."""
    if most is not None and most < least:
        raise InvalidArgument(f"max_resource is at least min_resource, got {most} and {least}")


@attrs.frozen
class PauseAtRungs(BuiltInPruner):
    """Pauses a trial whenever it reaches a rung; the pruner that belongs to the promoter `PromotionHalving`.

    A trial pauses at its first report at or after each milestone ``min_resource * reduction_factor**k`` below `max_resource`.
    One whose value there is NaN is stopped, since it would never be promoted. An objective that cannot pause goes on. The
    reason names the rung and the value. O(reports of the trial).

    Args:
        min_resource: The milestone of the first rung, at least 1, in steps.
        reduction_factor: The ratio of neighbouring milestones, at least 2.
        max_resource: The number of steps of a whole trial: no trial pauses there or later. None means that it is not known.

    Raises:
        InvalidArgument: an option is below its lowest value, or `max_resource` is below `min_resource`.
        InvalidType: an option is not a whole number.

    Example:
        >>> import hpo
        >>> trial = hpo.create_study(pruner=PauseAtRungs(1, 3)).ask()
        >>> trial.report(0.5, step=1)
        >>> trial.ask_pruner().decision
        <Decision.PAUSE: 'pause'>
    """

    min_resource: int = whole(1, 1)
    reduction_factor: int = whole(2, 3)
    max_resource: int | None = whole(1, None, optional=True)

    def __attrs_post_init__(self) -> None:
        check_resources(self.min_resource, self.max_resource)

    def __call__(self, state: StudyState, trial: FrozenTrial) -> Decision | Verdict:
        """Return PAUSE if `trial` has just reached a rung below the last one, STOP if it did so with NaN, else CONTINUE.

        Raises:
            SeveralObjectives: the study has several objectives.
        """
        only_direction(state, self)
        reports = trial.intermediate_values
        rung = Rungs(self.min_resource, self.reduction_factor).reached(reports)
        if rung is None:
            return Decision.CONTINUE
        step = max(reports)
        if self.max_resource is not None and step >= self.max_resource:
            return Decision.CONTINUE
        value = reports[step]
        decision = Decision.PAUSE if value == value else Decision.STOP
        return Verdict(decision, {"rule": "rung", "step": step, "rung": rung, "value": value})


def share(default: float, most: float) -> Any:
    """Return a field for a number from 0 to `most`."""
    return attrs.field(
        default=default,
        converter=to_float_if_number,
        validator=option_check(
            f"a number from 0 to {most:g}",
            attrs.validators.instance_of(float),
            attrs.validators.ge(0.0),
            attrs.validators.le(most),
        ),
    )


@attrs.frozen
class PauseInPopulation(BuiltInPruner):
    """Pauses a trial every `interval` steps, or stops it if it is among the worst there; the pruner of `PopulationTraining`.

    A trial is judged at its first report at or after each multiple of `interval`, among all trials that have one there. The worst
    ``ceil(quantile * n)`` of n, but at most half of them, are stopped; ties are not, and NaN always is. The reason names how
    many of how many trials were better. O(reports of all trials at the milestone).

    Args:
        interval: The distance of the milestones, at least 1, in steps.
        quantile: The share that is stopped, from 0 to 0.5.
        max_resource: The number of steps of a whole trial: no trial pauses there or later.

    Raises:
        InvalidArgument: an option is outside of its range.
        InvalidType: an option is not a number.

    Example:
        >>> import hpo
        >>> trial = hpo.create_study(pruner=PauseInPopulation(interval=5)).ask()
        >>> trial.report(0.5, step=5)
        >>> trial.ask_pruner().decision
        <Decision.PAUSE: 'pause'>
    """

    interval: int = whole(1, 1)
    quantile: float = share(0.25, 0.5)
    max_resource: int | None = whole(1, None, optional=True)

    def __call__(self, state: StudyState, trial: FrozenTrial) -> Decision | Verdict:
        """Return PAUSE or STOP if `trial` has just reached a milestone, else CONTINUE.

        Raises:
            SeveralObjectives: the study has several objectives.
        """
        direction = only_direction(state, self)
        last = trial.last_step
        if last is None or last < self.interval or (self.max_resource is not None and last >= self.max_resource):
            return Decision.CONTINUE
        milestone = last - last % self.interval
        if self._step_at(milestone, trial) != last:
            return Decision.CONTINUE
        loss, better, total = loss_of(direction, trial.intermediate_values[last]), 0, 1
        for other in state:
            step = None if other.number == trial.number else self._step_at(milestone, other)
            if step is not None:
                total += 1
                better += loss_of(direction, other.intermediate_values[step]) < loss
        worst = min(math.ceil(self.quantile * total), total // 2)
        value = trial.intermediate_values[last]
        reason = {"rule": "population", "step": last, "value": value, "better": better, "trials": total, "worst": worst}
        stop = value != value or better >= total - worst > 0
        return Verdict(Decision.STOP if stop and total > 1 else Decision.PAUSE, reason)

    def _step_at(self, milestone: int, trial: FrozenTrial) -> int | None:
        """Return the step of the first report of `trial` at or after a milestone and before the next, or None.

        A fork that began after the milestone has none there: it would be judged by its donor's training.
        """
        reports = trial.intermediate_values
        if milestone in reports:
            return milestone
        if trial.parent is not None and min(reports, default=0) > milestone:
            return None
        return min((step for step in reports if milestone <= step < milestone + self.interval), default=None)
