"""Ask and tell as pure functions, for schedulers that own their loop, storage and clock.

Each function takes a state and returns the next one; the old one stays what it was. Nothing here waits, writes or reads
a clock: pass `at` if times should be shown. Where a trial is meant, pass it or its number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias, overload

from msgspec.structs import replace

from hpo.core.commands import (
    Ask,
    Command,
    Enqueue,
    PauseTrial,
    Report,
    ResumeTrial,
    SetConstraint,
    SetStudyAttribute,
    SetTrialAttribute,
    Tell,
)
from hpo.core.contracts import (
    Decision,
    Exhausted,
    Promoter,
    Pruner,
    Sampler,
    checked_promoter,
    checked_pruner,
    checked_sampler,
    judged,
    promotion,
    suggest_joint,
)
from hpo.core.decide import decide, running_trial
from hpo.core.evolve import replay
from hpo.core.records import TrialResumed, TrialStarted
from hpo.core.state import StudyState
from hpo.core.stepping import carried_out, remembering
from hpo.core.values import Distribution, FrozenTrial, Origin, TrialState, as_int
from hpo.errors import InvalidArgument, InvalidType, SearchSpaceExhausted

TrialOrNumber: TypeAlias = FrozenTrial | int


@overload
def ask(
    state: StudyState,
    sampler: Sampler,
    space: Mapping[str, Distribution] | None = ...,
    n: None = ...,
    *,
    at: float | None = ...,
    worker: str | None = ...,
    promoter: Promoter | None = ...,
    origin: Origin | None = ...,
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
    promoter: Promoter | None = ...,
    origin: Origin | None = ...,
) -> tuple[StudyState, list[FrozenTrial]]: ...
def ask(
    state: StudyState,
    sampler: Sampler,
    space: Mapping[str, Distribution] | None = None,
    n: int | None = None,
    *,
    at: float | None = None,
    worker: str | None = None,
    promoter: Promoter | None = None,
    origin: Origin | None = None,
) -> tuple[StudyState, FrozenTrial] | tuple[StudyState, list[FrozenTrial]]:
    """Start the next trial and give it its parameters.

    Args:
        state: The study.
        sampler: The sampler that suggests the parameters.
        space: The parameters to suggest. If not given: the state's declared space, or the one its history shows.
        n: Start this many, at least 1, and return a list. Each sees the ones before it as running trials.
        at: Now, in seconds since 1970, for display only.
        worker: The name of the worker that will run the trial; see `hpo.views.running_by_worker`.
        promoter: Asked first, unless a trial waits in the queue: a paused trial may go on, or a trial be forked.
        origin: Where the request comes from. If its request key was carried out already, the trial that was started
            then is returned, and nothing changes; for one trial at a time.

    Returns:
        The next state, and the running trial with its `number` and `params`, or a list of `n` such trials. A trial
        that was enqueued is started first, and keeps the values that it was enqueued with. A resumed trial has the
        parameters that it had, and its `checkpoint`.

    Raises:
        SearchSpaceExhausted: the sampler has nothing left. No trial is started.
        InvalidSuggestion: the sampler's answer does not fit the space.
        InvalidArgument: `n` is less than 1, or given together with a request key.
        InvalidType: the sampler or promoter can't be called, or is a class; or `space` is not a mapping to
            distributions.
        ValueOutsideDistribution: the next trial was enqueued with a value of another kind than the space has. Take it
            off the queue with ``tell(state, state.waiting.first(), state="fail")``.

    Example:
        >>> from hpo.core.values.distributions import FloatDistribution
        >>> from hpo.samplers import RandomSampler
        >>> state = StudyState.create(direction="minimize", seed=7)
        >>> state, trial = ask(state, RandomSampler(), {"x": FloatDistribution(0.0, 1.0)})
        >>> trial.number, 0.0 <= trial.params["x"] <= 1.0
        (0, True)
        >>> state = tell(state, trial, 0.42)
    """
    checked_sampler(sampler)
    checked_promoter(promoter)
    command = Ask(at, worker, origin)
    if n is None:
        return _ask_one(state, sampler, space, command, promoter)
    if origin is not None and origin.request is not None:
        raise InvalidArgument("a request key stands for one trial: give either n or a request key")
    trials = []
    for _ in range(checked_batch_size(n)):
        state, trial = _ask_one(state, sampler, space, command, promoter)
        trials.append(trial)
    return state, trials


def tell(
    study: StudyState,
    trial: TrialOrNumber,
    values: Any = None,
    state: TrialState | str | None = None,
    *,
    at: float | None = None,
    reason: str | None = None,
    sem: Any = None,
    cost: float | None = None,
    origin: Origin | None = None,
) -> StudyState:
    """Finish a trial, with the arguments of `Study.tell`.

    Args:
        study: The state of the study.
        trial: The running or paused trial, or its number.
        values: Its result: a number, a sequence with one number per direction, or a mapping by metric name.
        state: How it ended, as a `TrialState` or its name: ``"complete"`` if not given; ``"pruned"`` takes the last
            reported value unless there are `values`; ``"fail"`` has none.
        at: Now, in seconds since 1970, for display only.
        reason: Why it failed or was pruned, for people.
        sem: The standard error of each value, at least 0: a number, or a sequence with one per direction.
        cost: What the evaluation cost, at least 0, in a unit of your choice.
        origin: Where the request comes from; one whose request key was carried out already changes nothing.

    Returns:
        The next state. A result with a NaN makes a failed trial.

    Raises:
        TrialNotFound: there is no such trial.
        TrialNotRunning: the trial waits or is finished; the first result stands.
        WrongNumberOfValues, InvalidType, InvalidArgument: an argument is not valid; nothing is recorded.

    Example:
        >>> from hpo.samplers import RandomSampler
        >>> study, trial = ask(StudyState.create(), RandomSampler())
        >>> told = tell(study, trial, 0.5)
        >>> told.trial(0).value, study.trial(0).value  # the old state stays what it was
        (0.5, None)
    """
    command = Tell(_number(trial), values, state, at, reason, sem=sem, cost=cost, origin=origin)
    return carried_out(study, command)


def report(
    state: StudyState,
    trial: TrialOrNumber,
    value: float | Mapping[str, float],
    step: int,
    *,
    origin: Origin | None = None,
) -> StudyState:
    """Record an intermediate value of a running trial, or several by metric name; the first report of a step stands.

    Raises:
        TrialNotFound, TrialNotRunning: there is no such running trial.
        InvalidType, InvalidArgument: the value is not a number or a mapping of them, or the step is not a whole number
            of at least 0.

    Example:
        >>> from hpo.samplers import RandomSampler
        >>> state, trial = ask(StudyState.create(), RandomSampler())
        >>> state = report(state, trial, 0.9, step=0)
        >>> state = report(state, trial, {"loss": 0.7, "latency": 12.0}, step=1)
        >>> state.trial(0).intermediate_values, state.trial(0).metrics
        ({0: 0.9}, {1: {'loss': 0.7, 'latency': 12.0}})
    """
    return carried_out(state, Report(_number(trial), value, step, origin))


def pause(
    state: StudyState,
    trial: TrialOrNumber,
    *,
    checkpoint: str | None = None,
    at: float | None = None,
    origin: Origin | None = None,
) -> StudyState:
    """Let a running trial wait until it is resumed; it keeps what it reported.

    Args:
        state: The study.
        trial: The running trial, or its number.
        checkpoint: Where its objective can continue from, as a string of your own, for example a path or the id of an
            artifact; None keeps an earlier one.
        at: Now, in seconds since 1970, for display only.
        origin: Where the request comes from.

    Raises:
        TrialNotFound, TrialNotRunning: there is no such running trial.
        InvalidType: the checkpoint is not a string.

    Example:
        >>> from hpo.samplers import RandomSampler
        >>> state, trial = ask(StudyState.create(), RandomSampler())
        >>> state = pause(state, trial, checkpoint="weights-10.pt")
        >>> state.trial(0).state, state.trial(0).checkpoint
        (<TrialState.PAUSED: 'paused'>, 'weights-10.pt')
    """
    return carried_out(state, PauseTrial(_number(trial), checkpoint, at, origin))


def resume(
    state: StudyState,
    trial: TrialOrNumber,
    *,
    at: float | None = None,
    worker: str | None = None,
    origin: Origin | None = None,
) -> tuple[StudyState, FrozenTrial]:
    """Let a paused trial run again, for any worker.

    Returns:
        The next state, and the running trial with its parameters and its `checkpoint`.

    Raises:
        TrialNotFound: there is no such trial.
        TrialNotPaused: it is in another state.

    Example:
        >>> from hpo.samplers import RandomSampler
        >>> state, trial = ask(StudyState.create(), RandomSampler())
        >>> state, trial = resume(pause(state, trial, checkpoint="weights-10.pt"), trial)
        >>> trial.state, trial.checkpoint
        (<TrialState.RUNNING: 'running'>, 'weights-10.pt')
    """
    number = _number(trial)
    state = carried_out(state, ResumeTrial(number, at, worker, origin=origin))
    return state, state.trial(number)


def enqueue(
    state: StudyState,
    params: Mapping[str, Any],
    *,
    user_attrs: Mapping[str, Any] | None = None,
    origin: Origin | None = None,
) -> StudyState:
    """Put a trial with `params` into the queue; enqueued trials are started first in, first out.

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
    return carried_out(state, Enqueue(params, user_attrs, origin))


