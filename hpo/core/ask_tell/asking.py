"""Starting trials as pure functions, and carrying out any command on a state."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, overload

from msgspec.structs import force_setattr, replace

from hpo.core.commands import Ask, Command, Enqueue, ResumeTrial
from hpo.core.contracts import (
    Exhausted,
    Promoter,
    Sampler,
    checked_promoter,
    checked_sampler,
    misfits,
    nothing_left,
    promotion,
    space_to_ask,
    suggest_again,
    suggest_joint,
    suggest_lone,
)
from hpo.core.decide import decide
from hpo.core.evolve import replay
from hpo.core.records import AnyEvent, TrialResumed, TrialStarted
from hpo.core.state import StudyState
from hpo.core.values import Distribution, FrozenTrial, Origin, SearchSpace, as_int, checked_origin
from hpo.errors import InvalidArgument, InvalidType, ValueOutsideDistribution


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
        that was enqueued is started first, and keeps the values that it was enqueued with; one that is not a number and
        not in the space that the history shows is in its `fixed_params` only. A resumed trial has the parameters that
        it had, and its `checkpoint`.

    Raises:
        SearchSpaceExhausted: the sampler has nothing left. No trial is started. An enqueued trial starts all the same.
        InvalidSuggestion: the sampler's answer does not fit the space.
        InvalidArgument: `n` is less than 1, or given together with a request key.
        InvalidType: the sampler or promoter can't be called, or is a class; or `space` is not a mapping to
            distributions.
        ValueOutsideDistribution: the next trial was enqueued with a value of another kind than the given or declared
            space has. Take it off the queue with ``tell(state, state.waiting.first(), state="fail")``.

    Example:
        >>> from hpo import FloatDistribution, tell
        >>> from hpo.samplers import RandomSampler
        >>> state = StudyState.create(direction="minimize", seed=7)
        >>> state, trial = ask(state, RandomSampler(), {"x": FloatDistribution(0.0, 1.0)})
        >>> trial.number, 0.0 <= trial.params["x"] <= 1.0
        (0, True)
        >>> state = tell(state, trial, 0.42)
    """
    _check_state(state)
    checked_sampler(sampler)
    if promoter is not None:
        checked_promoter(promoter)
    if origin is not None:
        origin = checked_origin(origin)
    command = Ask(at, worker, origin)
    if n is None:
        return _ask_one(state, sampler, space, command, promoter)
    if origin is not None and origin.request is not None:
        raise InvalidArgument("a request key stands for one trial: give either n or a request key")
    # one after another, so that each sampler call sees the suggestions before it as running trials
    trials = []
    for _ in range(checked_batch_size(n)):
        state, trial = _ask_one(state, sampler, space, command, promoter)
        trials.append(trial)
    return state, trials


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
        >>> from hpo import pause
        >>> from hpo.samplers import RandomSampler
        >>> state, trial = ask(StudyState.create(), RandomSampler())
        >>> state, trial = resume(pause(state, trial, checkpoint="weights-10.pt"), trial)
        >>> trial.state, trial.checkpoint
        (<TrialState.RUNNING: 'running'>, 'weights-10.pt')
    """
    number = number_of(trial)
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
        >>> from hpo import FloatDistribution
        >>> from hpo.samplers import RandomSampler
        >>> state = enqueue(StudyState.create(), {"x": 0.25})
        >>> state, trial = ask(state, RandomSampler(), {"x": FloatDistribution(0.0, 1.0)})
        >>> trial.params
        {'x': 0.25}
    """
    return carried_out(state, Enqueue(params, user_attrs, origin))


def checked_batch_size(n: object) -> int:
    """Return how many trials to start at once, as a builtin.

    Raises:
        InvalidArgument: `n` is not a whole number of at least 1.
    """
    size = as_int(n)
    if size is None or size < 1:
        raise InvalidArgument(f"n is the number of trials to start, at least 1; got {n!r}")
    return size


_STARTS = (TrialStarted, TrialResumed)


