"""The stopping rules of this library."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import attrs
from msgspec import Struct

from hpo.core import (
    FrozenDict,
    FrozenTrial,
    Stop,
    StudyState,
    TrialState,
    best_or_none,
    checked_states,
    losses,
    option_check,
    to_float_if_number,
    to_int_if_whole,
    violation,
    whole_from,
)
from hpo.errors import InvalidArgument, SeveralObjectives
from hpo.stopping.combinations import Combinable


def _number(described: str, *checks: Any, optional: bool = False, **options: Any) -> Any:
    validator = option_check(described, attrs.validators.instance_of(float), *checks, optional=optional)
    return attrs.field(converter=to_float_if_number, validator=validator, **options)


def _from_zero(optional: bool = False, **options: Any) -> Any:
    finite = attrs.validators.lt(math.inf)
    return _number("a finite number of at least 0", attrs.validators.ge(0.0), finite, optional=optional, **options)


@attrs.frozen
class MaxTrials(Combinable):
    """Stops when the study has `n_trials` trials, counted over all runs and workers.

    O(trials finished since the last call).

    Args:
        n_trials: How many are enough, at least 0.
        states: The states of the trials that count; None counts all, also running and waiting ones.

    Raises:
        InvalidArgument: `n_trials` is not a whole number of at least 0.
        InvalidType: `states` holds something that is not a state.

    Example:
        >>> import hpo
        >>> hpo.logging.set_verbosity(hpo.logging.WARNING)
        >>> study = hpo.create_study(sampler=hpo.samplers.RandomSampler(), seed=1)
        >>> for _ in range(2):
        ...     study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3, stop=MaxTrials(5))
        >>> len(study.trials)
        5
    """

    n_trials: int = attrs.field(converter=to_int_if_whole, validator=whole_from(0))
    states: tuple[TrialState, ...] | None = attrs.field(default=(TrialState.COMPLETE,), converter=checked_states)

    def __call__(self, state: StudyState) -> Stop | None:
        """Return a stop if the study has enough trials."""
        n_trials = number_of_trials(state, self.states)
        if n_trials < self.n_trials:
            return None
        return Stop({"rule": "max trials", "trials": n_trials, "limit": self.n_trials})


def number_of_trials(state: StudyState, states: Iterable[TrialState] | None) -> int:
    """Return how many trials of a study are in one of `states`, or in any state if that is None.

    O(trials finished since the last call).

    Example:
        >>> number_of_trials(StudyState.create(), [TrialState.COMPLETE])
        0
    """
    if states is None:
        return state.n_trials
    finished = state.finished.fold(_FinishedByState())
    counts = {
        **finished,
        TrialState.RUNNING: len(state.running),
        TrialState.PAUSED: len(state.paused),
        TrialState.WAITING: len(state.waiting),
    }
    return sum(counts.get(each, 0) for each in states)


class _FinishedByState(Struct, frozen=True):
    """Fold: the number of finished trials in each state."""

    def init(self) -> FrozenDict[TrialState, int]:
        return FrozenDict()

    def step(self, carry: FrozenDict[TrialState, int], trial: FrozenTrial) -> FrozenDict[TrialState, int]:
        return carry.with_item(trial.state, carry.get(trial.state, 0) + 1)


@attrs.frozen
class Timeout(Combinable):
    """Stops when a study has been going on for some time, by the times that its journal has.

    The time runs from the start of the first trial to the newest start or end of one. So the rule is a function of the state, and
    notices the time when something happens; the argument `timeout` of `Study.optimize` limits one run by the clock.
    O(trials finished since the last call + running trials).

    Args:
        seconds: The time limit, at least 0.

    Raises:
        InvalidArgument: `seconds` is negative or not finite.
        InvalidType: `seconds` is not a number.

    Example:
        >>> Timeout(3600.0)(StudyState.create()) is None
        True
    """

    seconds: float = _from_zero()

    def __call__(self, state: StudyState) -> Stop | None:
        """Return a stop if the time is over."""
        if not state.finished:
            return None
        first, last = state.finished.fold(_Times())
        started = [trial.started_at for trial in state.running.values() if trial.started_at is not None]
        elapsed = max([last, *started]) - min([first, *started])
        return Stop({"rule": "timeout", "seconds": elapsed, "limit": self.seconds}) if elapsed >= self.seconds else None


@attrs.frozen
class _Times:
    """Fold: the first start and the last end of a trial."""

    def init(self) -> tuple[float, float]:
        return math.inf, -math.inf

    def step(self, carry: tuple[float, float], trial: FrozenTrial) -> tuple[float, float]:
        first, last = carry
        return (
            first if trial.started_at is None else min(first, trial.started_at),
            last if trial.finished_at is None else max(last, trial.finished_at),
        )


@attrs.frozen
class NoImprovement(Combinable):
    """Stops when the best value has not improved in the last `patience` complete trials.

    Feasible trials are better than infeasible ones, and among those a smaller total violation is an improvement.
    O(trials finished since the last call).

    Args:
        patience: The number of complete trials without an improvement, at least 1.
        min_delta: By how much a value must be better to be an improvement, at least 0, in units of the objective.

    Raises:
        InvalidArgument: an option is below its lowest value.
        InvalidType: an option is not a number.

    Example:
        >>> import hpo
        >>> study = hpo.create_study()
        >>> study.add_trials([hpo.create_trial(value=value) for value in (3.0, 1.0, 2.0, 2.0)])
        >>> NoImprovement(3)(study.state) is None, NoImprovement(2)(study.state).reason["trials"]
        (True, 2)
    """

    patience: int = attrs.field(converter=to_int_if_whole, validator=whole_from(1, error=None))
    min_delta: float = _from_zero(default=0.0)

    def __call__(self, state: StudyState) -> Stop | None:
        """Return a stop if patience is at its end.

        Raises:
            SeveralObjectives: the study has several objectives.
        """
        best = _progress(state, self, self.min_delta)
        if best.since < self.patience:
            return None
        return Stop({"rule": "no improvement", "trials": best.since, "limit": self.patience, "best_trial": best.number})


@attrs.frozen
class BestValueStagnation(Combinable):
    """Stops when the best complete trial is more than `max_stagnation_trials` complete trials old.

    It is `NoImprovement` with one trial more of patience, and is here under the name and with the default that Optuna's
    `BestValueStagnationEvaluator` has.

    Args:
        max_stagnation_trials: The number of complete trials without an improvement that are accepted, at least 0.

    Raises:
        InvalidArgument: it is negative.
        InvalidType: it is not a whole number.

    Example:
        >>> import hpo
        >>> study = hpo.create_study()
        >>> study.add_trials([hpo.create_trial(value=value) for value in (3.0, 1.0, 2.0, 2.0)])
        >>> BestValueStagnation(2)(study.state) is None, BestValueStagnation(1)(study.state) is None
        (True, False)
    """

    max_stagnation_trials: int = attrs.field(default=30, converter=to_int_if_whole, validator=whole_from(0, error=None))

    def __call__(self, state: StudyState) -> Stop | None:
        """Return a stop if the best value has stagnated for too long.

        Raises:
            SeveralObjectives: the study has several objectives.
        """
        best, limit = _progress(state, self, 0.0), self.max_stagnation_trials
        if best.since <= limit:
            return None
        return Stop({"rule": "stagnation", "trials": best.since, "limit": limit, "best_trial": best.number})


class _Progress(Struct, frozen=True):
    """The best complete trial, and how many complete trials ended after the latest improvement."""

    rank: tuple[float, float] = (math.inf, math.inf)
    number: int | None = None
    since: int = 0


@attrs.frozen
class _Improvements:
    """Fold: the progress of a study with one objective."""

    direction: str
    min_delta: float

    def init(self) -> _Progress:
        return _Progress()

    def step(self, carry: _Progress, trial: FrozenTrial) -> _Progress:
        if trial.state is not TrialState.COMPLETE or trial.values is None:
            return carry
        amount, (loss,) = violation(trial), losses((self.direction,), trial.values)
        best_amount, best_loss = carry.rank
        better = (
            carry.number is None
            or amount < best_amount
            or (amount == best_amount and loss < best_loss - self.min_delta)
        )
        return (
            _Progress((amount, loss), trial.number) if better else _Progress(carry.rank, carry.number, carry.since + 1)
        )


def _progress(state: StudyState, rule: object, min_delta: float) -> _Progress:
    if len(state.directions) != 1:
        raise SeveralObjectives(type(rule).__name__, "MaxTrials, Timeout or Budget")
    return state.finished.fold(_Improvements(state.directions[0], min_delta))


@attrs.frozen
class TargetReached(Combinable):
    """Stops when a feasible complete trial is at least as good as a target.

    Args:
        target: The value to reach, in the direction of the study.

    Raises:
        InvalidArgument: the target is NaN.
        InvalidType: the target is not a number.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(direction="maximize")
        >>> study.add_trial(hpo.create_trial(value=0.97))
        >>> TargetReached(0.98)(study.state) is None, TargetReached(0.97)(study.state).reason["best_trial"]
        (True, 0)
    """

    target: float = _number("a number", attrs.validators.ge(-math.inf))

    def __call__(self, state: StudyState) -> Stop | None:
        """Return a stop if the target is reached.

        Raises:
            SeveralObjectives: the study has several objectives.
        """
        if len(state.directions) != 1:
            raise SeveralObjectives("TargetReached", "MaxTrials, Timeout or Budget")
        best = best_or_none(state)
        if best is None or best.values is None or violation(best):
            return None
        (loss,), (target,) = losses(state.directions, best.values), losses(state.directions, (self.target,))
        if not loss <= target:
            return None
        return Stop({"rule": "target", "value": best.values[0], "target": self.target, "best_trial": best.number})


@attrs.frozen
class Budget(Combinable):
    """Stops when the finished trials have used up a budget of seconds, or of the `cost` that they were told with.

    Trials on several workers count each for itself, unlike in `Timeout`. A trial without times, or without a cost, counts as
    nothing, and so do running ones. O(trials finished since the last call).

    Args:
        seconds: The total duration of the finished trials, at least 0; None means no limit.
        cost: Their total cost, at least 0, in the unit of your `cost`; None means no limit. One of the two must be given.

    Raises:
        InvalidArgument: neither is given, or one is negative or not finite.
        InvalidType: one is not a number.

    Example:
        >>> import hpo
        >>> study = hpo.create_study()
        >>> study.add_trials([hpo.create_trial(value=1.0, cost=cost) for cost in (2.0, 3.0)])
        >>> Budget(cost=6.0)(study.state) is None, Budget(cost=5.0)(study.state).reason
        (True, {'rule': 'budget', 'cost': 5.0, 'limit': 5.0})
    """

    seconds: float | None = _from_zero(default=None, optional=True)
    cost: float | None = _from_zero(default=None, optional=True)

    def __attrs_post_init__(self) -> None:
        if self.seconds is None and self.cost is None:
            raise InvalidArgument("Budget needs a limit: give seconds, cost or both")

    def __call__(self, state: StudyState) -> Stop | None:
        """Return a stop if a budget is used up."""
        if not state.finished:
            return None
        seconds, cost = state.finished.fold(_Used())
        for unit, limit, used in (("seconds", self.seconds, seconds), ("cost", self.cost, cost)):
            if limit is not None and used >= limit:
                return Stop({"rule": "budget", unit: used, "limit": limit})
        return None


@attrs.frozen
class _Used:
    """Fold: the seconds and the cost of finished trials."""

    def init(self) -> tuple[float, float]:
        return 0.0, 0.0

    def step(self, carry: tuple[float, float], trial: FrozenTrial) -> tuple[float, float]:
        seconds = 0.0 if trial.duration is None else trial.duration.total_seconds()
        return carry[0] + seconds, carry[1] + (trial.cost or 0.0)