def set_user_attr(
    state: StudyState, trial: TrialOrNumber | None, key: str, value: Any, *, origin: Origin | None = None
) -> StudyState:
    """Attach a value to a running trial, or to the study if `trial` is None; it replaces an earlier one.

    Args:
        state: The study.
        trial: The running trial, its number, or None for the study itself.
        key: The name of the attribute.
        value: JSON values and datetimes, nested at most 100 levels deep.
        origin: Where the request comes from.

    Raises:
        TrialNotFound, TrialNotRunning: there is no such running trial.
        InvalidType: the key is not a string, or the value can't be kept.

    Example:
        >>> set_user_attr(StudyState.create(), None, "data", "digits").user_attrs
        {'data': 'digits'}
    """
    if trial is None:
        return carried_out(state, SetStudyAttribute(key, value, origin))
    return carried_out(state, SetTrialAttribute(_number(trial), key, value, origin))


def set_constraint(
    state: StudyState, trial: TrialOrNumber, name: str, value: float, *, origin: Origin | None = None
) -> StudyState:
    """Record the constraint `name` of a running trial, feasible when <= 0; the first value stands.

    Raises:
        TrialNotFound, TrialNotRunning: there is no such running trial.
        InvalidType, InvalidArgument: the value is not a number, or is NaN.

    Example:
        >>> from hpo.samplers import RandomSampler
        >>> state, trial = ask(StudyState.create(), RandomSampler())
        >>> state = set_constraint(state, trial, "memory", 1.5)
        >>> state.trial(0).feasible
        False
    """
    return carried_out(state, SetConstraint(_number(trial), name, value, origin))