def _ask_one(
    state: StudyState,
    sampler: Sampler,
    space: Mapping[str, Distribution] | None,
    command: Ask,
    promoter: Promoter | None,
) -> tuple[StudyState, FrozenTrial]:
    origin = command.origin
    # a client that got no answer asks again: it must not get a second trial
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
    assert isinstance(last, _STARTS), "each of these commands starts a trial"
    trial = started.running[last.number]
    # a resumed trial has its parameters already
    if isinstance(start, ResumeTrial):
        return remembering(started, state, events), trial
    inferred = space is None and state.space is None
    known = space_to_ask(started, sampler, trial) if space is None else _known_space(started, space)
    outside = misfits(trial.fixed_params, known) if inferred and trial.fixed_params else []
    joint = known.without(dict.fromkeys(outside)) if outside else known
    # the sampler sees the state in which its trial has started, which is what replay gives it too
    suggest = suggest_joint(started, sampler, trial, joint)
    if isinstance(suggest, Exhausted):
        if suggest.for_now or trial.number not in state.waiting:
            raise nothing_left(state, suggest, space)
        suggest = suggest_again(started, sampler, trial, joint)
    answers = [suggest]
    for name in outside:
        # Whoever calls `ask` evaluates `params` as they are, and no objective will ask later: so an enqueued number
        # stays, whatever its range was. A value of another kind stays in `fixed_params` alone.
        with contextlib.suppress(ValueOutsideDistribution):
            answers.append(suggest_lone(started, sampler, trial, name, SearchSpace({name: known[name]})))
    after = started
    for answer in answers:
        suggested = decide(after, answer)
        events, after = events + suggested, replay(suggested, after)
    return remembering(after, state, events), after.running[trial.number]


def _known_space(state: StudyState, given: Mapping[str, Distribution]) -> SearchSpace:
    """Return `given` as a search space: the newest one of the study if it is the same in the same order."""
    # A scheduler gives the same dict at every ask. Its space has been checked, and its hash is known.
    if type(given) is dict and state.spaces:
        newest = state.spaces.key_at(len(state.spaces) - 1)
        if newest == given and [*newest] == [*given]:
            return newest
    return SearchSpace.of(given)


TrialOrNumber: TypeAlias = FrozenTrial | int


def number_of(trial: TrialOrNumber) -> int:
    """Return the number of a trial that was given as itself or by its number."""
    return trial if type(trial) is int or not isinstance(trial, FrozenTrial) else trial.number


def _check_state(state: object) -> None:
    if not isinstance(state, StudyState):
        of_study = isinstance(getattr(state, "state", None), StudyState)
        hint = "pass study.state, or call the method of the study, such as study.ask()" if of_study else ""
        raise InvalidType(
            f"the first argument is a StudyState, got {state!r}: {hint or 'StudyState.create() makes one'}"
        )


def carried_out(state: StudyState, command: Command) -> StudyState:
    """Return the state after `command`, which remembers the events for `events_since`.

    Raises:
        HpoError: the command is refused, as by `decide`.

    Example:
        >>> from hpo.core.commands import Ask
        >>> carried_out(StudyState.create(), Ask()).n_trials
        1
    """
    _check_state(state)
    events = decide(state, command)
    return remembering(replay(events, state), state, events) if events else state


def remembering(after: StudyState, before: StudyState, events: Sequence[AnyEvent]) -> StudyState:
    """Return `after`, which `replay` has just made of `before` and `events`; `events_since` then finds these events."""
    # In place, which costs a fifth of a copy of the state: `replay` has made `after`, and nobody else has seen it yet.
    # `log` is not a part of the value either.
    force_setattr(after, "log", before.log.extended(before.version, events))
    return after


def events_since(state: StudyState, version: int) -> list[AnyEvent]:
    """Return the events by which `ask`, `tell` and the other pure functions came from `version` to `state`.

    A scheduler appends them to a list that it keeps, instead of writing whole states, and `replay` reads them back. At
    least the newest 16,384 events are remembered; after `replay` and `StudyState.from_bytes` the memory starts anew.

    Args:
        state: The study.
        version: The `version` of an earlier state, for example of the one that was given to `ask`.

    Returns:
        The events, oldest first; O(their number).

    Raises:
        InvalidArgument: `version` is newer than `state`, or older than what `state` remembers.
        InvalidType: `version` is not an int.

    Example:
        >>> from hpo.core.ask_tell import ask, tell
        >>> from hpo.samplers import RandomSampler
        >>> before = StudyState.create()
        >>> after, trial = ask(before, RandomSampler())
        >>> after = tell(after, trial, 0.5)
        >>> [type(event).__name__ for event in events_since(after, before.version)]
        ['TrialStarted', 'TrialFinished']
        >>> replay(events_since(after, before.version), before) == after
        True
    """
    wanted = as_int(version)
    if wanted is None:
        raise InvalidType(f"a version is a number of events, got {version!r} of type {type(version).__name__}")
    if wanted == state.version:
        return []
    # the log of a state that was replayed or read from bytes ends before the state does, so it says nothing of it
    first = state.log.start if state.log.end == state.version else state.version
    if not first <= wanted <= state.version:
        raise InvalidArgument(
            f"this state has the version {state.version} and remembers the events after version {first}; got {wanted}: "
            "take the events after each step, or keep the state's bytes"
        )
    events: list[AnyEvent] = state.log.since(wanted)
    return events
