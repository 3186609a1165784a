"""Ask and tell as pure functions, for people who own their loop, storage and clock.

Each takes a state and returns the next one; the old one stays what it was. Nothing here waits, writes or reads
a clock: pass `at` where times should be shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, overload

from msgspec.structs import replace

from hpo.core.commands import Ask, Command, Enqueue, Report, SetConstraint, Tell
from hpo.core.contracts import (
    Exhausted,
    Pruner,
    Sampler,
    checked_pruner,
    checked_sampler,
    decision_to_stop,
    suggest_joint,
)
from hpo.core.decide import decide, running_trial
from hpo.core.evolve import evolve, replay
from hpo.core.records import TrialStarted
from hpo.core.state import StudyState
from hpo.core.values import Distribution, FrozenTrial, TrialState, as_int
from hpo.errors import InvalidArgument, InvalidType, SearchSpaceExhausted


@overload
def ask(
    state: StudyState,
    sampler: Sampler,
    space: Mapping[str, Distribution] | None = ...,
    n: None = ...,
    *,
    at: float | None = ...,
    worker: str | None = ...,
) -> tuple[StudyState, FrozenTrial]: ...
@overload
def ask(
    state: StudyState,
    sampler: Sampler,
    space: Mapping[str, Distribution] | None = ...,
    n: int = ...,
    *,
    at: float | None = ...,
    worker: str | None = ...,
) -> tuple[StudyState, list[FrozenTrial]]: ...
def ask(
    state: StudyState,
    sampler: Sampler,
    space: Mapping[str, Distribution] | None = None,
    n: int | None = None,
    *,
    at: float | None = None,
    worker: str | None = None,
) -> tuple[StudyState, FrozenTrial] | tuple[StudyState, list[FrozenTrial]]:
    """Start the next trial and give it its parameters.

    Args:
        state: The study.
        sampler: Who suggests; see `Sampler`.
        space: The parameters to suggest. If not given: the state's declared space, or what its history shows.
        n: Start this many, at least 1, and return a list. Each sees the ones before it as running trials.
        at: Now, in seconds since 1970, for display only.
        worker: Who will run it; see `hpo.core.views.running_by_worker`.

    Returns:
        The next state, and the running trial with its `number` and `params`, or a list of `n` such trials. A trial
        that was enqueued is started first, and keeps the values that it was enqueued with.

    Raises:
        SearchSpaceExhausted: the sampler has nothing left. No trial is started.
        InvalidSuggestion: the sampler's answer does not fit the space.
        InvalidArgument: `n` is less than 1.
        InvalidType: the sampler can't be called, or is a class; or `space` is no mapping to distributions.
        ValueOutsideDistribution: the next trial was enqueued with a value of another kind than the space has. Take it
            off the queue with ``tell(state, state.waiting.first(), outcome=TrialState.FAIL)``.

    Example:
        >>> from hpo.core.values.distributions import FloatDistribution
        >>> from hpo.samplers import RandomSampler
        >>> state = StudyState.create(directions=["minimize"], seed=7)
        >>> state, trial = ask(state, RandomSampler(), {"x": FloatDistribution(0.0, 1.0)})
        >>> trial.number, 0.0 <= trial.params["x"] <= 1.0
        (0, True)
        >>> state = tell(state, trial.number, 0.42)
    """
    checked_sampler(sampler)
    if n is None:
        return _ask_one(state, sampler, space, Ask(at, worker))
    trials = []
    for _ in range(checked_batch_size(n)):
        state, trial = _ask_one(state, sampler, space, Ask(at, worker))
        trials.append(trial)
    return state, trials


def tell(
    state: StudyState,
    number: int,
    values: Any = None,
    *,
    outcome: TrialState | None = None,
    at: float | None = None,
    reason: str | None = None,
) -> StudyState:
    """Finish a running trial.

    Args:
        state: The study.
        number: The trial.
        values: Its result: a number, a sequence with one number per direction, or a mapping by metric name.
        outcome: COMPLETE if not given; PRUNED takes the last reported value unless there are `values`; FAIL has none.
        at: Now, in seconds since 1970, for display only.
        reason: Why it failed.

    Returns:
        The next state. A result with a NaN makes a failed trial.

    Raises:
        TrialNotFound, TrialNotRunning: there is no such running trial.
        WrongNumberOfValues, InvalidType, InvalidArgument: the result is not one; nothing is recorded.

    Example:
        >>> from hpo.samplers import RandomSampler
        >>> state, trial = ask(StudyState.create(), RandomSampler())
        >>> told = tell(state, trial.number, 0.5)
        >>> told.trial(0).value, state.trial(0).value  # the old state stays what it was
        (0.5, None)
    """
    return _carry_out(state, Tell(number, values, outcome, at, reason))


def report(state: StudyState, number: int, value: float, step: int) -> StudyState:
    """Record an intermediate value of a running trial; the first value of a step stands.

    Raises:
        TrialNotFound, TrialNotRunning: there is no such running trial.
        InvalidType, InvalidArgument: the value is no number, or the step no whole number from 0 on.

    Example:
        >>> from hpo.samplers import RandomSampler
        >>> state, trial = ask(StudyState.create(), RandomSampler())
        >>> state = report(state, trial.number, 0.9, step=0)
        >>> state.trial(0).intermediate_values
        {0: 0.9}
    """
    return _carry_out(state, Report(number, value, step))


def enqueue(state: StudyState, params: Mapping[str, Any], *, user_attrs: Mapping[str, Any] | None = None) -> StudyState:
    """Let a coming trial have `params`; enqueued trials are started first in, first out.

    Raises:
        InvalidType, InvalidArgument: a value can't be a parameter.
        ValueOutsideDistribution: the declared space can't hold it.

    Example:
        >>> from hpo.core.values.distributions import FloatDistribution
        >>> from hpo.samplers import RandomSampler
        >>> state = enqueue(StudyState.create(), {"x": 0.25})
        >>> state, trial = ask(state, RandomSampler(), {"x": FloatDistribution(0.0, 1.0)})
        >>> trial.params
        {'x': 0.25}
    """
    return _carry_out(state, Enqueue(params, user_attrs))


def set_constraint(state: StudyState, number: int, name: str, value: float) -> StudyState:
    """Record the constraint `name` of a running trial, feasible when <= 0; the first value stands.

    Raises:
        TrialNotFound, TrialNotRunning: there is no such running trial.
        InvalidType, InvalidArgument: the value is no number, or NaN.

    Example:
        >>> from hpo.samplers import RandomSampler
        >>> state, trial = ask(StudyState.create(), RandomSampler())
        >>> state = set_constraint(state, trial.number, "memory", 1.5)
        >>> state.trial(0).feasible
        False
    """
    return _carry_out(state, SetConstraint(number, name, value))


def what_if(state: StudyState, results: Mapping[int, Any]) -> StudyState:
    """The state as it would be if running trials had these results; `state` stays what it is.

    Ask the new one what would be suggested then.

    Args:
        state: The study.
        results: Values by trial number; see `tell`.

    Raises:
        TrialNotFound, TrialNotRunning: a trial isn't running.
        WrongNumberOfValues, InvalidType, InvalidArgument: a result is not one.

    Example:
        >>> from hpo.samplers import RandomSampler
        >>> state, trial = ask(StudyState.create(), RandomSampler())
        >>> len(what_if(state, {trial.number: 0.5}).finished), len(state.finished)
        (1, 0)
    """
    if not isinstance(results, Mapping):
        raise InvalidType(f"results are values by trial number, got {results!r}")
    for number, values in results.items():
        state = tell(state, number, values)
    return state


def should_prune(state: StudyState, pruner: Pruner, number: int) -> bool:
    """Whether `pruner` would stop a running trial, judged by what has been reported.

    Raises:
        TrialNotFound, TrialNotRunning: there is no such running trial.

    Example:
        >>> from hpo.core.contracts.pruner import Decision
        >>> from hpo.samplers import RandomSampler
        >>> state, trial = ask(StudyState.create(), RandomSampler())
        >>> def impatient(state, trial):
        ...     return Decision.STOP if trial.last_step == 1 else Decision.CONTINUE
        >>> should_prune(report(state, trial.number, 0.9, step=1), impatient, trial.number)
        True
    """
    return decision_to_stop(state, checked_pruner(pruner), running_trial(state, number))


def checked_batch_size(n: object) -> int:
    """How many trials to start at once, as a builtin.

    Raises:
        InvalidArgument: `n` is no whole number from 1 on.
    """
    size = as_int(n)
    if size is None or size < 1:
        raise InvalidArgument(f"n is the number of trials to start, at least 1; got {n!r}")
    return size


def _ask_one(
    state: StudyState, sampler: Sampler, space: Mapping[str, Distribution] | None, command: Ask
) -> tuple[StudyState, FrozenTrial]:
    (start,) = decide(state, command)
    assert isinstance(start, TrialStarted), "that is what a trial is asked for with"
    started = evolve(state, start)
    suggest = suggest_joint(started, sampler, started.running[start.number], space)
    if isinstance(suggest, Exhausted):
        raise SearchSpaceExhausted(suggest.reason, suggest.for_now)
    state = _carry_out(started, suggest)
    return state, replace(state.running[start.number])


def _carry_out(state: StudyState, command: Command) -> StudyState:
    return replay(decide(state, command), state)