def what_if(state: StudyState, results: Mapping[int, Any]) -> StudyState:
    """Return the state as it would be if running trials had these results; `state` stays what it is.

    Args:
        state: The study.
        results: Values by trial number, as for `tell`.

    Raises:
        TrialNotFound, TrialNotRunning: a trial is not running.
        WrongNumberOfValues, InvalidType, InvalidArgument: a result is not valid.

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


def should_prune(state: StudyState, pruner: Pruner, trial: TrialOrNumber) -> bool:
    """Return whether `pruner` would stop a running trial, judged by what has been reported.

    Raises:
        TrialNotFound, TrialNotRunning: there is no such running trial.
        InvalidType: the pruner can't be called, or its answer is neither a `Decision` nor a `Verdict`.

    Example:
        >>> from hpo.samplers import RandomSampler
        >>> state, trial = ask(StudyState.create(), RandomSampler())
        >>> def impatient(state, trial):
        ...     return Decision.STOP if trial.last_step == 1 else Decision.CONTINUE
        >>> should_prune(report(state, trial, 0.9, step=1), impatient, trial)
        True
    """
    running = running_trial(state, _number(trial))
    return judged(state, checked_pruner(pruner), running).decision is Decision.STOP


def checked_batch_size(n: object) -> int:
    """Return how many trials to start at once, as a builtin.

    Raises:
        InvalidArgument: `n` is not a whole number of at least 1.
    """
    size = as_int(n)
    if size is None or size < 1:
        raise InvalidArgument(f"n is the number of trials to start, at least 1; got {n!r}")
    return size


def _ask_one(
    state: StudyState,
    sampler: Sampler,
    space: Mapping[str, Distribution] | None,
    command: Ask,
    promoter: Promoter | None,
) -> tuple[StudyState, FrozenTrial]:
    origin = command.origin
    if origin is not None and origin.request is not None and origin.request in state.requests:
        number = state.requests[origin.request]
        if number is None:
            raise InvalidArgument(f"the request key {origin.request!r} was used for something other than a trial")
        return state, state.trial(number)
    start: Command = command
    if promoter is not None and not state.waiting:  # an enqueued trial goes first: a person wants it
        promoted = promotion(state, promoter, at=command.at, worker=command.worker)
        start = command if promoted is None else replace(promoted, origin=origin)
    events = decide(state, start)
    started = replay(events, state)
    last = events[-1]
    assert isinstance(last, TrialStarted | TrialResumed), "each of these commands starts a trial"
    trial = started.running[last.number]
    if isinstance(start, ResumeTrial):
        return remembering(started, state, events), trial
    suggest = suggest_joint(started, sampler, trial, space)
    if isinstance(suggest, Exhausted):
        raise SearchSpaceExhausted(suggest.reason, suggest.for_now)
    suggested = decide(started, suggest)
    after = remembering(replay(suggested, started), state, events + suggested)
    return after, after.running[trial.number]


def _number(trial: TrialOrNumber) -> int:
    return trial.number if isinstance(trial, FrozenTrial) else trial
